/**
 * VMIDs as KVM hands them out: anew in each generation, so that there may be more virtual machines than VMIDs. Linux 7.2,
 * arch/arm64/kvm/vmid.c. Pins are those of "KVM: arm64: Introduce support to pin VMIDs" (RFC v3, March 2025), which was
 * not merged.
 */

/** A virtual machine's VMID; made by {@link Vmids.user}. */
export interface VmidUser {
  /** 0 before it has first run. */
  vmid: number;
  generation: number;
  pins: number;
}

/** Virtual machines that run at a time, one on each processor, keep their VMID. */
const PROCESSORS = 1;

export class Vmids {
  readonly #count: number;
  #generation = 1;
  #next = 1;
  readonly #taken = new Set<number>();
  readonly #pinned = new Set<number>();

  /** @param bits 8 or 16. VMID 0 is nobody's */
  constructor(bits: number) {
    this.#count = 2 ** bits;
  }

  /** How often VMIDs have begun anew, from 1. */
  get generation(): number {
    return this.#generation;
  }

  user(): VmidUser {
    return { vmid: 0, generation: 0, pins: 0 };
  }

  /** It runs: with the VMID that it has, or another where this is not its own any more. */
  enter(user: VmidUser): number {
    if (user.generation !== this.#generation) this.#renew(user);
    return user.vmid;
  }

  /** Have it keep its VMID from generation to generation. @returns null where too many do */
  pin(user: VmidUser): number | null {
    if (user.pins === 0) {
      if (this.#pinned.size >= this.#count - PROCESSORS - 2) return null;
      this.#pinned.add(this.enter(user));
    }
    user.pins++;
    return user.vmid;
  }

  unpin(user: VmidUser): void {
    if (--user.pins === 0) this.#pinned.delete(user.vmid);
  }

  #renew(user: VmidUser): void {
    const keeps = user.pins > 0 || (user.vmid !== 0 && !this.#taken.has(user.vmid));
    if (!keeps) user.vmid = this.#find();
    this.#taken.add(user.vmid);
    user.generation = this.#generation;
  }

  #find(): number {
    while (this.#next < this.#count && this.#taken.has(this.#next)) this.#next++;
    if (this.#next === this.#count) this.#beginAnew();
    while (this.#taken.has(this.#next)) this.#next++;
    return this.#next++;
  }

  #beginAnew(): void {
    this.#generation++;
    this.#taken.clear();
    for (const vmid of this.#pinned) this.#taken.add(vmid);
    this.#next = 1;
  }
}
