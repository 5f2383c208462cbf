/**
 * Addresses as whole numbers and as halves. A number holds addresses below 2^53 exactly, and larger ones that are
 * multiples of a large enough power of two.
 */

const LOW = 0x1_0000_0000;

/** Bits [63:32] of an address, unsigned. */
export const highHalf = (address: number): number => Math.floor(address / LOW) >>> 0;

/** Bits [31:0] of an address, signed. */
export const lowHalf = (address: number): number => (address % LOW) | 0;

/** The address of two halves, signed or unsigned; exact below 2^53. */
export const fromHalves = (hi: number, lo: number): number => (hi >>> 0) * LOW + (lo >>> 0);
