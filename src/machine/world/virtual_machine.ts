/**
 * A virtual machine on a host: a VMM with a virtual IOMMU in front of the host's iommufd, guest memory as a slot of it,
 * and a guest kernel with a driver of its own. Everything a device does goes through the one physical IOMMU.
 */
import { GuestKernel } from "../../actors/guest/guest_kernel.ts";
import type { DriverRefusal } from "../../actors/guest/iommu_driver.ts";
import type { Mistakes } from "../../actors/guest/mistakes.ts";
import type { Journal } from "../../actors/journal.ts";
import { Caller, type Refused, SCRATCH, SCRATCH_BYTES } from "../../actors/vmm/user_space.ts";
import type { VirtualIommu, VmSetting } from "../../actors/vmm/virtual_iommu.ts";
import { SMMU_IDR3, SMMU_MPAMIDR } from "../../arch/smmuv3/id_registers.ts";
import { highHalf, lowHalf } from "../../base/address.ts";
import { low } from "../../base/halves.ts";
import type { Words } from "../../base/layout.ts";
import { MemoryStatus } from "../../engine/memory/physical_memory.ts";
import type { KernelMemory, ReachedIommu } from "../../kernel/platform.ts";
import type { AssignedDevice, Door, VmMode } from "../../protocol/software.ts";
import type { Machine } from "../machine.ts";
import { DRIVERS } from "./bare_kernel.ts";
import type { HostSystem } from "./host_system.ts";
import { virtualIommus } from "./virtual_iommus.ts";

/** Where a virtual machine's memory is. */
export interface GuestRam {
  /** Guest physical address of its first byte. */
  readonly gpa: number;
  readonly bytes: number;
  /** Physical address on the host. */
  readonly pa: number;
}

export interface VmDescription {
  readonly mode: VmMode;
  /** What the VMM uses; absent: iommufd where the host has it. */
  readonly door?: Door;
  readonly ram: GuestRam;
  /** Physical memory of the VMM itself, {@link SCRATCH_BYTES} bytes. */
  readonly vmm: number;
  readonly devices: readonly AssignedDevice[];
  readonly mistakes: Mistakes;
  /** The guest waits for many unmaps at once. */
  readonly lazy: boolean;
  /** PARTIDs of the guest, where the SMMU has them. */
  readonly partids?: number;
}

const RAM_VA = 0x7e00_0000_0000n;

export class VirtualMachine {
  readonly kernel: GuestKernel;
  readonly ram: GuestRam;
  readonly iommu: VirtualIommu;
  /** Guest memory as the guest reaches it. */
  readonly memory: KernelMemory;

  private constructor(ram: GuestRam, kernel: GuestKernel, iommu: VirtualIommu, memory: KernelMemory) {
    this.ram = ram;
    this.memory = memory;
    this.kernel = kernel;
    this.iommu = iommu;
  }

  /** Start the VMM and the guest's kernel. */
  static start(
    machine: Machine,
    host: HostSystem,
    description: VmDescription,
    journal: Journal,
  ): VirtualMachine | Refused | DriverRefusal {
    const { ram, devices, mistakes, lazy, mode } = description;
    const { arch } = machine.unit;
    const make = virtualIommus(arch, { era: host.kernel.era.name, door: description.door })[mode];
    if (make === undefined) return { refused: `A virtual machine with this IOMMU has no mode "${mode}".` };
    const regions = [
      { va: RAM_VA, bytes: BigInt(ram.bytes), pa: BigInt(ram.pa), writable: true },
      { va: SCRATCH, bytes: SCRATCH_BYTES, pa: BigInt(description.vmm), writable: true },
    ];
    const caller = new Caller(host.process(machine, regions), journal);
    const memory = slotMemory(machine, ram);
    const slots = [{ gpa: ram.gpa, bytes: ram.bytes, va: RAM_VA }];
    const { devices: physical } = host.kernel;
    const having = (what: "ats" | "pri"): ReadonlySet<number> => {
      const able = new Set(physical.filter((device) => device[what]).map(({ name }) => name));
      return new Set(devices.filter(({ bdf, mdev }) => able.has(mdev ?? bdf)).map(({ virtualId }) => virtualId));
    };
    const broadcasts = host.kernel.config.kvm !== undefined;
    const partitions = partitionsOf(machine, description.partids ?? 0);
    const told = { requesting: having("pri"), broadcasts, partitions };
    const iommu = make({ caller, slots, devices, ...told, memory, journal });
    if ("errno" in iommu) return iommu;
    const { registers } = iommu;
    const { processor } = host;
    // Its TLBI instructions are carried out without anybody between.
    const withProcessor = ({ blocks }: ReachedIommu): Required<Pick<ReachedIommu, "blocks">> => ({
      blocks: { ...blocks, ...(processor === null ? {} : { pe: processor }) },
    });
    const further = (iommu.further ?? []).map((other) => ({ ...other, ...withProcessor(other) }));
    const options = { mistakes, ats: having("ats"), lazy };
    const place = { at: ram.gpa, bytes: ram.bytes };
    const reach = { memory: iommu.memory ?? memory, registers, ...withProcessor(iommu), further };
    const kernel = GuestKernel.boot(place, reach, DRIVERS[arch], options, journal);
    return kernel instanceof GuestKernel ? new VirtualMachine(ram, kernel, iommu, reach.memory) : kernel;
  }

  /** Physical address of a guest's; null outside its memory. */
  hostAddress(gpa: number): number | null {
    const { ram } = this;
    return gpa >= ram.gpa && gpa < ram.gpa + ram.bytes ? ram.pa + (gpa - ram.gpa) : null;
  }
}

/** PARTIDs and PMGs that a guest gets: none where the SMMU has none to map. */
function partitionsOf(machine: Machine, partids: number): VmSetting["partitions"] {
  const value = (name: string): Words => [low(machine.registerValue(name))];
  const { PARTID_MAX, PMG_MAX } = SMMU_MPAMIDR.f;
  const mapped = SMMU_IDR3.f.MPAM.get(value("IDR3"), 0) === 1 && PARTID_MAX.get(value("MPAMIDR"), 0) > 0;
  return mapped ? { partids, pmgs: 1 + PMG_MAX.get(value("MPAMIDR"), 0) } : { partids: 0, pmgs: 1 };
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
    isZero(at: number, bytes: number): boolean {
      const from = Math.max(at, ram.gpa);
      const to = Math.min(at + bytes, ram.gpa + ram.bytes);
      return from >= to || memory.isZero(ram.pa + (from - ram.gpa), to - from);
    },
    write(at: number, hi: number, lo: number): void {
      if (at < ram.gpa || at >= ram.gpa + ram.bytes) return;
      const pa = ram.pa + (at - ram.gpa);
      memory.write64(highHalf(pa), lowHalf(pa), hi, lo);
    },
  };
  return slot;
}
