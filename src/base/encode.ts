/**
 * Structures put together from field values, the other way round from `decodeFields`.
 */
import { highHalf, lowHalf } from "./address.ts";
import type { FieldAccess, Layout } from "./layout.ts";

/** Field values by name, as the layout spells them: whole numbers below 2^53; an address field takes the address. */
export type FieldNumbers = Readonly<Record<string, number>>;

/**
 * Set fields of the structure at `words[at]`; the others stay as they are. Not for hot paths.
 * @throws for a field that the layout lacks: a mistake in the code
 */
export function setFields(layout: Layout, words: Uint32Array, fields: FieldNumbers, at = 0): void {
  const access = layout.f as Readonly<Record<string, FieldAccess>>;
  for (const [name, value] of Object.entries(fields)) {
    const d = layout.fields.find((f) => f.name === name);
    if (d === undefined) throw new Error(`${layout.name} has no field ${name}`);
    const plain = d.form === "address" ? Math.floor(value / 2 ** (d.lo & 63)) : value;
    access[name]!.set(words, at, lowHalf(plain) >>> 0, highHalf(plain));
  }
}

/** Words of a structure with these fields, the others zero. @throws as {@link setFields} */
export function encodeFields(layout: Layout, fields: FieldNumbers): Uint32Array {
  const words = new Uint32Array(layout.bits / 32);
  setFields(layout, words, fields);
  return words;
}
