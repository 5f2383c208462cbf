/**
 * Structures that cross from user space into the kernel: declared once as a list of C fields, from which come the
 * layout (for the inspector and documents), the offsets and the codec. Values of 64 bits are bigint, others numbers.
 */
import { high, low } from "../base/halves.ts";
import { type FieldAccess, field, type Layout, layout } from "../base/layout.ts";

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

function readField(type: FieldType, access: FieldAccess, words: Uint32Array): number | bigint {
  const lo = access.get(words, 0);
  if (type === "u64") return (BigInt(access.getHi(words, 0)) << 32n) | BigInt(lo);
  return type === "s32" ? lo | 0 : lo;
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
  const access = l.f as Readonly<Record<string, FieldAccess>>;
  const decode = (bytes: Uint8Array): Values<F> => {
    const padded = new Uint8Array(Math.ceil(size / 4) * 4);
    padded.set(bytes.subarray(0, size));
    const words = new Uint32Array(padded.buffer);
    const values: Record<string, number | bigint> = {};
    for (const f of fields) values[f.name] = readField(f.type, access[f.name]!, words);
    return values as Values<F>;
  };
  const encode = (values: Partial<Values<F>>): Uint8Array<ArrayBuffer> => {
    const words = new Uint32Array(Math.ceil(size / 4));
    const given = values as Readonly<Record<string, number | bigint>>;
    for (const key in given) {
      const value = given[key]!;
      if (typeof value === "number") access[key]!.set(words, 0, value >>> 0);
      else access[key]!.set(words, 0, low(value), high(value));
    }
    return new Uint8Array(words.buffer).subarray(0, size);
  };
  return { name, fields, size, layout: l, decode, encode };
}
