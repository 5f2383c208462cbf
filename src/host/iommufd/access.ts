/**
 * Accesses: what pins pages of an IOAS, or reads and writes them, without a device that the IOMMU translates for.
 * Linux 7.2, drivers/iommu/iommufd/device.c (iommufd_access).
 */
import type { PhysicalMemory } from "../../engine/memory/physical_memory.ts";
import { MemoryStatus } from "../../engine/memory/physical_memory.ts";
import { type Made, refused, type Status } from "../errno.ts";
import { type Accessor, mayAccess, type Pin } from "./io_page_table.ts";
import type { Ioas } from "./ioas.ts";
import { KernelObject } from "./objects.ts";
import { ULONG_MAX } from "./ranges.ts";

export class Access extends KernelObject implements Accessor {
  readonly type = "ACCESS";
  readonly alignment: bigint;
  readonly letGo?: (start: bigint, last: bigint) => void;
  readonly #pins = new Set<Pin>();
  #ioas: Ioas | null = null;

  /** @param letGo unpins what lies in a range; absent for an access of the kernel's own */
  constructor(alignment: bigint, letGo?: (start: bigint, last: bigint) => void) {
    super();
    this.alignment = alignment;
    if (letGo !== undefined) this.letGo = letGo;
    // Whoever made it holds a reference as long as the object exists.
    this.users = 1;
  }

  get ioas(): Ioas | null {
    return this.#ioas;
  }

  /** Attach to an IOAS, or move to another one, for which everything is unpinned. */
  attach(ioas: Ioas): Status {
    if (ioas === this.#ioas) return null;
    const status = ioas.table.addAccessor(this);
    if (status !== null) return status;
    ioas.users++;
    this.#leave();
    this.#ioas = ioas;
    return null;
  }

  pin(iova: bigint, length: bigint, write: boolean): Made<Pin> {
    const status = this.#check(iova, length);
    if (status !== null) return refused(status);
    const pin = this.#ioas!.table.pin(this, iova, length, write);
    if (pin.ok) this.#pins.add(pin.value);
    return pin;
  }

  unpin(pin: Pin): void {
    this.#pins.delete(pin);
    this.#ioas?.table.unpin(pin);
  }

  /** Read or write bytes where they are mapped; what comes before an error is done (iommufd_access_rw). */
  copy(memory: PhysicalMemory, iova: bigint, bytes: Uint8Array, write: boolean): Status {
    const status = this.#check(iova, BigInt(bytes.length));
    if (status !== null) return status;
    const { table } = this.#ioas!;
    const { page } = table.sizes;
    let done = 0;
    for (const { area, start, last } of table.contiguous(iova, iova + BigInt(bytes.length) - 1n)) {
      if (!mayAccess(area, write)) return "EPERM";
      for (let at = start; at <= last; ) {
        const pa = area.pages.pin(area.startByte + (at - area.start));
        if (pa === null) return area.pages.unpinnable;
        const inPage = page - (pa % page);
        const run = Number(last - at + 1n < inPage ? last - at + 1n : inPage);
        const piece = bytes.subarray(done, done + run);
        const copied = write ? memory.writeBytes(Number(pa), piece) : memory.readBytes(Number(pa), piece);
        if (copied !== MemoryStatus.Ok) return "EFAULT";
        done += run;
        at += BigInt(run);
      }
    }
    return done === bytes.length ? null : "ENOENT";
  }

  release(): void {
    this.#leave();
    this.#ioas = null;
  }

  #leave(): void {
    if (this.#ioas === null) return;
    this.letGo?.(0n, ULONG_MAX);
    for (const pin of this.#pins) this.unpin(pin);
    this.#ioas.table.removeAccessor(this);
    this.#ioas.users--;
  }

  #check(iova: bigint, length: bigint): Status {
    if (length === 0n) return "EINVAL";
    if (iova + length - 1n > ULONG_MAX) return "EOVERFLOW";
    return this.#ioas === null ? "ENOENT" : null;
  }
}
