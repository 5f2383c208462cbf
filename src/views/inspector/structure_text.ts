/**
 * A structure as text for other programs, and typed words as a structure.
 */
import { high, low } from "../../base/halves.ts";
import { decodeFields, type Layout } from "../../base/layout.ts";
import { fieldText } from "./field_text.ts";

/** A structure and where it stands. */
export interface StructureText {
  readonly layout: Layout;
  /** 32-bit words, lowest first. */
  readonly words: Uint32Array;
  readonly pa: bigint;
}

const wide = (words: Uint32Array, i: number): bigint =>
  (BigInt(words[2 * i + 1] ?? 0) << 32n) | BigInt(words[2 * i] ?? 0);
const hex64 = (value: bigint): string => `0x${value.toString(16).padStart(16, "0")}`;
const quadCount = (words: Uint32Array): number => words.length / 2;

/** A line for each 64 bits. */
export function hexText(words: Uint32Array): string {
  return Array.from({ length: quadCount(words) }, (_, i) => hex64(wide(words, i))).join("\n");
}

/** An array of 64-bit words in C, each with its fields that are set. */
export function cText({ layout, words, pa }: StructureText): string {
  const fields = decodeFields(layout, words);
  const name = layout.name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^_+|_+$/g, "");
  const lines = Array.from({ length: quadCount(words) }, (_, i) => {
    const set = fields.filter(({ declaration: d, value }) => d.lo >> 6 === i && d.form !== "reserved" && value !== 0n);
    const note = set.map(({ declaration: d, value }) => `${d.name} ${fieldText(d, value)}`).join(", ");
    return `\t${hex64(wide(words, i))},${note === "" ? "" : ` /* ${note} */`}`;
  });
  return [
    `/* ${layout.name}, ${layout.section}, PA 0x${pa.toString(16)} */`,
    `static const uint64_t ${name}[${quadCount(words)}] = {`,
    ...lines,
    "};",
  ].join("\n");
}

/** Words and fields as JSON; 64-bit values as strings. */
export function jsonText({ layout, words, pa }: StructureText): string {
  const fields = decodeFields(layout, words).filter(({ declaration: d }) => d.form !== "reserved");
  return JSON.stringify(
    {
      structure: layout.name,
      section: layout.section,
      pa: `0x${pa.toString(16)}`,
      words: hexText(words).split("\n"),
      fields: Object.fromEntries(fields.map(({ declaration: d, value }) => [d.name, `0x${value.toString(16)}`])),
    },
    null,
    2,
  );
}

/** Typed words, or what is wrong with them. */
export type TypedWords =
  | { readonly ok: true; readonly words: Uint32Array }
  | { readonly ok: false; readonly why: string };

/** Read exactly `quads` 64-bit words in hexadecimal, with or without 0x, set apart by spaces, commas or lines. */
export function parseWords(text: string, quads: number): TypedWords {
  const typed = text.split(/[\s,;]+/).filter((part) => part !== "");
  const wrong = typed.findIndex((part) => !/^(0x)?[0-9a-f]{1,16}$/i.test(part));
  if (wrong >= 0)
    return {
      ok: false,
      why: `Word ${wrong} is no hexadecimal number of at most 16 digits: ${typed[wrong]!.slice(0, 20)}.`,
    };
  if (typed.length !== quads)
    return { ok: false, why: `There are ${typed.length} words; this structure has ${quads}.` };
  const words = new Uint32Array(2 * quads);
  for (const [i, part] of typed.entries()) {
    const value = BigInt(`0x${part.replace(/^0x/i, "")}`);
    words[2 * i] = low(value);
    words[2 * i + 1] = high(value);
  }
  return { ok: true, words };
}
