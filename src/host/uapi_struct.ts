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

/** Reads and writes fields of each type. */
const CODECS: Readonly<
  Record<
    FieldType,
    {
      readonly get: (from: DataView, at: number) => number | bigint;
      readonly set: (to: DataView, at: number, value: number | bigint) => void;
    }
  >
> = {
  u8: { get: (from, at) => from.getUint8(at), set: (to, at, value) => to.setUint8(at, Number(value)) },
  u16: { get: (from, at) => from.getUint16(at, true), set: (to, at, value) => to.setUint16(at, Number(value), true) },
  u32: { get: (from, at) => from.getUint32(at, true), set: (to, at, value) => to.setUint32(at, Number(value), true) },
  s32: { get: (from, at) => from.getInt32(at, true), set: (to, at, value) => to.setInt32(at, Number(value), true) },
  u64: {
    get: (from, at) => from.getBigUint64(at, true),
    set: (to, at, value) => to.setBigUint64(at, BigInt(value), true),
  },
};

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
  const places = declared.map(({ lo }, i) => ({ name: fields[i]!.name, at: lo / 8, ...CODECS[fields[i]!.type] }));
  const decode = (bytes: Uint8Array): Values<F> => {
    const view = viewOf(bytes, size);
    const values: Record<string, number | bigint> = {};
    for (const place of places) values[place.name] = place.get(view, place.at);
    return values as Values<F>;
  };
  const encode = (values: Partial<Values<F>>): Uint8Array<ArrayBuffer> => {
    const bytes = new Uint8Array(size);
    const view = new DataView(bytes.buffer);
    const given = values as Readonly<Record<string, number | bigint>>;
    for (const place of places) {
      const value = given[place.name];
      if (value !== undefined) place.set(view, place.at, value);
    }
    return bytes;
  };
  return { name, fields, size, layout: l, decode, encode };
}

/** The first `size` bytes, those that are missing zero. */
function viewOf(bytes: Uint8Array, size: number): DataView {
  if (bytes.length >= size) return new DataView(bytes.buffer, bytes.byteOffset, size);
  const padded = new Uint8Array(size);
  padded.set(bytes);
  return new DataView(padded.buffer);
}
