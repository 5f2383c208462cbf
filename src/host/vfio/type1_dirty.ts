/**
 * What the type1 backend tells of dirty pages: the call's structures, and bitmaps of the caller's that it writes word by
 * word. Linux 7.2, drivers/vfio/vfio_iommu_type1.c (vfio_iommu_type1_dirty_pages, update_user_bitmap).
 */
import type { AddressRange } from "../drivers/driver.ts";
import type { Errno } from "../errno.ts";
import { lowestSetBit, ULONG_MAX } from "../iommufd/ranges.ts";
import type { Process } from "../process.ts";
import { struct, u32, u64 } from "../uapi_struct.ts";
import { readSized } from "../user_copy.ts";

const SOURCE = "include/uapi/linux/vfio.h";
const DIRTY_BITMAP = struct("vfio_iommu_type1_dirty_bitmap", SOURCE, [
  u32("argsz", "bytes of this structure and of what follows it"),
  u32("flags", "of DirtyFlag, one of them"),
]);
const RANGE = struct("vfio_iommu_type1_dirty_bitmap_get", SOURCE, [u64("iova", "first byte"), u64("size", "bytes")]);
const BITMAP = struct("vfio_bitmap", SOURCE, [
  u64("pgsize", "bytes for each bit"),
  u64("size", "bytes of the bitmap"),
  u64("data", "pointer to the bitmap"),
]);

export const DirtyFlag = { START: 1, STOP: 2, GET_BITMAP: 4 } as const;
const FLAGS: readonly number[] = Object.values(DirtyFlag);

/** Most bytes of a bitmap: a bit for each page of 2^31. */
export const MOST_BITMAP = 0x1000_0000n;
/** The first address that is no process's. */
const USER_END = 1n << 48n;
const WORD_BITS = 64n;
const WORD_BYTES = 8n;

/** A bitmap that a caller has room for. */
export type BitmapAt = ReturnType<typeof BITMAP.decode>;

/** Bytes of the words that so many bits take. */
const wordBytes = (bits: bigint): bigint => ((bits + WORD_BITS - 1n) / WORD_BITS) * WORD_BYTES;

/** The fixed part of VFIO_IOMMU_DIRTY_PAGES. */
export function readDirtyCall(
  process: Process,
  argument: bigint,
): { readonly argsz: number; readonly flags: number } | Errno {
  const given = readSized(process, argument, DIRTY_BITMAP.size, DIRTY_BITMAP.size);
  if (typeof given === "string") return given;
  const call = DIRTY_BITMAP.decode(given.bytes);
  return FLAGS.includes(call.flags) ? call : "EINVAL";
}

/**
 * A bitmap for the pages of a range.
 * @param room bytes that the caller gave from there on
 */
export function bitmapAt(process: Process, at: bigint, room: number, size: bigint): BitmapAt | Errno {
  if (room < BITMAP.size) return "EINVAL";
  const bytes = process.read(at, BITMAP.size);
  if (bytes === null) return "EFAULT";
  const bitmap = BITMAP.decode(bytes);
  if (bitmap.pgsize === 0n || bitmap.data + bitmap.size > USER_END) return "EINVAL";
  const pages = size / lowestSetBit(bitmap.pgsize);
  const enough = bitmap.size > 0n && bitmap.size <= MOST_BITMAP && bitmap.size >= wordBytes(pages);
  return pages > 0n && enough ? bitmap : "EINVAL";
}

/** What DirtyFlag.GET_BITMAP asks about. @param page bytes of the smallest page */
export function readRange(
  process: Process,
  argument: bigint,
  argsz: number,
  page: bigint,
): (AddressRange & { readonly bitmap: BitmapAt }) | Errno {
  const at = argument + BigInt(DIRTY_BITMAP.size);
  const room = argsz - DIRTY_BITMAP.size;
  if (room < RANGE.size + BITMAP.size) return "EINVAL";
  const bytes = process.read(at, RANGE.size + BITMAP.size);
  if (bytes === null) return "EFAULT";
  const { iova, size } = RANGE.decode(bytes);
  if (size === 0n) return "EINVAL";
  if (iova + size - 1n > ULONG_MAX) return "EOVERFLOW";
  const bitmap = bitmapAt(process, at + BigInt(RANGE.size), room - RANGE.size, size);
  if (typeof bitmap === "string") return bitmap;
  if (bitmap.pgsize !== page || iova % page !== 0n || size % page !== 0n) return "EINVAL";
  return { start: iova, last: iova + size - 1n, bitmap };
}

/** Words that are written at a time. */
const CHUNK = 4096n;

/**
 * Mark all pages of a mapping in a bitmap that begins at `base`. Bits of other mappings in its first word stay, those in
 * its last word behind it become zero.
 * @returns false where the bitmap cannot be read or written
 */
export function markAll(process: Process, { data, pgsize }: BitmapAt, area: AddressRange, base: bigint): boolean {
  const first = (area.start - base) / pgsize;
  const end = first + (area.last - area.start + 1n) / pgsize;
  for (let word = first / WORD_BITS; word * WORD_BITS < end; word += CHUNK) {
    const words = (end + WORD_BITS - 1n) / WORD_BITS - word;
    const chunk = new BigUint64Array(Number(words < CHUNK ? words : CHUNK)).fill(ULONG_MAX);
    if (word * WORD_BITS < first && !keepBefore(process, data, first, chunk)) return false;
    const over = (word + BigInt(chunk.length)) * WORD_BITS - end;
    if (over > 0n) chunk[chunk.length - 1]! &= ULONG_MAX >> over;
    if (!process.write(data + word * WORD_BYTES, new Uint8Array(chunk.buffer))) return false;
  }
  return true;
}

/** Keep what the first word of a chunk says of pages before the first one. */
function keepBefore(process: Process, data: bigint, first: bigint, chunk: BigUint64Array): boolean {
  const bytes = process.read(data + (first / WORD_BITS) * WORD_BYTES, Number(WORD_BYTES));
  if (bytes === null) return false;
  const before = (1n << (first % WORD_BITS)) - 1n;
  chunk[0] = (chunk[0]! & ~before) | (new BigUint64Array(bytes.buffer)[0]! & before);
  return true;
}
