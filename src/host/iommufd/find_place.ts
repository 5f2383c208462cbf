/** Choosing where a mapping goes. Linux 7.2, drivers/iommu/iommufd/io_pagetable.c (iopt_alloc_iova). */
import type { AddressRange } from "../drivers/driver.ts";
import { type Made, made, refused } from "../errno.ts";
import { holes, lowestSetBit, roundUpToPower, ULONG_MAX } from "./ranges.ts";

/** What there is of an address space; ranges are in order of address. */
interface Space {
  /** What is mapped or reserved. */
  readonly used: readonly AddressRange[];
  /** Where mappings may go; anywhere if there is nothing. */
  readonly allowed: readonly AddressRange[];
  /** What addresses must be multiples of. */
  readonly alignment: bigint;
  /** Bytes of a page and of a huge page. */
  readonly page: bigint;
  readonly hugePage: bigint;
}

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);

/**
 * The lowest hole that fits, keeping as much of the alignment of the memory as a huge page could use.
 * @param hint address of the memory
 */
export function findPlace(space: Space, length: bigint, hint: bigint): Made<bigint> {
  const { used, page, hugePage } = space;
  if (length >= ULONG_MAX / 2n) return refused("EOVERFLOW");
  const round = roundUpToPower(length);
  const alignment = least(hint === 0n ? round : least(round, lowestSetBit(hint)), hugePage);
  if (alignment < space.alignment) return refused("EINVAL");
  const offset = hint % page;
  // The first page and the last one are never chosen.
  const [first, final] = [page, ULONG_MAX - page];
  const allowed = space.allowed.length === 0 ? [{ start: first, last: final }] : space.allowed;
  for (const range of allowed) {
    const start = range.start < first ? first : range.start;
    const last = least(range.last, final);
    if (start > last) continue;
    for (const hole of holes(used, start, last)) {
      const at = (((hole.start + alignment - 1n) / alignment) * alignment) | offset;
      if (at < hole.last && hole.last - at >= length - 1n) return made(at);
    }
  }
  return refused("ENOSPC");
}
