/**
 * The region of a device that user space reads its faults from: a header with the two indices, and a ring. As proposed
 * with SMMUv3 nesting over VFIO, "vfio/pci: Add VFIO_REGION_TYPE_NESTED region type" and "Register an iommu fault
 * handler". A ring that is full loses faults, and nobody is told how many.
 */
import type { Errno, Returned } from "../errno.ts";
import { IOMMU_FAULT, REGION_DMA_FAULT } from "./ioctls_before_iommufd.ts";

const PAGE = 4096;
const ENTRIES = 512;
/** Bytes of `tail`, all that user space writes. */
const TAIL_BYTES = 4;

export class FaultRegion {
  readonly bytes = PAGE + IOMMU_FAULT.size * ENTRIES;
  readonly #ring = new Uint8Array(IOMMU_FAULT.size * ENTRIES);
  #head = 0;
  #tail = 0;

  /** Write an entry. @returns false when there is no room */
  push(fault: Parameters<typeof IOMMU_FAULT.encode>[0]): boolean {
    const next = (this.#head + 1) % ENTRIES;
    if (next === this.#tail) return false;
    this.#ring.set(IOMMU_FAULT.encode(fault), IOMMU_FAULT.size * this.#head);
    this.#head = next;
    return true;
  }

  read(count: number, offset: number): Uint8Array | Errno {
    if (offset >= this.bytes) return "EINVAL";
    const header = { entry_size: IOMMU_FAULT.size, nb_entries: ENTRIES, offset: PAGE };
    const all = new Uint8Array(this.bytes);
    all.set(REGION_DMA_FAULT.encode({ ...header, head: this.#head, tail: this.#tail }));
    all.set(this.#ring, PAGE);
    return all.slice(offset, offset + count);
  }

  /** Move the tail; the rest is read-only. */
  write(bytes: Uint8Array, offset: number): Returned {
    if (offset !== 0 || bytes.length !== TAIL_BYTES) return "EINVAL";
    const { tail } = REGION_DMA_FAULT.decode(bytes);
    if (tail >= ENTRIES) return "EINVAL";
    this.#tail = tail;
    return bytes.length;
  }
}
