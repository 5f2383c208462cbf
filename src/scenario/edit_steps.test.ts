import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readText } from "./check_text.ts";
import { changeSteps } from "./edit_steps.ts";

const step = (bit: number) => ({ do: "toggle", at: "0x1000", bit });
const TEXT = `${JSON.stringify(
  {
    v: 1,
    title: "three",
    machine: { arch: "vtd", registers: {} },
    steps: [step(0), step(1), step(2)],
    notes: [
      { step: 0, text: "before" },
      { step: 2, text: "second" },
      { step: 3, text: "third" },
    ],
    view: null,
  },
  null,
  1,
)}\n`;

/** Bits of the steps, and each note with the bit of the step that it is shown after. */
function told(text: string) {
  const { scenario, problems } = readText(text);
  expect(problems).toEqual([]);
  const bits = (scenario?.actions ?? []).map((a) => (a.do === "toggle" ? a.bit : -1));
  return { bits, notes: (scenario?.notes ?? []).map((n) => [n.step === 0 ? "start" : bits[n.step - 1], n.text]) };
}

describe("Changing the steps of a text", () => {
  it("moves a step with its note, and not past an end", () => {
    const up = changeSteps(TEXT, { change: "move", at: 1, by: -1 });
    expect(told(up)).toEqual({
      bits: [1, 0, 2],
      notes: [
        ["start", "before"],
        [1, "second"],
        [2, "third"],
      ],
    });
    expect(changeSteps(up, { change: "move", at: 0, by: 1 })).toBe(TEXT);
    expect(changeSteps(TEXT, { change: "move", at: 0, by: -1 })).toBe(TEXT);
    expect(changeSteps(TEXT, { change: "move", at: 2, by: 1 })).toBe(TEXT);
  });

  it("deletes and duplicates a step; later notes keep to their steps", () => {
    const less = changeSteps(TEXT, { change: "delete", at: 1 });
    expect(told(less)).toEqual({
      bits: [0, 2],
      notes: [
        ["start", "before"],
        [2, "third"],
      ],
    });
    const more = changeSteps(TEXT, { change: "duplicate", at: 1 });
    expect(told(more).bits).toEqual([0, 1, 1, 2]);
    expect(JSON.parse(more).notes.map((n: { step: number }) => n.step)).toEqual([0, 2, 4]);
    expect(changeSteps(more, { change: "delete", at: 2 })).toBe(TEXT);
  });

  it("writes, replaces and takes away a note, also before the first step", () => {
    const one = changeSteps(TEXT, { change: "note", at: 0, text: "first" });
    expect(told(one).notes).toEqual([
      ["start", "before"],
      [0, "first"],
      [1, "second"],
      [2, "third"],
    ]);
    expect(changeSteps(one, { change: "note", at: 0, text: "" })).toBe(TEXT);
    expect(told(changeSteps(TEXT, { change: "note", at: -1, text: "new" })).notes[0]).toEqual(["start", "new"]);
  });

  it("keeps every other key as it stands, and drops what is empty", () => {
    const none = [0, 0, 0].reduce((text, at) => changeSteps(text, { change: "delete", at }), TEXT);
    expect(JSON.parse(none)).toEqual({
      v: 1,
      title: "three",
      machine: { arch: "vtd", registers: {} },
      notes: [{ step: 0, text: "before" }],
      view: null,
    });
  });

  it("never loses or doubles a note by moving, seed 1", () => {
    const moves = fc.array(fc.tuple(fc.nat({ max: 3 }), fc.constantFrom<1 | -1>(1, -1)), { maxLength: 12 });
    fc.assert(
      fc.property(moves, (list) => {
        const text = list.reduce((t, [at, by]) => changeSteps(t, { change: "move", at, by }), TEXT);
        const { bits, notes } = told(text);
        expect([...bits].sort()).toEqual([0, 1, 2]);
        expect(notes.map(String).sort()).toEqual(["1,second", "2,third", "start,before"]);
      }),
      { seed: 1, numRuns: 30 },
    );
  });
});
