import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { noteStepFrom, noteStops, stopAt } from "./notes.ts";

const sessions = fc.integer({ min: 0, max: 20 }).chain((actionCount) =>
  fc.record({
    actionCount: fc.constant(actionCount),
    step: fc.integer({ min: 0, max: actionCount }),
    notes: fc.array(fc.record({ step: fc.integer({ min: 0, max: 25 }), text: fc.string() })),
  }),
);

describe("Notes to steps", () => {
  it("are read together where they speak of one step, in their order, and never beyond the last action", () => {
    const notes = [
      { step: 4, text: "c" },
      { step: 0, text: "a" },
      { step: 4, text: "d" },
      { step: 9, text: "gone" },
      { step: 2, text: "b" },
    ];
    expect(noteStops({ notes, actionCount: 8 })).toEqual([
      { step: 0, text: "a" },
      { step: 2, text: "b" },
      { step: 4, text: "c\n\nd" },
    ]);
  });

  it("speak of the steps up to the next note", () => {
    const stops = noteStops({
      notes: [
        { step: 1, text: "a" },
        { step: 3, text: "b" },
      ],
      actionCount: 5,
    });
    expect([0, 1, 2, 3, 4, 5].map((step) => stopAt(stops, step))).toEqual([-1, 0, 0, 1, 1, 1]);
  });

  it("are all come to by going forward from the start, and again by going back from the end", () => {
    fc.assert(
      fc.property(sessions, (session) => {
        const steps = noteStops(session).map((s) => s.step);
        const visit = (from: number, by: 1 | -1): number[] => {
          const to = noteStepFrom({ ...session, step: from }, by);
          return to === null ? [] : [to, ...visit(to, by)];
        };
        expect(visit(-1, 1)).toEqual(steps);
        expect(visit(session.actionCount + 1, -1)).toEqual(steps.toReversed());
      }),
    );
  });

  it("are not there without a session", () => {
    expect(noteStepFrom(null, 1)).toBe(null);
    expect(noteStepFrom({ notes: [], actionCount: 3, step: 1 }, -1)).toBe(null);
  });
});
