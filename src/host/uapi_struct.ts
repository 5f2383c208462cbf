/**
 * Structures that cross from user space into the kernel: declared once as a list of C fields, from which come the
 * layout (for the inspector and documents), the offsets and the codec. Values of 64 bits are bigint, others numbers.
 */
import { field, type Layout, layout } from "../base/layout.ts";

/** C types of fields, little-endian. */
type FieldType = "u8" | "u16" | "u32" | "s32" | "u64";

const BITS = { u8: 8, u16: 16, u32: 32, s32: 32, u64: 64 } as const;

/** One field of a structure. */
export interface StructField<Name extends string = string, Type extends FieldType = FieldType> {
  readonly name: Name;
  readonly type: Type;
  readonly about: string;
}

const fieldOf =
  <Type extends FieldType>(type: Type) =>
  <const Name extends string>(name: Name, about: string): StructField<Name, Type> => ({ name, type, about });

export const u8 = fieldOf("u8");
export const u16 = fieldOf("u16");
export const u32 = fieldOf("u32");
export const s32 = fieldOf("s32");
export const u64 = fieldOf("u64");

type ValueOf<Type extends FieldType> = Type extends "u64" ? bigint : number;

/** Values of a structure by field name. */
export type Values<F extends readonly StructField[] = readonly StructField[]> = {
  [K in F[number] as K["name"]]: ValueOf<K["type"]>;
};

/** A structure of the user interface. */
export interface UapiStruct<F extends readonly StructField[] = readonly StructField[]> {
  readonly name: string;
  readonly fields: F;
  /** Size in bytes. */
  readonly size: number;
  readonly layout: Layout;
  /** Values of a structure of {@link size} bytes; bytes that are missing at the end are zero. */
  decode(bytes: Uint8Array): Values<F>;
  /** The structure's bytes; fields that are not given are zero. */
  encode(values: Partial<Values<F>>): Uint8Array<ArrayBuffer>;
}

/** Memory of one structure, as arrays of each type: by index, not by byte. */
interface Scratch {
  readonly u8: Uint8Array<ArrayBuffer>;
  readonly u16: Uint16Array;
  readonly u32: Uint32Array;
  readonly s32: Int32Array;
  readonly u64: BigUint64Array;
}

function scratchOf(size: number): Scratch {
  const { buffer } = new Uint8Array(8 * Math.ceil(size / 8));
  return {
    u8: new Uint8Array(buffer, 0, size),
    u16: new Uint16Array(buffer),
    u32: new Uint32Array(buffer),
    s32: new Int32Array(buffer),
    u64: new BigUint64Array(buffer),
  };
}

function store(to: Scratch, type: FieldType, index: number, value: number | bigint): void {
  if (type === "u64") to.u64[index] = BigInt(value);
  else to[type][index] = Number(value);
}

/** Declare a structure; fields follow each other without padding, as in the kernel's headers. */
export function struct<const F extends readonly StructField[]>(name: string, source: string, fields: F): UapiStruct<F> {
  let bit = 0;
  const declared = fields.map((f) => {
    const lo = bit;
    bit += BITS[f.type];
    return field(f.name, bit - 1, lo, f.about);
  });
  const size = bit / 8;
  const l = layout(name, source, bit, declared);
  const places = declared.map(({ lo }, i) => {
    const { name: field, type } = fields[i]!;
    if (lo % BITS[type] !== 0) throw new Error(`${name}.${field} is not aligned`);
    return { name: field, type, index: lo / BITS[type] };
  });
  const scratch = scratchOf(size);
  const decode = (bytes: Uint8Array): Values<F> => {
    scratch.u8.set(bytes.length > size ? bytes.subarray(0, size) : bytes);
    scratch.u8.fill(0, bytes.length);
    const values: Record<string, number | bigint> = {};
    for (const { name, type, index } of places) values[name] = scratch[type][index]!;
    return values as Values<F>;
  };
  const encode = (values: Partial<Values<F>>): Uint8Array<ArrayBuffer> => {
    scratch.u8.fill(0);
    const given = values as Readonly<Record<string, number | bigint>>;
    for (const { name, type, index } of places) {
      const value = given[name];
      if (value !== undefined) store(scratch, type, index, value);
    }
    return scratch.u8.slice();
  };
  return { name, fields, size, layout: l, decode, encode };
}
