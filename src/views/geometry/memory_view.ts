/**
 * Moving about in a memory of 2^52 bytes of which few are held: a view of rows from a first address on, and the ranges
 * that are worth going to.
 */

/** Addresses of the widest architecture. */
const ADDRESS_BITS = 52n;
export const MEMORY_END = 1n << ADDRESS_BITS;

/** Bytes of a row: two 64-bit words. */
export const ROW_BYTES = 16n;

/** The first address of a view of `rows` rows that begins as near to `at` as the memory's ends allow. */
export function viewFrom(at: bigint, rows: number): bigint {
  const last = MEMORY_END - ROW_BYTES * BigInt(Math.max(1, rows));
  const aligned = at - (((at % ROW_BYTES) + ROW_BYTES) % ROW_BYTES);
  return aligned < 0n ? 0n : aligned > last ? last : aligned;
}

/** The view that has `at` in it: the same one where it already has, else one with `at` a third from its top. */
export function viewWith(top: bigint, rows: number, at: bigint): bigint {
  const end = top + ROW_BYTES * BigInt(rows);
  if (at >= top && at + 8n <= end) return top;
  return viewFrom(at - ROW_BYTES * BigInt(Math.floor(rows / 3)), rows);
}

export interface AddressRange {
  /** First address, and one past the last. */
  readonly from: bigint;
  readonly to: bigint;
}

/** The narrowest range that holds an address, or null: a structure within a table within guest memory. */
export function narrowest<R extends AddressRange>(ranges: readonly R[], at: bigint): R | null {
  let best: R | null = null;
  for (const range of ranges) {
    if (at < range.from || at >= range.to) continue;
    if (best === null || range.to - range.from < best.to - best.from) best = range;
  }
  return best;
}

/** The start of the next range after an address (`by` 1), or of the one before it; null where there is none. */
export function nextRange(ranges: readonly AddressRange[], at: bigint, by: 1 | -1): bigint | null {
  const starts = ranges.map((r) => r.from).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return (by === 1 ? starts.find((s) => s > at) : starts.findLast((s) => s < at)) ?? null;
}
