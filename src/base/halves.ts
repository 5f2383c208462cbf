/** 64-bit values as bigints and as two halves: text, protocol and uAPI have the one, hardware and memory the other. */

/** Bits [31:0]. */
export function low(value: bigint): number {
  const whole = Number(value);
  return isWord(whole) ? whole : Number(value & 0xffffffffn);
}

/** Bits [63:32]. */
export const high = (value: bigint): number => (isWord(Number(value)) ? 0 : Number((value >> 32n) & 0xffffffffn));

/** Most values are small, and numbers are quicker than bigints. */
const isWord = (whole: number): boolean => whole >= 0 && whole <= 0xffffffff;

/** A value of two halves, signed or unsigned. */
export const join = (hi: number, lo: number): bigint => (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
