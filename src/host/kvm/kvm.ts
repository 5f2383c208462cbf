/**
 * KVM as far as IOMMUs have to do with it: whose devices they are, and which VMID a virtual machine runs with. Linux 7.2,
 * virt/kvm/vfio.c, arch/arm64/kvm/vmid.c.
 *
 * UNMODELLED: vCPUs and what is scheduled when: one virtual machine has the processor from the time it is made.
 */
import { PE_REGISTERS, VTTBR_EL2 } from "../../arch/smmuv3/pe.ts";
import { encodeFields } from "../../base/encode.ts";
import { join } from "../../base/halves.ts";
import type { RegisterPages } from "../../kernel/platform.ts";
import type { HostDevice } from "../drivers/driver.ts";
import { Vmids, type VmidUser } from "./vmids.ts";

const at = (name: string): number => PE_REGISTERS.find((r) => r.name === name)!.offset;
const VTTBR = at("VTTBR_EL2");
const ALLE1IS = at("ALLE1IS");

/** A virtual machine. */
export type Kvm = VmidUser;

/** A VMID that somebody uses beside the processors. */
export interface LeasedVmid {
  readonly vmid: number;
  end(): void;
}

export class KvmHost {
  readonly #processor: RegisterPages | null;
  readonly #vmids: Vmids;
  readonly #pins: boolean;
  readonly #owners = new Map<HostDevice, Kvm>();
  /** Who has the processor. */
  #running: Kvm | null = null;

  /**
   * @param processor its system registers and TLBI instructions; null where the machine does not show any
   * @param bits of a VMID
   * @param pins VMIDs that are leased stay with their virtual machine
   */
  constructor(processor: RegisterPages | null, bits: number, pins: boolean) {
    this.#processor = processor;
    this.#vmids = new Vmids(bits);
    this.#pins = pins;
  }

  makeVm(): Kvm {
    const vm = this.#vmids.user();
    this.#run(vm);
    return vm;
  }

  /** A device is bound for a virtual machine; null ends that. */
  give(device: HostDevice, vm: Kvm | null): void {
    if (vm === null) this.#owners.delete(device);
    else this.#owners.set(device, vm);
  }

  /** The VMID of the virtual machine that a device is bound for; null for a device of nobody's, or without pins left. */
  lease(device: HostDevice): LeasedVmid | null {
    const vm = this.#owners.get(device);
    if (vm === undefined) return null;
    if (!this.#pins) return { vmid: this.#vmids.enter(vm), end: () => {} };
    const vmid = this.#vmids.pin(vm);
    return vmid === null ? null : { vmid, end: () => this.#vmids.unpin(vm) };
  }

  /**
   * So many other virtual machines run, one after the other, that VMIDs begin anew; then this one goes on.
   * @returns the VMID that it goes on with; 0 where there is none
   */
  beginAnew(): number {
    const { generation } = this.#vmids;
    while (this.#vmids.generation === generation) this.#vmids.enter(this.#vmids.user());
    // What processors hold of the generation before is dropped: theirs, and everybody's who takes part in broadcasts.
    this.#processor?.write(ALLE1IS, 0n, 8);
    return this.#running === null ? 0 : this.#run(this.#running);
  }

  #run(vm: Kvm): number {
    this.#running = vm;
    const vmid = this.#vmids.enter(vm);
    const words = encodeFields(VTTBR_EL2, { VMID: vmid });
    this.#processor?.write(VTTBR, join(words[1]!, words[0]!), 8);
    return vmid;
  }
}
