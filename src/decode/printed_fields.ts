/**
 * Fields of a structure whose 64-bit words were printed.
 */
import { decodeFields, type FieldValue, type Layout } from "../base/layout.ts";

/** Each field by name, an address in place; words lowest first, absent ones read as 0. */
export function fieldValues(layout: Layout, words: readonly bigint[]): ReadonlyMap<string, FieldValue> {
  const halves = new Uint32Array(layout.bits / 32);
  for (let i = 0; 2 * i < halves.length; i++) {
    halves[2 * i] = Number((words[i] ?? 0n) & 0xffffffffn);
    halves[2 * i + 1] = Number((words[i] ?? 0n) >> 32n);
  }
  return new Map(decodeFields(layout, halves).map((f) => [f.declaration.name, f]));
}

/** Value of each field of a structure; 0 for a field it does not have. */
export function fieldReader(layout: Layout, words: readonly bigint[]): (name: string) => bigint {
  const fields = fieldValues(layout, words);
  return (name) => fields.get(name)?.value ?? 0n;
}
