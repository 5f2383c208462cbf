/** Arithmetic on address ranges of 64 bits. */
import type { AddressRange } from "../drivers/driver.ts";

/** The last address. */
export const ULONG_MAX = 0xffff_ffff_ffff_ffffn;

export const byStart = (a: AddressRange, b: AddressRange): number => (a.start < b.start ? -1 : 1);

export const overlaps = (a: AddressRange, b: AddressRange): boolean => a.start <= b.last && b.start <= a.last;

/** The lowest bit that is set; `n` is not 0. */
export const lowestSetBit = (n: bigint): bigint => n & -n;

/** The smallest power of two that is not below `n`. */
export const roundUpToPower = (n: bigint): bigint => 1n << BigInt((n - 1n).toString(2).length * (n > 1n ? 1 : 0));

export const largestAlignment = (wanted: bigint, most: bigint): bigint => (wanted < most ? wanted : most);
