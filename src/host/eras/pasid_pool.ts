/**
 * PASIDs of the whole system, each owned by a process: IOASIDs and their sets, as in the series on virtual SVA (v7 with a
 * quota, drivers/vfio/vfio_pasid.c; v8 behind /dev/ioasid, drivers/iommu/ioasid_user.c as proposed).
 */
import type { Errno } from "../errno.ts";
import type { Process } from "../process.ts";

/** IOMMUs have PASIDs of 20 bits. */
export const PASID_END = 2 ** 20;

/** Owns the PASIDs that the kernel has use for itself. */
export const KERNEL = Symbol("kernel");
type Owner = Process | typeof KERNEL;

/** Takes leave of a PASID: whoever has something bound to it lets go of it. */
type Listener = (owner: Owner, pasid: number) => void;

export class PasidPool {
  readonly #owners = new Map<number, Owner>();
  readonly #listeners = new Set<Listener>();

  /** The lowest free PASID from `min` to `max`, both included. @param quota PASIDs that a process may own */
  allocate(owner: Owner, min: number, max: number, quota: number): number | Errno {
    if (this.of(owner).length >= quota) return "ENOSPC";
    // PASID 0 is that of requests without one.
    const last = Math.min(max, PASID_END - 1);
    let pasid = Math.max(min, 1);
    while (pasid <= last && this.#owners.has(pasid)) pasid++;
    if (pasid > last) return "ENOSPC";
    this.#owners.set(pasid, owner);
    return pasid;
  }

  /** Free a PASID; one that is not the process's is left alone. */
  free(owner: Owner, pasid: number): void {
    if (this.#owners.get(pasid) !== owner) return;
    for (const tell of this.#listeners) tell(owner, pasid);
    this.#owners.delete(pasid);
  }

  freeAll(owner: Owner): void {
    for (const pasid of this.of(owner)) this.free(owner, pasid);
  }

  /** PASIDs of a process, in the order in which it got them. */
  of(owner: Owner): number[] {
    return [...this.#owners].flatMap(([pasid, of]) => (of === owner ? [pasid] : []));
  }

  ownerOf(pasid: number): Owner | null {
    return this.#owners.get(pasid) ?? null;
  }

  /** Tell when PASIDs are freed. @returns ends it */
  onFree(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
