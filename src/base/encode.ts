/**
 * Structures put together from field values, the other way round from `decodeFields`.
 */
import { highHalf, lowHalf } from "./address.ts";
import type { FieldAccess, Layout, Words } from "./layout.ts";

/** Field values by name, as the layout spells them: whole numbers below 2^53; an address field takes the address. */
export type FieldNumbers = Readonly<Record<string, number>>;

/**
 * Set fields of the structure at `words[at]`; the others stay as they are.
 * @throws for a field that the layout lacks: a mistake in the code
 */
export function setFields(layout: Layout, words: Uint32Array, fields: FieldNumbers, at = 0): void {
  const access = layout.f as Readonly<Record<string, FieldAccess>>;
  for (const name in fields) {
    const field = access[name];
    if (field === undefined) throw new Error(`${layout.name} has no field ${name}`);
    const value = fields[name]!;
    const plain = field.unit === 1 ? value : Math.floor(value / field.unit);
    field.set(words, at, lowHalf(plain) >>> 0, highHalf(plain));
  }
}

/** Set fields of a structure to what they are in another one of its layout; the others stay as they are. */
export function copyFields<const Name extends string>(
  layout: Layout & { readonly f: Readonly<Record<Name, FieldAccess>> },
  names: readonly Name[],
  from: Words,
  to: Uint32Array,
): void {
  for (const name of names) {
    const field = layout.f[name];
    field.set(to, 0, field.get(from, 0), field.getHi(from, 0));
  }
}

/** Words of a structure with these fields, the others zero. @throws as {@link setFields} */
export function encodeFields(layout: Layout, fields: FieldNumbers): Uint32Array {
  const words = new Uint32Array(layout.bits / 32);
  setFields(layout, words, fields);
  return words;
}
