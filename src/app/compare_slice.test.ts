import { describe, expect, it } from "vitest";
import { LIBRARY } from "../scenario/library/library.ts";
import { sideQuery } from "./compare_slice.ts";
import { EMPTY_DOCUMENT } from "./scripted_engine.ts";
import { setUp } from "./scripted_store.ts";

const stray = { do: "toggle", at: 0n, bit: 0 } as const;
const LESSON = LIBRARY[0]!;

describe("The sides of a comparison", () => {
  it("are the beginning and now, or the last step from the beginning, and stay within the session", async () => {
    const { now } = setUp();
    await now().start("");
    await now().openDocument({ ...EMPTY_DOCUMENT, title: "one", actions: [stray, stray, stray] }, "a test");
    const steps = () => [now().comparison.left, now().comparison.right].map((side) => sideQuery(side, now())?.step);
    expect(steps()).toEqual([0, 3]);
    await now().seek(2);
    expect(steps()).toEqual([0, 2]);
    await now().seek(0);
    expect(steps()).toEqual([0, 3]);
    await now().seek(2);
    now().setSide("left", { of: "session", step: 99 });
    expect(steps()).toEqual([3, 2]);
    now().swapSides();
    expect(steps()).toEqual([2, 3]);
  });

  it("take a scenario of the library, or what is kept, as the left one", async () => {
    const { now, running } = setUp();
    await now().start("");
    await now().compareWithLesson(LESSON.id);
    expect(now().comparison).toMatchObject({
      left: { of: "beside" },
      right: { of: "session" },
      beside: { title: LESSON.title, lesson: LESSON.id },
    });
    await now().keepBeside();
    expect(now().comparison.beside).toMatchObject({ title: now().summary!.title, lesson: null });
    expect(running().calls.filter(({ name }) => name === "openBeside")).toHaveLength(2);
    await now().compareWithLesson("none");
    expect(now().notices.at(-1)).toMatchObject({ tone: "fault", place: "none" });
  });

  it("are of the session alone once the engine that held the other has stopped", async () => {
    const { now, running } = setUp();
    await now().start("");
    await now().compareWithLesson(LESSON.id);
    running().die("gone.");
    expect(now().comparison).toMatchObject({ left: { of: "session" }, right: { of: "session" }, beside: null });
  });

  it("are named by a link", async () => {
    const { now } = setUp();
    await now().start(`#library=${LESSON.id}&left=1&right=${LESSON.id}@0`);
    expect(now().comparison).toMatchObject({
      left: { of: "session", step: 1 },
      right: { of: "beside", step: 0 },
      beside: { lesson: LESSON.id },
    });
  });
});
