/** 64-bit values as bigints and as two halves: text, protocol and uAPI have the one, hardware and memory the other. */

/** Bits [31:0]. */
export const low = (value: bigint): number => Number(value & 0xffffffffn);

/** Bits [63:32]. */
export const high = (value: bigint): number => Number((value >> 32n) & 0xffffffffn);

/** A value of two halves, signed or unsigned. */
export const join = (hi: number, lo: number): bigint => (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
