import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { address, decodeFields, field, type Layout, layout } from "./layout.ts";

/** The same field read by bigint arithmetic over the whole structure. */
function reference(words: ArrayLike<number>, at: number, hi: number, lo: number): bigint {
  let all = 0n;
  for (let i = words.length - 1; i >= at; i--) all = (all << 32n) | BigInt(words[i]! >>> 0);
  return (all >> BigInt(lo)) & ((1n << BigInt(hi - lo + 1)) - 1n);
}

const word = fc.integer({ min: 0, max: 0xffffffff });
/** A structure of four words cut into runs of 1 to 64 bits. */
const cuts = fc.uniqueArray(fc.integer({ min: 1, max: 127 }), { maxLength: 40 }).map((ends) => {
  const edges = [0, ...ends.sort((a, b) => a - b), 128];
  const runs: [hi: number, lo: number][] = [];
  for (let i = 0; i + 1 < edges.length; i++) {
    for (let lo = edges[i]!; lo < edges[i + 1]!; lo += 64) runs.push([Math.min(lo + 63, edges[i + 1]! - 1), lo]);
  }
  return runs;
});
const layoutOf = (runs: readonly (readonly [number, number])[]): Layout =>
  layout(
    "T",
    "test",
    128,
    runs.map(([hi, lo]) => field(`F${lo}`, hi, lo, "a run")),
  );

describe("layout reads and writes", () => {
  it("every run as bigint arithmetic does, wherever it lies", () => {
    fc.assert(
      fc.property(
        cuts,
        fc.array(word, { minLength: 6, maxLength: 6 }),
        fc.integer({ min: 0, max: 2 }),
        (runs, ws, at) => {
          const l = layoutOf(runs);
          const words = Uint32Array.from(ws);
          for (const d of l.fields) {
            const a = l.f[d.name]!;
            const got = (BigInt(a.getHi(words, at)) << 32n) | BigInt(a.get(words, at));
            expect(got).toBe(reference(words, at, d.hi, d.lo));
          }
        },
      ),
    );
  });

  it("a written field back, and nothing else changes", () => {
    fc.assert(
      fc.property(
        cuts,
        fc.array(word, { minLength: 4, maxLength: 4 }),
        word,
        word,
        fc.nat(),
        (runs, ws, lo, hi, pick) => {
          const l = layoutOf(runs);
          const words = Uint32Array.from(ws);
          const target = l.fields[pick % l.fields.length]!;
          l.f[target.name]!.set(words, 0, lo, hi);
          const width = BigInt(target.hi - target.lo + 1);
          const want = ((BigInt(hi) << 32n) | BigInt(lo)) & ((1n << width) - 1n);
          for (const d of l.fields) {
            const before = reference(ws, 0, d.hi, d.lo);
            expect(reference(words, 0, d.hi, d.lo)).toBe(d === target ? want : before);
          }
        },
      ),
    );
  });

  it("plain arrays of signed words as unsigned ones", () => {
    const l = layout("T", "test", 32, [field("Low", 15, 0, "low"), field("High", 31, 16, "high")]);
    expect(l.f.High.get([-1], 0)).toBe(0xffff);
    const words = [0];
    l.f.High.set(words, 0, 0x8001);
    expect(words[0]).toBe(0x80010000);
  });

  it("an address in place, whatever bits of its word it owns", () => {
    fc.assert(
      fc.property(word, word, fc.integer({ min: 0, max: 63 }), fc.integer({ min: 0, max: 63 }), (lo, hi, a, b) => {
        const [top, bottom] = a > b ? [a, b] : [b, a];
        const fields = [
          ...(bottom > 0 ? [field("_low", 64 + bottom - 1, 64, "RES0")] : []),
          address("A", 64 + top, 64 + bottom, "an address"),
          ...(top < 63 ? [field("_high", 127, 64 + top + 1, "RES0")] : []),
        ];
        const l: Layout = layout("T", "test", 128, [field("_first", 63, 0, "RES0"), ...fields]);
        const access = l.f.A as unknown as Record<"addressLo" | "addressHi", (w: Uint32Array, at: number) => number>;
        const words = Uint32Array.from([1, 2, lo, hi]);
        const got = (BigInt(access.addressHi(words, 0)) << 32n) | BigInt(access.addressLo(words, 0));
        const mask = ((1n << BigInt(top - bottom + 1)) - 1n) << BigInt(bottom);
        expect(got).toBe(((BigInt(hi) << 32n) | BigInt(lo)) & mask);
      }),
    );
  });
});

describe("layout refuses a declaration", () => {
  const bad: [string, RegExp, () => unknown][] = [
    [
      "with a gap",
      /starts at bit 2, expected 1/,
      () => layout("T", "t", 32, [field("A", 0, 0, ""), field("B", 31, 2, "")]),
    ],
    [
      "with an overlap",
      /starts at bit 3, expected 4/,
      () => layout("T", "t", 32, [field("A", 3, 0, ""), field("B", 31, 3, "")]),
    ],
    ["that ends early", /fields end at bit 30 of 32/, () => layout("T", "t", 32, [field("A", 30, 0, "")])],
    [
      "with one name twice",
      /declared twice/,
      () => layout("T", "t", 32, [field("A", 3, 0, ""), field("A", 31, 4, "")]),
    ],
    [
      "with bits the wrong way round",
      /bits wide/,
      () => layout("T", "t", 32, [field("A", 2, 0, ""), field("B", 2, 3, "")]),
    ],
    [
      "wider than 64 bits",
      /65 bits wide/,
      () => layout("T", "t", 128, [field("A", 64, 0, ""), field("B", 127, 65, "")]),
    ],
    [
      "whose address leaves its word",
      /address leaves its word/,
      () => layout("T", "t", 128, [field("_0", 59, 0, ""), address("A", 67, 60, ""), field("_1", 127, 68, "")]),
    ],
  ];
  it.each(bad)("%s", (_name, message, declare) => {
    expect(declare).toThrow(message);
  });
});

describe("decodeFields", () => {
  const l = layout("T", "test", 64, [
    field("Kind", 1, 0, "a code", { values: { 2: "two" } }),
    field("_11_2", 11, 2, "RES0"),
    address("Where", 47, 12, "an address"),
    field("Rest", 63, 48, "a number"),
  ]);

  it("gives values, addresses in place and the meaning of codes", () => {
    const fields = decodeFields(l, Uint32Array.from([0x12345002, 0xabcd0001]));
    expect(fields.map((f) => [f.declaration.name, f.value, f.meaning])).toEqual([
      ["Kind", 2n, "two"],
      ["_11_2", 0n, undefined],
      ["Where", 0x112345000n, undefined],
      ["Rest", 0xabcdn, undefined],
    ]);
  });

  it("starts at the word it is told", () => {
    expect(decodeFields(l, Uint32Array.from([9, 9, 1, 0]), 2)[0]!.value).toBe(1n);
  });
});
