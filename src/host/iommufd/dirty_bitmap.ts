/**
 * A bitmap of the caller's in which dirty pages are marked: bits are set, never cleared, and where the bitmap cannot
 * be written nothing is said. Linux 7.2, drivers/iommu/iommufd/iova_bitmap.c.
 */
import type { Process } from "../process.ts";
import { lowestSetBit } from "./ranges.ts";

/** Bits of what is written at a time: memory that is there is there for so many bytes. */
const CHUNK_BITS = 1n << 15n;

export class DirtyBitmap {
  readonly #process: Process;
  /** The bit that stands for the first page, counted from address 0. */
  readonly #firstBit: bigint;
  readonly #iova: bigint;
  readonly #pageSize: bigint;

  /** @param pageSize bytes for each bit, from `iova` on: its lowest bit counts alone (iova_bitmap_alloc) */
  constructor(process: Process, pointer: bigint, iova: bigint, pageSize: bigint) {
    this.#process = process;
    this.#firstBit = pointer * 8n;
    this.#iova = iova;
    this.#pageSize = lowestSetBit(pageSize);
  }

  /** Set the bits of a range, chunk by chunk, as far as the bitmap can be written. */
  mark(iova: bigint, length: bigint): void {
    const last = this.#firstBit + (iova + length - 1n - this.#iova) / this.#pageSize;
    for (let bit = this.#firstBit + (iova - this.#iova) / this.#pageSize; bit <= last; ) {
      const chunk = bit / CHUNK_BITS;
      const end = (chunk + 1n) * CHUNK_BITS;
      const to = end <= last ? end - 1n : last;
      if (!this.#set(chunk, Number(bit % CHUNK_BITS), Number(to % CHUNK_BITS))) return;
      bit = to + 1n;
    }
  }

  /** Set bits `from` to `to` of a chunk. */
  #set(chunk: bigint, from: number, to: number): boolean {
    const at = chunk * (CHUNK_BITS / 8n) + BigInt(from >>> 3);
    const bytes = this.#process.read(at, (to >>> 3) - (from >>> 3) + 1);
    if (bytes === null) return false;
    for (let bit = from; bit <= to; bit++) bytes[(bit >>> 3) - (from >>> 3)]! |= 1 << (bit & 7);
    return this.#process.write(at, bytes);
  }
}
