import { describe, expect, it } from "vitest";
import type { Action } from "../protocol/machine.ts";
import { openLesson } from "../scenario/testing/lessons.ts";
import { nextCalls, refusalOf } from "../views/software/next_calls.ts";

describe.each(["nested-dma", "nested-vtd", "nested-amd"])("trying calls of the kernel, %s", (lesson) => {
  it("foretells for every kind of object what the kernel then answers, and leaves the session alone", async () => {
    const session = await openLesson(lesson);
    const { objects } = session.software()!;
    const before = session.summary();
    const answers = new Set<string>();
    for (const row of objects.filter(({ type }, i) => objects.findIndex((other) => other.type === type) === i)) {
      const calls = nextCalls(row, objects);
      const tried = session.trial(calls);
      if (!tried.ok) throw new Error(tried.error.detail);
      expect(session.summary()).toEqual(before);
      expect(tried.value).toHaveLength(calls.length);
      for (const [i, result] of tried.value.entries()) {
        if (result.type !== "software") throw new Error(`${calls[i]!.call} did nothing`);
        expect(result.done).toBe(true);
        answers.add(refusalOf(calls[i]!.call, result.about)?.errno ?? "done");
      }
    }
    // Something goes through, and something is refused.
    expect(answers.has("done")).toBe(true);
    expect(answers.has("EBUSY")).toBe(true);
    const row = objects.find(({ type }) => type === "HWPT_PAGING")!;
    const [call] = nextCalls(row, objects);
    const told = session.trial([call!]);
    session.apply(call!);
    const { total } = session.log(0, 0);
    expect(told).toEqual({ ok: true, value: [session.log(total - 1, 1).rows[0]!.result] });
  });
});

it("is refused after too many steps, and for an action that cannot be done", async () => {
  const session = await openLesson("nested-dma");
  const stray: Action = { do: "toggle", at: 3n, bit: 0 };
  expect(session.trial([stray])).toMatchObject({ ok: false, error: { place: "action" } });
  session.applyAll(Array.from({ length: 1001 }, (): Action => ({ do: "toggle", at: 0x4000_0000n, bit: 0 })));
  expect(session.trial([])).toMatchObject({ ok: false });
});
