/**
 * Address strips: an input address split into the index of each table level, the offset, and the bits above its range.
 */
import { levelShift, type StageShape } from "./trace_step.ts";

/** A run of address bits, `hi` and `lo` inclusive. */
export interface AddressField {
  readonly hi: number;
  readonly lo: number;
  readonly kind: "above" | "index" | "offset";
  /** Bits above the input range: all zero, all ones up to bit 63, or neither; null for other kinds. */
  readonly above: "zero" | "ones" | "mixed" | null;
  /** Height of the table that this run indexes; null unless `kind` is `index`. */
  readonly height: number | null;
  readonly value: bigint;
}

/** How a stage splits its input, and where the strip begins. */
export interface StripShape extends StageShape {
  /** Height of the table that holds the leaf: the bits below its index are offset. 0 until a block is known. */
  readonly leafHeight: number;
  /** Bits drawn, from this one downwards; at least `inputBits`. */
  readonly topBits: number;
}

const ones = (bits: number): bigint => (1n << BigInt(bits)) - 1n;

/** Fields of `address`, highest first. They cover bits `topBits - 1` to 0 without a gap. */
export function addressFields(address: bigint, shape: StripShape): AddressField[] {
  const cut = (hi: number, lo: number): bigint => (address >> BigInt(lo)) & ones(hi - lo + 1);
  const fields: AddressField[] = [];
  const push = (hi: number, lo: number, kind: AddressField["kind"], height: number | null): void => {
    const above = kind === "above" ? aboveKind(address, lo) : null;
    if (hi >= lo) fields.push({ hi, lo, kind, above, height, value: cut(hi, lo) });
  };
  push(shape.topBits - 1, shape.inputBits, "above", null);
  let hi = Math.min(shape.inputBits, shape.topBits) - 1;
  for (let height = shape.startHeight; height >= Math.max(shape.leafHeight, 0); height--) {
    const lo = levelShift(height, shape.granuleLg2);
    push(hi, lo, "index", height);
    hi = Math.min(hi, lo - 1);
  }
  push(hi, 0, "offset", null);
  return fields;
}

/**
 * Bits to draw so that nothing of `address` is lost: `bits`, or more where what stands above is neither zero nor,
 * as in the upper half of an address space, all ones.
 */
export function bitsToDraw(address: bigint, bits: number): number {
  return aboveKind(address, bits) === "mixed" ? Math.max(bits, address.toString(2).length) : bits;
}

/** What stands above bit `bits - 1`: nothing, ones up to bit 63 as in an upper half, or neither. */
function aboveKind(address: bigint, bits: number): "zero" | "ones" | "mixed" {
  const above = address >> BigInt(bits);
  return above === 0n ? "zero" : above === ones(64 - bits) ? "ones" : "mixed";
}

/** A field's place in a strip of bits of equal width. */
export interface PlacedField extends AddressField {
  readonly x: number;
  readonly width: number;
  /** Left edge of each bit, highest first; empty where bits are not drawn. */
  readonly bits: readonly { readonly x: number; readonly one: boolean }[];
}

/** A strip with its bits drawn, or, where `digits`, boxes of equal width that show the field in hexadecimal. */
export interface PlacedStrip {
  readonly fields: readonly PlacedField[];
  readonly bitWidth: number;
  readonly digits: boolean;
}

/** Narrowest bit that can hold a digit of 10.5 px. */
const LEAST_BIT = 8.5;

/** Place fields from `x` over `width` px: to scale while a bit is wide enough, else in boxes by digits needed. */
export function placeFields(fields: readonly AddressField[], x: number, width: number): PlacedStrip {
  const top = (fields[0]?.hi ?? -1) + 1;
  const bitWidth = top === 0 ? 0 : width / top;
  if (bitWidth >= LEAST_BIT) {
    const placed = fields.map((f) => {
      const left = x + (top - 1 - f.hi) * bitWidth;
      const bits = Array.from({ length: f.hi - f.lo + 1 }, (_, i) => ({
        x: left + i * bitWidth,
        one: ((f.value >> BigInt(f.hi - f.lo - i)) & 1n) === 1n,
      }));
      return { ...f, x: left, width: (f.hi - f.lo + 1) * bitWidth, bits };
    });
    return { fields: placed, bitWidth, digits: false };
  }
  const shown = fields.filter((f) => f.above === null || f.above === "mixed");
  // Every box holds a caption of two characters and the field's digits.
  const weight = (f: AddressField): number => 3 + Math.ceil((f.hi - f.lo + 1) / 4);
  const total = shown.reduce((sum, f) => sum + weight(f), 0);
  let left = x;
  const placed = shown.map((f) => {
    const w = (width * weight(f)) / total;
    const one = { ...f, x: left, width: w, bits: [] };
    left += w;
    return one;
  });
  return { fields: placed, bitWidth, digits: true };
}
