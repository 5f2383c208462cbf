import { describe, expect, it } from "vitest";
import type { ComparedPartId, ComparisonAnswer, DifferenceRow } from "../../protocol/comparison.ts";
import { type Access, ARCHES, type Arch } from "../../protocol/machine.ts";
import { openLesson } from "../../scenario/testing/lessons.ts";
import { Session } from "../session.ts";
import { WORLDS } from "../testing/worlds.ts";
import { loadArchitecture } from "../units.ts";
import { compareStates, type Look } from "./compare.ts";
import { structureItems } from "./items.ts";

const LESSONS: Readonly<Record<Arch, string>> = { smmuv3: "nested-dma", vtd: "nested-vtd", amdvi: "nested-amd" };

const openOn = (arch: Arch): Promise<Session> => openLesson(LESSONS[arch]);

const at =
  (session: Session, step: number): Look =>
  (look) =>
    session.lookAt(step, look);

function compare(session: Session, left: number, right: number, access: Access | null = null): ComparisonAnswer {
  const answer = compareStates([at(session, left), at(session, right)], access);
  if (!answer.ok) throw new Error(answer.error.detail);
  return answer.value;
}

const rowsOf = (answer: ComparisonAnswer, part: ComparedPartId): readonly DifferenceRow[] =>
  answer.parts.find(({ id }) => id === part)!.rows;

describe.each(ARCHES)("comparing two steps of a session, %s", (arch) => {
  it("finds nothing between a step and itself, and leaves the session where it is", async () => {
    const session = await openOn(arch);
    const before = session.summary();
    const { digests, parts } = compare(session, 1, 1);
    expect(digests[0]).toBe(digests[1]);
    expect(parts.map(({ differing }) => differing)).toEqual([0, 0, 0, 0, 0, 0]);
    for (const id of ["registers", "structures", "leaves", "queues", "software"] as const) {
      expect([id, parts.find((part) => part.id === id)!.alike > 0]).toEqual([id, true]);
    }
    expect(session.summary()).toEqual(before);
  });

  it("tells four pages that a guest mapped as one range that was added, and as removed the other way round", async () => {
    const session = await openOn(arch);
    const added = rowsOf(compare(session, 0, 1), "leaves");
    expect(added.length).toBeGreaterThan(0);
    for (const row of added) {
      expect(row.what).toMatch(/0x100000 to 0x103fff, 4 leaves$/);
      expect(row).toMatchObject({ left: null, right: expect.stringMatching(/^to 0x[0-9a-f]+ rw/) });
    }
    const removed = rowsOf(compare(session, 1, 0), "leaves");
    expect(removed).toEqual(added.map((row) => ({ ...row, left: row.right, right: row.left })));
  });

  it("walks the same request on both sides", async () => {
    const session = await openOn(arch);
    const [row] = rowsOf(compare(session, 0, 1), "leaves");
    const { walks } = compare(session, 0, 1, row!.access!);
    const [before, after] = walks!;
    expect([before.access, after.access]).toEqual([row!.access, row!.access]);
    expect(after.outcome.type).toBe("ok");
    expect(after.digest).not.toBe(before.digest);
  });

  it("names the fields of a structure that differ, and no others", async () => {
    const world = WORLDS[arch](1);
    const document = { title: "", about: "", machine: world.machine, recorded: { accesses: [], events: [] } };
    const opened = Session.open({ ...document, actions: [] }, await loadArchitecture(arch));
    if (!opened.ok) throw new Error(opened.error.detail);
    const session = opened.value;
    const { sid, ssid } = world.access();
    const items = session.lookAt(0, ({ inspect }) => structureItems(inspect, arch, [{ sid, ssid }]));
    if (!items.ok || items.value.length === 0) throw new Error("no structures");
    for (const { what, place, fields } of items.value) {
      const { name, lo } = fields[0]!;
      session.seek(0);
      session.apply({ do: "toggle", at: place!.pa + 8n * BigInt(lo >> 6), bit: lo & 63 });
      const rows = rowsOf(compare(session, 0, 1), "structures");
      const row = rows.find(({ places }) => places?.every((there) => there?.pa === place!.pa));
      expect([what, row?.fields.map((field) => field.name)]).toEqual([what, [name]]);
      const [field] = row!.fields;
      expect(field!.left!.value).not.toBe(field!.right!.value);
    }
  });

  it("tells registers, queue ends and written slots that changed", async () => {
    const session = await openOn(arch);
    const last = session.summary().actionCount;
    const answer = compare(session, 0, last);
    expect(rowsOf(answer, "registers").length).toBeGreaterThan(0);
    const queues = rowsOf(answer, "queues");
    expect(queues.some(({ what, left }) => /slot/.test(what) && left === null)).toBe(true);
    expect(queues.some(({ what, left }) => !/slot/.test(what) && left !== null)).toBe(true);
    expect(answer.digests[0]).not.toBe(answer.digests[1]);
  });

  it("tells objects of the kernel, lines of logs and how often what was done", async () => {
    const session = await openOn(arch);
    const last = session.summary().actionCount;
    const rows = rowsOf(compare(session, 0, last), "software");
    // The guest of the first lesson is handed its events, and logs them.
    const log = rows.filter(({ what }) => what.startsWith("Line of the guest's log"));
    expect([log.length > 0, log.every(({ left }) => left === null)]).toEqual([arch === "smmuv3", true]);
    expect(rows.find(({ what }) => what === "How many: memory write")).toMatchObject({
      left: expect.stringMatching(/^[\d,]+$/),
      right: expect.stringMatching(/^[\d,]+$/),
    });
    expect(session.apply({ do: "vmm call", call: "IOMMU_IOAS_ALLOC", fields: {} })).toMatchObject({ ok: true });
    const [added] = rowsOf(compare(session, last, last + 1), "software");
    expect(added).toMatchObject({ left: null, right: "0 mapped ranges, holds none, 0 users" });
    expect(added!.what).toMatch(/^IOAS \d+$/);
  });
});

it("compares of two architectures what both have, and says of the rest why not", async () => {
  const [one, other] = await Promise.all([openOn("smmuv3"), openOn("vtd")]);
  const answer = compareStates([at(one, 1), at(other, 1)], null);
  if (!answer.ok) throw new Error(answer.error.detail);
  const { parts } = answer.value;
  const compared = parts.filter(({ why }) => why === undefined);
  expect(compared.map(({ id }) => id)).toEqual(["leaves", "software"]);
  expect(compared.every(({ alike, differing }) => alike + differing > 0)).toBe(true);
  const apart = parts.filter(({ why }) => why !== undefined);
  expect(apart.map(({ differing, alike, rows }) => differing + alike + rows.length)).toEqual([0, 0, 0, 0]);
  // The guests map the same addresses; what they lead to is each host's.
  expect(rowsOf(answer.value, "leaves").length + compared[0]!.alike).toBeGreaterThan(0);
});

it("answers a problem for a step that the session does not have", async () => {
  const session = await openOn("smmuv3");
  const refused = { ok: false, error: { place: "step 99" } };
  expect(compareStates([at(session, 0), at(session, 99)], null)).toMatchObject(refused);
  expect(compareStates([at(session, 99), at(session, 0)], null)).toMatchObject(refused);
});
