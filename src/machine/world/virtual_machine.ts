/**
 * A virtual machine on a host: a VMM with a virtual SMMUv3 in front of the host's iommufd, guest memory as a slot of it,
 * and a guest kernel with a driver of its own. Everything a device does goes through the one physical SMMU.
 */
import { DmaMappings } from "../../actors/guest/dma.ts";
import type { AddressSpace, DriverRefusal, IommuDriver } from "../../actors/guest/iommu_driver.ts";
import { OwnMemory } from "../../actors/guest/kernel_memory.ts";
import type { Mistakes } from "../../actors/guest/mistakes.ts";
import { PageAllocator } from "../../actors/guest/page_allocator.ts";
import { SmmuDriver as GuestSmmuDriver } from "../../actors/guest/smmuv3/driver.ts";
import type { Journal } from "../../actors/journal.ts";
import type { KernelMemory, Platform } from "../../actors/platform.ts";
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
}

const RAM_VA = 0x7e00_0000_0000n;
/** Of guest memory, so much is the guest kernel's own; the rest is buffers. */
const KERNEL_SHARE = 0.5;
const EVENT_BYTES = 32;

export class VirtualMachine {
  readonly ram: GuestRam;
  readonly smmu: VirtualSmmu;
  readonly driver: IommuDriver;
  readonly memory: OwnMemory;
  /** Free guest memory for buffers. */
  readonly buffers: PageAllocator;
  readonly backend: NestedSmmuBackend;
  readonly #vm: NestedVm;
  readonly #mistakes: Mistakes;
  readonly #spaces = new Map<string, DmaMappings>();

  private constructor(parts: {
    ram: GuestRam;
    smmu: VirtualSmmu;
    driver: IommuDriver;
    memory: OwnMemory;
    backend: NestedSmmuBackend;
    vm: NestedVm;
    mistakes: Mistakes;
  }) {
    this.ram = parts.ram;
    this.smmu = parts.smmu;
    this.driver = parts.driver;
    this.memory = parts.memory;
    this.backend = parts.backend;
    this.#vm = parts.vm;
    this.#mistakes = parts.mistakes;
    const kernel = this.ram.bytes * KERNEL_SHARE;
    this.buffers = new PageAllocator(this.ram.gpa + kernel, this.ram.bytes - kernel);
  }

  /** Start the VMM and the guest's driver. */
  static start(
    machine: Machine,
    host: HostSystem,
    description: VmDescription,
    journal: Journal,
  ): VirtualMachine | Refused | DriverRefusal {
    const { ram, devices, mistakes } = description;
    const regions = [
      { va: RAM_VA, bytes: BigInt(ram.bytes), pa: BigInt(ram.pa), writable: true },
      { va: SCRATCH, bytes: SCRATCH_BYTES, pa: BigInt(description.vmm), writable: true },
    ];
    const caller = new Caller(host.process(machine, regions), journal);
    const vm = NestedVm.make(caller, SMMU_VIOMMU, [{ gpa: ram.gpa, bytes: ram.bytes, va: RAM_VA }], devices);
    if (!(vm instanceof NestedVm)) return vm;
    const backend = new NestedSmmuBackend(vm);
    const guestMemory = slotMemory(machine, ram);
    const sids = devices.map((d) => d.virtualId);
    const smmu = new VirtualSmmu(virtualIdentity(vm.hardwareInfo(HW_INFO_BYTES)), sids, guestMemory, backend, journal);
    const platform: Platform = { memory: guestMemory, registers: smmu };
    const own = new OwnMemory(guestMemory, new PageAllocator(ram.gpa, ram.bytes * KERNEL_SHARE), journal, "guest");
    const driver = new GuestSmmuDriver(platform, own, journal, { mistakes, ats: new Set() });
    const refused = driver.start();
    if (refused !== null) return refused;
    return new VirtualMachine({ ram, smmu, driver, memory: own, backend, vm, mistakes });
  }

  /** Mappings of a device, or of one of its PASIDs; made and attached when they are first asked for. */
  mappings(sid: number, pasid: number | null, lazy: boolean): DmaMappings | DriverRefusal {
    const key = `${sid} ${pasid ?? ""}`;
    const known = this.#spaces.get(key);
    if (known !== undefined) return known;
    const space = this.driver.makeSpace();
    if ("refused" in space) return space;
    const refused = this.driver.attach(sid, pasid, space);
    if (refused !== null) return refused;
    const mappings = new DmaMappings(space as AddressSpace, this.driver, this.memory, lazy, this.#mistakes);
    this.#spaces.set(key, mappings);
    return mappings;
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
