/**
 * Layouts: a structure a specification defines, declared once as a list of bit fields.
 *
 * A layout is the only place that knows where a field sits. The engine reads fields through closures
 * (`f.Name.get(words, at)`), and the inspector, the decoder, lint, documentation and tests read the
 * declarations (`fields`). Bits are numbered over the whole structure, as specifications print them.
 * Words are little-endian 32-bit units: bit 0 of the structure is bit 0 of `words[at]`.
 */

import { fromHalves } from "./address.ts";

/** Where a 32-bit word comes from: any array-like of unsigned or signed 32-bit values. */
export interface Words {
  readonly length: number;
  [index: number]: number;
}

/** How a reader should present a field's value. */
type FieldForm =
  /** A number: shown in hexadecimal, with `values` naming the codes that have a meaning. */
  | "number"
  /** Bits [hi:lo] of an address, at the same positions modulo 64. */
  | "address"
  /** Reserved or ignored; the name starts with an underscore. */
  | "reserved";

/** One declared run of bits, `hi` and `lo` inclusive. */
export interface FieldDeclaration<Name extends string = string> {
  readonly name: Name;
  readonly hi: number;
  readonly lo: number;
  readonly form: FieldForm;
  /** A few words on the meaning, without a full stop. */
  readonly about: string;
  /** Meanings of particular codes. */
  readonly values?: Readonly<Record<number, string>>;
  /** For bits with several meanings: in which case this one holds, in words. */
  readonly when?: string;
  /** Section that describes the field, where it is not the structure's own. */
  readonly section?: string;
}

/** What a field is besides its position; see {@link FieldDeclaration}. */
export interface FieldNotes {
  readonly values?: Readonly<Record<number, string>>;
  readonly when?: string;
  readonly section?: string;
}

/** Reader and writer of one field. `at` is the index of the structure's first word in `words`. */
export interface FieldAccess {
  /** The field's bits [31:0] (the whole field when it is at most 32 bits wide), unsigned. */
  readonly get: (words: Words, at: number) => number;
  /** The field's bits [63:32], 0 for narrower fields, unsigned. */
  readonly getHi: (words: Words, at: number) => number;
  /** Write the field from two unsigned halves; bits beyond its width are dropped. */
  readonly set: (words: Words, at: number, lo: number, hi?: number) => void;
  /** What the field counts: 1; of address bits [hi:lo], 2^lo bytes. */
  readonly unit: number;
}

/** Reader of a field that holds address bits: the address itself, in place, low and high half. */
export interface AddressAccess extends FieldAccess {
  readonly addressLo: (words: Words, at: number) => number;
  readonly addressHi: (words: Words, at: number) => number;
  /** The address as a whole number; exact below 2^53. */
  readonly address: (words: Words, at: number) => number;
}

type AccessOf<F extends FieldDeclaration> = F extends { readonly form: "address" } ? AddressAccess : FieldAccess;

/** A declared structure. */
export interface Layout<F extends readonly FieldDeclaration[] = readonly FieldDeclaration[]> {
  readonly name: string;
  /** Document and section, such as "IHI 0070 §5.2". */
  readonly section: string;
  /** Size in bits, a multiple of 32. */
  readonly bits: number;
  /** Every declared run, from bit 0 upwards. */
  readonly fields: F;
  /** Access by field name. */
  readonly f: { readonly [K in F[number] as K["name"]]: AccessOf<K> };
}

/** Declare a numeric field, bits [hi:lo]. */
export function field<const Name extends string>(
  name: Name,
  hi: number,
  lo: number,
  about: string,
  notes: FieldNotes = {},
): FieldDeclaration<Name> & { readonly form: "number" | "reserved" } {
  return { name, hi, lo, about, form: name.startsWith("_") ? "reserved" : "number", ...notes };
}

/** Declare a field that holds bits [hi mod 64 : lo mod 64] of an address. */
export function address<const Name extends string>(
  name: Name,
  hi: number,
  lo: number,
  about: string,
  notes: FieldNotes = {},
): FieldDeclaration<Name> & { readonly form: "address" } {
  return { name, hi, lo, about, form: "address", ...notes };
}

const ONES = 0xffffffff;

/** Mask of `n` low bits, 0 to 32. */
const lowMask = (n: number): number => (n <= 0 ? 0 : n >= 32 ? ONES : ONES >>> (32 - n)) >>> 0;

/** Read up to 32 bits starting at bit `lo`; the run may straddle two words. */
function reader(lo: number, width: number): (words: Words, at: number) => number {
  const word = lo >>> 5;
  const shift = lo & 31;
  const mask = lowMask(width);
  if (width <= 0) return () => 0;
  if (shift + width <= 32) return (words, at) => ((words[at + word]! >>> shift) & mask) >>> 0;
  const up = 32 - shift;
  return (words, at) => (((words[at + word]! >>> shift) | (words[at + word + 1]! << up)) & mask) >>> 0;
}

function writer(lo: number, width: number): (words: Words, at: number, value: number) => void {
  const word = lo >>> 5;
  const shift = lo & 31;
  const mask = lowMask(width);
  if (width <= 0) return () => {};
  const inFirst = Math.min(width, 32 - shift);
  const firstMask = (lowMask(inFirst) << shift) >>> 0;
  const secondMask = lowMask(width - inFirst);
  return (words, at, value) => {
    const v = (value & mask) >>> 0;
    words[at + word] = ((words[at + word]! & ~firstMask) | ((v << shift) & firstMask)) >>> 0;
    if (secondMask !== 0) {
      const rest = inFirst === 32 ? 0 : v >>> inFirst;
      words[at + word + 1] = ((words[at + word + 1]! & ~secondMask) | (rest & secondMask)) >>> 0;
    }
  };
}

function accessOf(d: FieldDeclaration): FieldAccess | AddressAccess {
  const width = d.hi - d.lo + 1;
  const get = reader(d.lo, Math.min(width, 32));
  const getHi = reader(d.lo + 32, width - 32);
  const setLo = writer(d.lo, Math.min(width, 32));
  const setHi = writer(d.lo + 32, width - 32);
  const set = (words: Words, at: number, lo: number, hi = 0): void => {
    setLo(words, at, lo);
    setHi(words, at, hi);
  };
  if (d.form !== "address") return { get, getHi, set, unit: 1 };
  const base = d.lo & ~63;
  const [top, bottom] = [d.hi - base, d.lo - base];
  const loBits = top < 32 ? top - bottom + 1 : 32 - bottom;
  const loMask = bottom >= 32 ? 0 : (lowMask(loBits) << bottom) >>> 0;
  const hiFrom = Math.max(bottom - 32, 0);
  const hiMask = top < 32 ? 0 : (lowMask(top - 32 - hiFrom + 1) << hiFrom) >>> 0;
  const word = base >>> 5;
  return {
    get,
    getHi,
    set,
    unit: 2 ** bottom,
    addressLo: (words, at) => (words[at + word]! & loMask) >>> 0,
    addressHi: (words, at) => (words[at + word + 1]! & hiMask) >>> 0,
    address: (words, at) => fromHalves(words[at + word + 1]! & hiMask, words[at + word]! & loMask),
  };
}

/**
 * Declare a structure of `bits` bits. The fields must cover every bit exactly once, lowest first;
 * a run with several meanings is declared as one field (its meanings go into `values` or `when`).
 * @throws when fields overlap, leave a gap, are out of order, are wider than 64 bits or share a name:
 * a mistake in the declaration.
 */
export function layout<const F extends readonly FieldDeclaration[]>(
  name: string,
  section: string,
  bits: number,
  fields: F,
): Layout<F> {
  const f: Record<string, FieldAccess> = {};
  let next = 0;
  for (const d of fields) {
    const width = d.hi - d.lo + 1;
    if (d.lo !== next) throw new Error(`${name}.${d.name}: starts at bit ${d.lo}, expected ${next}`);
    if (width < 1 || width > 64) throw new Error(`${name}.${d.name}: ${width} bits wide`);
    if (d.form === "address" && d.hi >> 6 !== d.lo >> 6) throw new Error(`${name}.${d.name}: address leaves its word`);
    if (Object.hasOwn(f, d.name)) throw new Error(`${name}.${d.name}: declared twice`);
    f[d.name] = accessOf(d);
    next = d.hi + 1;
  }
  if (next !== bits) throw new Error(`${name}: fields end at bit ${next - 1} of ${bits}`);
  return { name, section, bits, fields, f: f as Layout<F>["f"] };
}

/**
 * Where a field of at most 32 bits that stays within one 32-bit word sits, for code that holds that word in a
 * variable: `(word >>> shift) & mask`.
 * @throws when the layout has no such field or the field straddles words: a mistake in the code.
 */
export function locate(
  l: Layout,
  name: string,
): { readonly word: number; readonly shift: number; readonly mask: number } {
  const d = l.fields.find((f) => f.name === name);
  if (d === undefined || d.hi >>> 5 !== d.lo >>> 5) throw new Error(`${l.name}.${name}: not within one word`);
  return { word: d.lo >>> 5, shift: d.lo & 31, mask: lowMask(d.hi - d.lo + 1) };
}

/** One field's value, taken apart for display or JSON. */
export interface FieldValue {
  readonly declaration: FieldDeclaration;
  /** The field's value, or for an address the address in place. */
  readonly value: bigint;
  /** What `values` says of this code. */
  readonly meaning?: string;
}

/** The value of one field of the structure at `words[at]`, of an address the address in place; null without such a field. */
export function fieldValue(l: Layout, name: string, words: Words, at = 0): bigint | null {
  const access = (l.f as Readonly<Record<string, FieldAccess>>)[name];
  return access === undefined ? null : readValue(access, words, at);
}

/** Bits [31:0] of one field of the structure at `words[at]`; 0 without such a field. */
export const fieldBits = (l: Layout, name: string, words: Words, at = 0): number =>
  (l.f as Readonly<Record<string, FieldAccess>>)[name]?.get(words, at) ?? 0;

const readValue = ({ get, getHi, unit }: FieldAccess, words: Words, at: number): bigint =>
  ((BigInt(getHi(words, at)) << 32n) | BigInt(get(words, at))) * BigInt(unit);

/** Decode every field of the structure that starts at `words[at]`. Not for hot paths. */
export function decodeFields(l: Layout, words: Words, at = 0): FieldValue[] {
  const access = l.f as Readonly<Record<string, FieldAccess>>;
  return l.fields.map((declaration) => {
    const field = access[declaration.name]!;
    const value = readValue(field, words, at);
    const meaning = field.getHi(words, at) === 0 ? declaration.values?.[field.get(words, at)] : undefined;
    return meaning === undefined ? { declaration, value } : { declaration, value, meaning };
  });
}
