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

/** Ranges between `first` and `last` that none of `used`, sorted by address, covers, upwards. */
export function holes(used: readonly AddressRange[], first: bigint, last: bigint): AddressRange[] {
  const found: AddressRange[] = [];
  let at = first;
  for (const r of used) {
    if (r.start > last) break;
    if (r.start > at) found.push({ start: at, last: r.start - 1n });
    if (r.last >= at) at = r.last + 1n;
  }
  if (at <= last) found.push({ start: at, last });
  return found;
}
