/**
 * Fields of a structure whose 64-bit words were printed.
 */
import { high, low } from "../base/halves.ts";
import { decodeFields, type FieldValue, type Layout } from "../base/layout.ts";
import type { ReadStructure } from "./structure_kind.ts";

/** 64-bit words, lowest first, as the 32-bit words that layouts read: `bits` of them, absent ones as 0. */
export function halvesOf(words: readonly bigint[], bits: number): Uint32Array {
  const half = (_: unknown, i: number): number => (i % 2 === 0 ? low : high)(words[i >> 1] ?? 0n);
  return Uint32Array.from({ length: bits / 32 }, half);
}

/** Each field by name, an address in place; words lowest first, absent ones read as 0. */
export function fieldValues(layout: Layout, words: readonly bigint[]): ReadonlyMap<string, FieldValue> {
  return new Map(decodeFields(layout, halvesOf(words, layout.bits)).map((f) => [f.declaration.name, f]));
}

/** Value of each field of a structure; 0 for a field it does not have. */
export function fieldReader(layout: Layout, words: readonly bigint[]): (name: string) => bigint {
  const fields = fieldValues(layout, words);
  return (name) => fields.get(name)?.value ?? 0n;
}

/** Words as a structure that is read by this layout whatever they hold. */
export const structureOf = (layout: Layout, words: readonly bigint[]): ReadStructure => ({
  layout,
  words: halvesOf(words, layout.bits),
  layoutOf: () => layout,
});

/** What of a structure is not zero, reserved runs left out: "TES, RTPS" for bits, "DID 0x5" for the rest. */
export function setFields({ layout, words }: ReadStructure): string[] {
  return decodeFields(layout, words).flatMap(({ declaration: { name, hi, lo, form }, value, meaning }) => {
    if (value === 0n || form === "reserved") return [];
    return [hi === lo ? name : `${name} ${meaning ?? `0x${value.toString(16)}`}`];
  });
}
