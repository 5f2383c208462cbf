import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sameAnswer } from "./same_answer.ts";

const leaf = fc.oneof(
  fc.integer(),
  fc.bigInt(),
  fc.string(),
  fc.boolean(),
  fc.constant(null),
  fc.uint32Array({ maxLength: 8 }),
);
const answer = fc.letrec((tie) => ({
  any: fc.oneof(
    { depthSize: "small" },
    leaf,
    fc.array(tie("any"), { maxLength: 4 }),
    fc.dictionary(fc.string(), tie("any"), { maxKeys: 4 }),
  ),
})).any;

describe("An answer", () => {
  it("is the same as its clone, and as one of another revision", () => {
    fc.assert(
      fc.property(answer, (value) => {
        expect(sameAnswer({ revision: 1, value }, { revision: 2, value: structuredClone(value) })).toBe(true);
      }),
    );
  });

  it("is another where anything else differs", () => {
    const base = () => ({ revision: 1, rows: [{ at: 1n, words: Uint32Array.of(1, 2) }], note: null as string | null });
    const others = [
      { ...base(), note: "" },
      { ...base(), rows: [] },
      { ...base(), rows: [{ at: 2n, words: Uint32Array.of(1, 2) }] },
      { ...base(), rows: [{ at: 1n, words: Uint32Array.of(1, 3) }] },
      { ...base(), rows: [{ at: 1n, words: Uint32Array.of(1) }] },
      { revision: 1, rows: base().rows, other: null },
      null,
    ];
    expect(sameAnswer(base(), base())).toBe(true);
    expect(others.map((other) => sameAnswer(base(), other))).toEqual(others.map(() => false));
  });
});
