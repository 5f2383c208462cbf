import { describe, expect, it } from "vitest";
import type { Action } from "../protocol/machine.ts";
import { LIBRARY } from "../scenario/library/library.ts";
import { accessOf } from "./first_choice.ts";
import { readLink, writeLink } from "./link_view.ts";
import { EMPTY_DOCUMENT } from "./scripted_engine.ts";
import { setUp } from "./scripted_store.ts";

const ENTRY = LIBRARY[0]!;
const dma = (iova: bigint, sid = 16): Action & { readonly do: "dma" } => ({
  do: "dma",
  sid,
  ssid: null,
  iova,
  write: true,
  privileged: false,
  instruction: false,
  length: 4,
});

describe("The library", () => {
  it("lists every entry under a name that a link carries, with what its notes say", async () => {
    const { now } = setUp();
    await now().start("");
    await now().openLibrary();
    expect(now().over).toBe("library");
    expect(now().library?.map(({ id }) => id)).toEqual(LIBRARY.map(({ id }) => id));
    for (const { id, title, told } of now().library ?? []) {
      expect(readLink(writeLink("", { library: id })).view.library).toBe(id);
      expect(title).not.toBe("");
      expect(told).not.toBe("");
    }
  });

  it.each(LIBRARY.map(({ id }) => id))("opens %s for teaching, before its first action", async (id) => {
    const { now, visited, cleared } = setUp();
    await now().start("");
    await now().openLesson(id);
    const { title, actions, notes, machine } = LIBRARY.find((lesson) => lesson.id === id)!.document();
    expect(now().summary).toMatchObject({ title, step: 0, actionCount: actions.length, notes });
    expect(now().preset).toBe("teach");
    const given = actions.find((action) => action.do === "guest map" || action.do === "guest bind");
    const made = actions.map(accessOf).find((access) => access !== null);
    const turning = made ?? (given && { sid: machine.devices[0]?.sid, ssid: given.pasid, iova: given.iova });
    expect(now().access).toMatchObject(turning ?? {});
    expect(visited).toEqual([`library=${id}`]);
    expect(cleared).toEqual([]);
  });

  it("opens what a link names, at the step and in the preset it names, and leaves the address alone", async () => {
    const { now, visited, cleared } = setUp();
    await now().start(`#library=${ENTRY.id}&step=2&preset=software`);
    expect(now().summary).toMatchObject({ title: ENTRY.title, step: 2 });
    expect(now().preset).toBe("software");
    expect(now().source).toBe("from the library");
    expect([visited, cleared]).toEqual([[], []]);
  });

  it("says so where a link names nothing it has, and the first visit shows the shipped capture", async () => {
    const { now } = setUp();
    await now().start("#library=no-such-thing");
    expect(now().summary?.title).toBe("shipped");
    expect(now().notices).toMatchObject([{ tone: "fault", place: "no-such-thing" }]);
    await now().followFragment("#library=");
    expect(now().summary?.title).toBe("shipped");
  });

  it("opens the case where a link holds both", async () => {
    const { now } = setUp();
    await now().start(`#c=1.%%%&library=${ENTRY.id}`);
    expect(now().notices[0]?.place).not.toBe(ENTRY.id);
    expect(now().summary?.title).toBe("shipped");
  });

  it("keeps its notes when the engine is started again", async () => {
    const { now, running } = setUp();
    await now().start(`#library=${ENTRY.id}&step=3`);
    const { notes } = now().summary!;
    running().die("gone.");
    await now().restartEngine();
    expect(now().summary).toMatchObject({ title: ENTRY.title, step: 3, notes });
  });
});

describe("Going through a session with notes", () => {
  const told = {
    ...EMPTY_DOCUMENT,
    title: "told",
    actions: [dma(0x1000n), { do: "guest faults" } as const, dma(0x2000n, 8)],
  };

  it("walks what a device did in the newest action as it found the machine, and keeps the walk where it was no device", async () => {
    const { now } = setUp();
    await now().start("");
    await now().openDocument({ ...told, notes: [{ step: 0, text: "begins" }] }, "a test");
    const walked: unknown[] = [];
    for (const step of [0, 1, 2, 3, 2]) {
      await now().seek(step);
      walked.push([step, now().stream?.sid, now().walk?.digest]);
    }
    expect(walked.slice(1)).toEqual([
      [1, 16, "walk of 16 at 1000 after 0"],
      [2, 16, "walk of 16 at 1000 after 2"],
      [3, 8, "walk of 8 at 2000 after 2"],
      [2, 8, "walk of 8 at 2000 after 2"],
    ]);
  });

  it("leaves the walk alone in a session without notes", async () => {
    const { now } = setUp();
    await now().start("");
    await now().openDocument(told, "a test");
    const before = now().access;
    await now().seek(1);
    await now().seek(3);
    expect(now().access).toEqual(before);
  });
});
