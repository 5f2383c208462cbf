/** 64-bit values between the two sides: bigint here, two unsigned halves in the engine. */

/** Bits [31:0]. */
export const low = (value: bigint): number => Number(value & 0xffffffffn);

/** Bits [63:32]. */
export const high = (value: bigint): number => Number((value >> 32n) & 0xffffffffn);

/** A value of two halves, signed or unsigned. */
export const join = (hi: number, lo: number): bigint => (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
