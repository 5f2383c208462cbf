import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatWords, parseWords } from "./memory_text.ts";

const bytesOf = (...words: bigint[]): Uint8Array => new Uint8Array(BigUint64Array.from(words).buffer);

describe("memory as words", () => {
  it("writes 64-bit words lowest address first, equal words once", () => {
    const ste = bytesOf(0xdn, 0n, 0x44c359400000002n, 0x44832000n, 0n, 0n, 0n, 0n);
    expect(formatWords(ste)).toBe("d 0 44c359400000002 44832000 0*4");
    expect(parseWords("d 0 44c359400000002 44832000 0*4", 64)).toEqual(ste);
  });

  it("takes bytes in memory order: the low byte of a word comes first", () => {
    expect(parseWords("123456789abcdef0", 8)).toEqual(Uint8Array.of(0xf0, 0xde, 0xbc, 0x9a, 0x78, 0x56, 0x34, 0x12));
  });

  it("reads back any run, seed 1", () => {
    const word = fc.oneof(
      fc.constant(0n),
      fc.constant(0xffffffffffffffffn),
      fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
    );
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 600 }), (words) => {
        const bytes = bytesOf(...words);
        expect(parseWords(formatWords(bytes), bytes.length)).toEqual(bytes);
        expect(parseWords(formatWords(bytes), bytes.length - 8)).toMatchObject({ why: "too long" });
      }),
      { seed: 1 },
    );
  });

  it.each([
    ["", 1],
    ["12 zz", 2],
    ["12  34", 2],
    ["12 ", 2],
    ["12 0x34", 2],
    ["1 2 12345678901234567", 3],
    ["0*0", 1],
    ["0*", 1],
    ["0*1000000000", 1],
    ["*4", 1],
    ["0*4*4", 1],
    ["0*-1", 1],
  ])("refuses %j at word %i", (text, word) => {
    expect(parseWords(text, 1 << 20)).toMatchObject({ word, why: "not a word" });
  });

  it("counts repetitions against the limit before anything is allocated", () => {
    expect(parseWords("0*999999999", 1 << 20)).toMatchObject({ word: 1, why: "too long" });
    expect(parseWords("1 0*131071", 1 << 20)).toHaveLength(1 << 20);
    expect(parseWords("1 0*131072", 1 << 20)).toMatchObject({ word: 2, why: "too long" });
  });
});
