/**
 * A virtual machine on a host on a machine, for tests: any IOMMU and mode. Two devices, 0x20 and 0x28 on the host, behind
 * one IOMMU or behind two.
 */
import type { DmaMappings } from "../../actors/guest/dma.ts";
import type { DriverRefusal } from "../../actors/guest/iommu_driver.ts";
import { Journal } from "../../actors/journal.ts";
import type { Refused } from "../../actors/vmm/user_space.ts";
import { EVERY_CACHE as EVERY_AMD_CACHE } from "../../engine/amdvi/caches/options.ts";
import { staleEntries as staleInAmd } from "../../engine/amdvi/caches/staleness.ts";
import { EVERY_CACHE as EVERY_SMMU_CACHE } from "../../engine/smmuv3/caches/options.ts";
import { staleEntries as staleInSmmu } from "../../engine/smmuv3/caches/staleness.ts";
import { EVERY_CACHE as EVERY_VTD_CACHE } from "../../engine/vtd/caches/options.ts";
import { staleEntries as staleInVtd } from "../../engine/vtd/caches/staleness.ts";
import type { KernelMemory } from "../../kernel/platform.ts";
import type { Arch, CacheSize } from "../../protocol/machine.ts";
import type { Door, Era, Mistake, VmMode } from "../../protocol/software.ts";
import type { AmdviUnit } from "../amdvi/amdvi_unit.ts";
import { kernelMemory } from "../kernel_memory.ts";
import { Machine } from "../machine.ts";
import { unitsOf } from "../several_units.ts";
import { SmmuUnit } from "../smmuv3/smmu_unit.ts";
import type { Architecture, Unit } from "../unit.ts";
import { VtdUnit } from "../vtd/vtd_unit.ts";
import { EffectRecorder } from "../world/effects.ts";
import { HostSystem } from "../world/host_system.ts";
import { VirtualMachine } from "../world/virtual_machine.ts";

export const VM_RAM = { gpa: 0x4000_0000, bytes: 0x100_0000, pa: 0x1_0000_0000 };
const HOST = { at: 0x8000_0000, bytes: 0x400_0000 };
const VMM = { at: 0x9000_0000, bytes: 0x20_0000 };
const DEVICES = [
  { bdf: "0000:00:04.0", sid: 0x20, label: "nic" },
  { bdf: "0000:00:05.0", sid: 0x28, label: "nvme" },
  { bdf: "0000:00:06.0", sid: 0x30, label: "gpu" },
];
/** Of two IOMMUs, devices from this one on are behind the second. */
const FAR = 0x28;
/** Of another virtual machine on the same host: its memory, its VMM's, and the device that it is assigned. */
const NEIGHBOUR_RAM = { gpa: 0x4000_0000, bytes: 0x100_0000, pa: 0x1_1000_0000 };
const NEIGHBOUR_VMM = { at: 0x9100_0000, bytes: 0x20_0000 };
const NEIGHBOURS = [{ bdf: "0000:00:06.0", virtualId: 0x10 }];
const ASSIGNED = [
  { bdf: "0000:00:04.0", virtualId: 0x10 },
  { bdf: "0000:00:05.0", virtualId: 0x18 },
];
/** Every cache, small: what a guest forgets to invalidate shows. */
const CACHES: Readonly<Record<Arch, Readonly<Record<string, CacheSize>>>> = {
  smmuv3: sizesIn(EVERY_SMMU_CACHE),
  vtd: sizesIn(EVERY_VTD_CACHE),
  amdvi: sizesIn(EVERY_AMD_CACHE),
};

function sizesIn(options: object): Record<string, CacheSize> {
  const sizes = Object.entries(options).filter(([, size]) => typeof size === "object" && size !== null);
  return Object.fromEntries(sizes) as Record<string, CacheSize>;
}

/** What is not as usual around a virtual machine. */
interface Surroundings {
  readonly era?: Era;
  readonly door?: Door;
  /** How many IOMMUs its devices are behind; absent: 1. */
  readonly iommus?: 1 | 2;
}

export class TestVm {
  readonly machine: Machine;
  readonly journal: Journal;
  readonly host: HostSystem;
  readonly vm: VirtualMachine;
  readonly physical: KernelMemory;
  /** The IOMMUs. */
  readonly #units: readonly Unit[];

  private constructor(machine: Machine, journal: Journal, host: HostSystem, vm: VirtualMachine) {
    this.machine = machine;
    this.journal = journal;
    this.host = host;
    this.vm = vm;
    this.physical = kernelMemory(machine.memory);
    this.#units = [...new Set(DEVICES.map(({ sid }) => machine.unit.serving?.(sid) ?? machine.unit))];
  }

  static start(architecture: Architecture, preset: string, mode: VmMode, ...mistakes: Mistake[]): TestVm {
    return TestVm.startIn({}, architecture, preset, mode, ...mistakes);
  }

  /** The same on a kernel of some era, or by another door of it, or behind two IOMMUs. */
  static startIn(
    kernel: Surroundings,
    architecture: Architecture,
    preset: string,
    mode: VmMode,
    ...mistakes: Mistake[]
  ): TestVm {
    const started = TestVm.attempt(kernel, architecture, preset, mode, ...mistakes);
    if (!(started instanceof TestVm)) throw new Error(JSON.stringify(started));
    return started;
  }

  /** The same where it may be refused. @returns what stands in the way */
  static attempt(
    { era = "Linux 7.2", door, iommus = 1 }: Surroundings,
    { arch, make }: Architecture,
    preset: string,
    mode: VmMode,
    ...mistakes: Mistake[]
  ): TestVm | Refused | DriverRefusal {
    const rams = [VM_RAM, NEIGHBOUR_RAM].map(({ pa, bytes }) => ({ at: pa, bytes }));
    const zero = [HOST, VMM, NEIGHBOUR_VMM, ...rams];
    const devices = DEVICES.map((device) => (iommus === 2 && device.sid >= FAR ? { ...device, iommu: 1 } : device));
    const machine = new Machine(
      {
        arch,
        preset,
        registers: {},
        caches: CACHES[arch],
        memory: {
          outside: "abort",
          zero: zero.map(({ at, bytes }) => [BigInt(at), BigInt(bytes)] as const),
          segments: [],
        },
        devices,
      },
      unitsOf(make),
    );
    const journal = new Journal();
    const host = HostSystem.boot(machine, new EffectRecorder(machine), devices, HOST, journal, {
      amdNesting: "as intended",
      era,
    });
    if (host === null) throw new Error("the host does not boot");
    const description = {
      ...(door === undefined ? {} : { door }),
      mode,
      ram: VM_RAM,
      vmm: VMM.at,
      devices: ASSIGNED,
      mistakes: new Set(mistakes),
      lazy: false,
    };
    const vm = VirtualMachine.start(machine, host, description, journal);
    return vm instanceof VirtualMachine ? new TestVm(machine, journal, host, vm) : vm;
  }

  /** Start another virtual machine on the host, with device 0x30. */
  neighbour(mode: VmMode): VirtualMachine {
    const vm = VirtualMachine.start(
      this.machine,
      this.host,
      { mode, ram: NEIGHBOUR_RAM, vmm: NEIGHBOUR_VMM.at, devices: NEIGHBOURS, mistakes: new Set(), lazy: false },
      this.journal,
    );
    if (!(vm instanceof VirtualMachine)) throw new Error(JSON.stringify(vm));
    return vm;
  }

  readonly mappings = (vsid: number, pasid: number | null = null): DmaMappings => {
    const made = this.vm.kernel.mappings(vsid, pasid);
    if ("refused" in made) throw new Error(made.refused);
    return made;
  };

  /** A DMA of 4 bytes by a physical device, with the interrupts it leads to. @returns where it went, or null */
  readonly dma = (sid: number, iova: number, write = false, ssid: number | null = null): number | null => {
    const access = { sid, ssid, iova: BigInt(iova), write, privileged: false, instruction: false };
    const result = this.machine.unit.transfer({ ...access, length: 4 });
    this.host.serveInterrupts();
    this.vm.iommu.serve();
    return result.ok && result.pa !== null ? Number(result.pa) : null;
  };

  /** Commands and descriptors that are missing: entries of caches no longer say what memory does. */
  readonly stale = (): string[] => {
    const { memory } = this.machine;
    const entriesOf = (unit: Unit): readonly { readonly missing: readonly { readonly command: string }[] }[] =>
      unit instanceof SmmuUnit
        ? staleInSmmu(unit.smmu, memory)
        : unit instanceof VtdUnit
          ? staleInVtd(unit.remapper, unit.control, memory)
          : staleInAmd((unit as AmdviUnit).translator, memory);
    return this.#units.flatMap(entriesOf).flatMap(({ missing }) => missing.map(({ command }) => command));
  };
}
