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

/** A field's value in a structure. */
function readField(from: DataView, at: number, type: FieldType): number | bigint {
  switch (type) {
    case "u8":
      return from.getUint8(at);
    case "u16":
      return from.getUint16(at, true);
    case "u32":
      return from.getUint32(at, true);
    case "s32":
      return from.getInt32(at, true);
    case "u64":
      return from.getBigUint64(at, true);
  }
}

function writeField(to: DataView, at: number, type: FieldType, value: number | bigint): void {
  switch (type) {
    case "u8":
      to.setUint8(at, Number(value));
      return;
    case "u16":
      to.setUint16(at, Number(value), true);
      return;
    case "u32":
      to.setUint32(at, Number(value), true);
      return;
    case "s32":
      to.setInt32(at, Number(value), true);
      return;
    case "u64":
      to.setBigUint64(at, BigInt(value), true);
  }
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
  const places = declared.map(({ lo }, i) => ({ name: fields[i]!.name, at: lo / 8, type: fields[i]!.type }));
  const decode = (bytes: Uint8Array): Values<F> => {
    const view = viewOf(bytes, size);
    const values: Record<string, number | bigint> = {};
    for (const { name, at, type } of places) values[name] = readField(view, at, type);
    return values as Values<F>;
  };
  const encode = (values: Partial<Values<F>>): Uint8Array<ArrayBuffer> => {
    const bytes = new Uint8Array(size);
    const view = new DataView(bytes.buffer);
    const given = values as Readonly<Record<string, number | bigint>>;
    for (const { name, at, type } of places) {
      const value = given[name];
      if (value !== undefined) writeField(view, at, type, value);
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
