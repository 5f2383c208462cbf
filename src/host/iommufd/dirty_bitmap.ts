/**
 * A bitmap of the caller's in which dirty pages are marked: bits are set, never cleared, and where the bitmap cannot
 * be written nothing is said. Linux 7.2, drivers/iommu/iommufd/iova_bitmap.c.
 */
import type { Process } from "../process.ts";

/** Bits that are written together. */
const CHUNK_BITS = 1n << 15n;

export class DirtyBitmap {
  readonly #process: Process;
  readonly #pointer: bigint;
  readonly #iova: bigint;
  readonly #pageSize: bigint;

  /** @param pageSize bytes for each bit, from `iova` on */
  constructor(process: Process, pointer: bigint, iova: bigint, pageSize: bigint) {
    this.#process = process;
    this.#pointer = pointer;
    this.#iova = iova;
    this.#pageSize = pageSize;
  }

  /** Set the bits of a range, a chunk at a time. @returns false once the bitmap cannot be written */
  mark(iova: bigint, length: bigint): boolean {
    const first = (iova - this.#iova) / this.#pageSize;
    const last = (iova + length - 1n - this.#iova) / this.#pageSize;
    for (let bit = first; bit <= last; ) {
      const chunk = bit / CHUNK_BITS;
      const end = (chunk + 1n) * CHUNK_BITS;
      const to = end <= last ? end - 1n : last;
      if (!this.#set(chunk, Number(bit % CHUNK_BITS), Number(to % CHUNK_BITS))) return false;
      bit = to + 1n;
    }
    return true;
  }

  /** Set bits `from` to `to` of a chunk. */
  #set(chunk: bigint, from: number, to: number): boolean {
    const at = this.#pointer + chunk * (CHUNK_BITS / 8n) + BigInt(from >>> 3);
    const bytes = this.#process.read(at, (to >>> 3) - (from >>> 3) + 1);
    if (bytes === null) return false;
    for (let bit = from; bit <= to; bit++) bytes[(bit >>> 3) - (from >>> 3)]! |= 1 << (bit & 7);
    return this.#process.write(at, bytes);
  }
}
