/**
 * What the decoder page shows of each thing found in a paste: a row for the list, the structure with its bits where
 * the paste holds words, and the access that can be replayed.
 */
import { decodeFields, type FieldValue } from "../../base/layout.ts";
import type { DecodeResult } from "../../decode/decode.ts";
import { type DecodedStructure, decodeAs, STRUCTURE_KINDS } from "../../decode/decode_as.ts";
import { describeEntry } from "../../decode/describe.ts";
import { type EntryDescription, type EntryWeight, PLAIN } from "../../decode/description.ts";
import type { DecodedEntry } from "../../decode/entry.ts";
import type { ReadStructure, StructureKind } from "../../decode/structure_kind.ts";
import type { GlyphName } from "../common/Glyph.tsx";

/** One thing found in the paste. */
export interface Reading extends Omit<EntryDescription, "weight"> {
  /** First and last line, from 1. */
  readonly lines: readonly [number, number];
  readonly glyph: GlyphName;
  readonly sentence: string;
  /** What the entry is, whole: for copying. */
  readonly entry: DecodedEntry | null;
}

/** Everything found, in order of the text. A log may hold thousands, so that each is described when it is looked at. */
export interface Readings {
  /** First and last line of each, from 1. */
  readonly lines: readonly (readonly [number, number])[];
  readonly at: (index: number) => Reading | undefined;
}

/** `readAs` is what bare words are read as, or null for events in them. */
export function readingsOf({ dump, entries }: DecodeResult, readAs: string | null): Readings {
  if (dump !== null && readAs !== null) {
    const only = dumpReading(dump.words, readAs);
    return { lines: [only.lines], at: (index) => (index === 0 ? only : undefined) };
  }
  const seen = new Map<DecodedEntry, Reading>();
  const reading = (entry: DecodedEntry): Reading => {
    const described = seen.get(entry) ?? entryReading(entry);
    seen.set(entry, described);
    return described;
  };
  return {
    lines: entries.map(({ lines }) => lines),
    at: (index) => (entries[index] === undefined ? undefined : reading(entries[index])),
  };
}

/** Readings that are gone over for a fault. */
const MOST_TRIED = 64;

/** The first that tells of a fault: logs begin with what led to it, such as a status. Else the very first. */
export function firstFault({ lines, at }: Readings): number {
  const fault = lines.slice(0, MOST_TRIED).findIndex((_, index) => at(index)?.glyph === "fault");
  return Math.max(0, fault);
}

/** What bare words can be read as, the likeliest first. */
export function dumpKinds(result: DecodeResult): StructureKind[] {
  const likely = (result.dump?.kinds ?? []).flatMap((id) => STRUCTURE_KINDS.find((kind) => kind.id === id) ?? []);
  return [...likely, ...STRUCTURE_KINDS.filter((kind) => !likely.includes(kind))];
}

function dumpReading(words: readonly bigint[], kind: string): Reading {
  const read = decodeAs(words, kind);
  return {
    ...PLAIN,
    lines: [1, 1],
    glyph: read.ok ? "config" : "unknown",
    name: read.ok ? read.layout.name : "Not readable",
    remark: read.ok ? oddities(read) : "",
    sentence: read.ok ? read.summary : read.message,
    entry: null,
    structure: read.ok ? read : null,
  };
}

function oddities(read: DecodedStructure): string {
  const parts: string[] = [];
  if (read.missingWords > 0) parts.push(`${read.missingWords} words missing, read as 0`);
  if (read.reservedSet.length > 0) parts.push("reserved bits set");
  return parts.join(", ");
}

const GLYPHS: Readonly<Record<EntryWeight, GlyphName>> = {
  fault: "fault",
  loss: "stale",
  structure: "config",
  missing: "missed",
  foreign: "unknown",
};

function entryReading(entry: DecodedEntry): Reading {
  const { weight, ...description } = describeEntry(entry);
  return { ...description, lines: entry.lines, glyph: GLYPHS[weight], sentence: entry.summary, entry };
}

/** The structure with some bits flipped, read by the layout that its bits then call for. */
export function withFlips(structure: ReadStructure, flips: ReadonlySet<number>): ReadStructure {
  if (flips.size === 0) return structure;
  const words = structure.words.slice();
  for (const bit of flips) words[bit >> 5] = (words[bit >> 5] ?? 0) ^ (1 << (bit & 31));
  const layout = structure.layoutOf(words);
  return {
    layout: layout.bits === structure.layout.bits ? layout : structure.layout,
    words,
    layoutOf: structure.layoutOf,
  };
}

/** A row of the field list: a 64-bit word, or a field in it. */
export type FieldLine =
  | { readonly type: "word"; readonly word: number; readonly value: bigint; readonly digits: number }
  | { readonly type: "field"; readonly field: FieldValue };

/** Words of 64 bits, each with its fields; reserved runs only where they are not zero. */
export function fieldLines({ layout, words }: ReadStructure): FieldLine[] {
  const fields = decodeFields(layout, words);
  return Array.from({ length: Math.ceil(layout.bits / 64) }, (_, word): FieldLine[] => {
    const value = (BigInt(words[2 * word + 1] ?? 0) << 32n) | BigInt(words[2 * word] ?? 0);
    const own = fields.filter(
      ({ declaration: d, value: v }) => d.lo >> 6 === word && (d.form !== "reserved" || v !== 0n),
    );
    const digits = Math.min(64, layout.bits - 64 * word) / 4;
    return [{ type: "word", word, value, digits }, ...own.map((field): FieldLine => ({ type: "field", field }))];
  }).flat();
}
