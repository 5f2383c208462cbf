/**
 * A bitmap of the caller's in which dirty pages are marked: bits are set, never cleared, and where the bitmap cannot
 * be written nothing is said. Linux 7.2, drivers/iommu/iommufd/iova_bitmap.c.
 */
import type { Process } from "../process.ts";

export class DirtyBitmap {
  readonly #process: Process;
  readonly #pointer: bigint;
  readonly #iova: bigint;
  readonly #pageSize: bigint;
  /** Bytes to set bits in, by their index. */
  readonly #bits = new Map<bigint, number>();

  /** @param pageSize bytes for each bit, from `iova` on */
  constructor(process: Process, pointer: bigint, iova: bigint, pageSize: bigint) {
    this.#process = process;
    this.#pointer = pointer;
    this.#iova = iova;
    this.#pageSize = pageSize;
  }

  mark(iova: bigint, length: bigint): void {
    const first = (iova - this.#iova) / this.#pageSize;
    const last = (iova + length - 1n - this.#iova) / this.#pageSize;
    for (let bit = first; bit <= last; bit++) {
      const byte = bit / 8n;
      this.#bits.set(byte, (this.#bits.get(byte) ?? 0) | (1 << Number(bit % 8n)));
    }
  }

  /** Write what was marked. */
  flush(): void {
    for (const [byte, bits] of this.#bits) {
      const old = this.#process.read(this.#pointer + byte, 1);
      if (old !== null) this.#process.write(this.#pointer + byte, Uint8Array.of(old[0]! | bits));
    }
  }
}
