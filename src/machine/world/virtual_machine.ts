/**
 * A virtual machine on a host: a VMM with a virtual SMMUv3 in front of the host's iommufd, guest memory as a slot of it,
 * and a guest kernel with a driver of its own. Everything a device does goes through the one physical SMMU.
 */
import { GuestKernel } from "../../actors/guest/guest_kernel.ts";
import type { DriverRefusal } from "../../actors/guest/iommu_driver.ts";
import type { Mistakes } from "../../actors/guest/mistakes.ts";
import { makeSmmuDriver } from "../../actors/guest/smmuv3/driver.ts";
import type { Journal } from "../../actors/journal.ts";
import type { KernelMemory } from "../../actors/platform.ts";
import { NestedSmmuBackend, SMMU_VIOMMU } from "../../actors/vmm/nested_smmu.ts";
import { type AssignedDevice, NestedVm, type Refused } from "../../actors/vmm/nested_vm.ts";
import { Caller, SCRATCH, SCRATCH_BYTES } from "../../actors/vmm/user_space.ts";
import { HW_INFO_BYTES, virtualIdentity } from "../../actors/vmm/virtual_identity.ts";
import { VirtualSmmu } from "../../actors/vmm/virtual_smmu.ts";
import { highHalf, lowHalf } from "../../base/address.ts";
import { MemoryStatus } from "../../engine/memory/physical_memory.ts";
import type { Machine } from "../machine.ts";
import type { HostSystem } from "./host_system.ts";

/** Where a virtual machine's memory is. */
export interface GuestRam {
  /** Guest physical address of its first byte. */
  readonly gpa: number;
  readonly bytes: number;
  /** Physical address on the host. */
  readonly pa: number;
}

export interface VmDescription {
  readonly ram: GuestRam;
  /** Physical memory of the VMM itself, {@link SCRATCH_BYTES} bytes. */
  readonly vmm: number;
  readonly devices: readonly AssignedDevice[];
  readonly mistakes: Mistakes;
  /** The guest waits for many unmaps at once. */
  readonly lazy: boolean;
}

const RAM_VA = 0x7e00_0000_0000n;
const EVENT_BYTES = 32;

export class VirtualMachine {
  readonly kernel: GuestKernel;
  readonly ram: GuestRam;
  readonly smmu: VirtualSmmu;
  readonly backend: NestedSmmuBackend;
  readonly #vm: NestedVm;

  private constructor(ram: GuestRam, kernel: GuestKernel, smmu: VirtualSmmu, backend: NestedSmmuBackend, vm: NestedVm) {
    this.ram = ram;
    this.kernel = kernel;
    this.smmu = smmu;
    this.backend = backend;
    this.#vm = vm;
  }

  /** Start the VMM and the guest's kernel. */
  static start(
    machine: Machine,
    host: HostSystem,
    description: VmDescription,
    journal: Journal,
  ): VirtualMachine | Refused | DriverRefusal {
    const { ram, devices, mistakes, lazy } = description;
    const regions = [
      { va: RAM_VA, bytes: BigInt(ram.bytes), pa: BigInt(ram.pa), writable: true },
      { va: SCRATCH, bytes: SCRATCH_BYTES, pa: BigInt(description.vmm), writable: true },
    ];
    const caller = new Caller(host.process(machine, regions), journal);
    const vm = NestedVm.make(caller, SMMU_VIOMMU, [{ gpa: ram.gpa, bytes: ram.bytes, va: RAM_VA }], devices);
    if (!(vm instanceof NestedVm)) return vm;
    const backend = new NestedSmmuBackend(vm);
    const memory = slotMemory(machine, ram);
    const sids = devices.map((d) => d.virtualId);
    const smmu = new VirtualSmmu(virtualIdentity(vm.hardwareInfo(HW_INFO_BYTES)), sids, memory, backend, journal);
    const options = { mistakes, ats: new Set<number>(), lazy };
    const kernel = GuestKernel.boot(
      { at: ram.gpa, bytes: ram.bytes },
      { memory, registers: smmu },
      makeSmmuDriver,
      options,
      journal,
    );
    return kernel instanceof GuestKernel ? new VirtualMachine(ram, kernel, smmu, backend, vm) : kernel;
  }

  /** The host told the VMM that there are events: they go into the guest's queue. @returns how many arrived */
  injectEvents(): number {
    const { events } = this.#vm.takeEvents(EVENT_BYTES);
    let arrived = 0;
    for (const bytes of events) if (this.smmu.event(new Uint32Array(bytes.slice().buffer))) arrived++;
    return arrived;
  }

  /** Physical address of a guest's; null outside its memory. */
  hostAddress(gpa: number): number | null {
    const { ram } = this;
    return gpa >= ram.gpa && gpa < ram.gpa + ram.bytes ? ram.pa + (gpa - ram.gpa) : null;
  }
}

/** Guest memory through the VMM's slot. What lies outside reads as zero. */
function slotMemory({ memory }: Machine, ram: GuestRam): KernelMemory {
  const slot = {
    hi: 0,
    lo: 0,
    read(at: number): void {
      const inside = at >= ram.gpa && at < ram.gpa + ram.bytes;
      const pa = ram.pa + (at - ram.gpa);
      const found = inside && memory.read64(highHalf(pa), lowHalf(pa)) === MemoryStatus.Ok;
      slot.hi = found ? memory.hi : 0;
      slot.lo = found ? memory.lo : 0;
    },
    write(at: number, hi: number, lo: number): void {
      if (at < ram.gpa || at >= ram.gpa + ram.bytes) return;
      const pa = ram.pa + (at - ram.gpa);
      memory.write64(highHalf(pa), lowHalf(pa), hi, lo);
    },
  };
  return slot;
}
