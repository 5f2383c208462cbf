/** Ranges of physical memory that read as zero until they are written. Addresses are exact numbers below 2^52. */

export interface Range {
  readonly from: number;
  /** One past the last byte. */
  readonly to: number;
}

/** One past the last address. */
const END = 2 ** 52;

/** Sorted, disjoint ranges below 2^52, in units of 8 bytes, of ranges `[address, bytes]`. */
export function mergeRanges(ranges: readonly (readonly [number, number])[]): Range[] {
  const sorted = ranges
    .map(([at, bytes]) => ({ from: Math.ceil(at / 8) * 8, to: Math.floor(Math.min(at + bytes, END) / 8) * 8 }))
    .filter((r) => r.from < r.to)
    .sort((a, b) => a.from - b.from);
  const merged: Range[] = [];
  for (const range of sorted) {
    const last = merged.at(-1);
    if (last === undefined || range.from > last.to) merged.push(range);
    else if (range.to > last.to) merged[merged.length - 1] = { from: last.from, to: range.to };
  }
  return merged;
}

/** Whether the page with a number lies wholly in one of the ranges that {@link mergeRanges} made. */
export function holdsPage(ranges: readonly Range[], page: number): boolean {
  const at = page * 4096;
  let [from, to] = [0, ranges.length];
  while (from < to) {
    const mid = (from + to) >> 1;
    if (ranges[mid]!.to <= at) from = mid + 1;
    else to = mid;
  }
  const range = ranges[from];
  return range !== undefined && range.from <= at && at + 4096 <= range.to;
}
