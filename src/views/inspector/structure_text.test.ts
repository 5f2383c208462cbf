import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { STE } from "../../arch/smmuv3/ste.ts";
import { cText, hexText, jsonText, parseWords } from "./structure_text.ts";

const WORDS = Uint32Array.of(0x4080000b, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

describe("A structure as text", () => {
  it("is read back as it was written", () => {
    fc.assert(
      fc.property(fc.uint32Array({ minLength: 16, maxLength: 16 }), (words) => {
        expect(parseWords(hexText(words), 8)).toEqual({ ok: true, words: Uint32Array.from(words) });
        const { words: written } = JSON.parse(jsonText({ layout: STE, words, pa: 0n })) as { words: string[] };
        expect(parseWords(written.join(", "), 8)).toEqual({ ok: true, words: Uint32Array.from(words) });
        const inC = cText({ layout: STE, words, pa: 0n }).replace(/\/\*.*?\*\//g, "");
        const quads = [...inC.matchAll(/0x[0-9a-f]{16}/g)].map(([word]) => word);
        expect(parseWords(quads.join(" "), 8)).toEqual({ ok: true, words: Uint32Array.from(words) });
      }),
    );
  });

  it("names its fields in C and in JSON", () => {
    expect(cText({ layout: STE, words: WORDS, pa: 0x1000n }).split("\n").slice(0, 3)).toEqual([
      `/* STE, ${STE.section}, PA 0x1000 */`,
      "static const uint64_t ste[8] = {",
      "\t0x000000004080000b, /* V 1, Config 0b101, S1ContextPtr 0x40800000 */",
    ]);
    expect(JSON.parse(jsonText({ layout: STE, words: WORDS, pa: 0x1000n }))).toMatchObject({
      structure: "STE",
      pa: "0x1000",
      fields: { V: "0x1", Config: "0x5" },
    });
  });

  it.each([
    ["0x1 0x2", "There are 2 words; this structure has 1."],
    ["", "There are 0 words; this structure has 1."],
    ["0x12345678123456781", "Word 0 is no hexadecimal number of at most 16 digits: 0x12345678123456781."],
    ["zz", "Word 0 is no hexadecimal number of at most 16 digits: zz."],
  ])("%s is refused", (text, why) => {
    expect(parseWords(text, 1)).toEqual({ ok: false, why });
  });
});
