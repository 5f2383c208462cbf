/**
 * Machines that transcripts come from, by the words of their headers: how the kernel was built, which hardware there
 * is and what is particular about it.
 */
import { PhysicalMemory } from "../engine/memory/physical_memory.ts";
import type { HostDevice } from "../host/drivers/driver.ts";
import type { KernelConfig } from "../host/kernel.ts";
import type { Header } from "./play_uapi_lines.ts";
import { smmuHardware } from "./play_uapi_smmu.ts";

/** One access of a device. */
export interface DeviceAccess {
  readonly iova: bigint;
  /** What is written; null for a read. */
  readonly data: Uint8Array | null;
  readonly length: number;
}

/** What became of it: where it went (null for an interrupt message) and what a read brought; null for a fault. */
export type AccessResult = { readonly pa: bigint | null; readonly data: Uint8Array | null } | null;

/** The hardware of a machine, with the drivers of its IOMMUs. */
export interface Hardware {
  readonly memory: PhysicalMemory;
  readonly devices: readonly HostDevice[];
  access(device: HostDevice, access: DeviceAccess): AccessResult;
  /** A guest's context descriptor as this machine understands it. */
  guestContext(words: readonly bigint[]): readonly bigint[];
  /** A guest's table entry as this machine understands it; `below` fills the table at `spare` if that is needed. */
  guestEntry(level: number, entry: bigint, spare: bigint): GuestEntry;
}

export interface GuestEntry {
  readonly entry: bigint;
  readonly below: readonly bigint[];
}

export interface MachineProfile {
  readonly header: Header;
  readonly kernel: KernelConfig;
  /** /dev/vfio/vfio is the classic container, not an iommufd. */
  readonly classicContainer: boolean;
  makeHardware(): Hardware;
}

/** Physical memory of every machine: the kernel's, then the program's. */
export const KERNEL_MEMORY = 0x4000_0000n;
export const USER_MEMORY = 0x8000_0000n;
export const MEMORY_BYTES = 0x6000_0000n;

const SIZES_4K = { page: 0x1000n, hugePage: 0x20_0000n };
const SIZES_16K = { page: 0x4000n, hugePage: 0x200_0000n };
/** Where an interrupt controller takes messages: GITS_TRANSLATER of the virt machine, the local APICs of a PC. */
const ITS_DOORBELL = 0x809_0040n;
const APIC_DOORBELL = 0xfee0_0000n;

/** A machine whose hardware nobody looks at. */
const noHardware = (): Hardware => ({
  memory: new PhysicalMemory({
    outside: "abort",
    zero: [[Number(KERNEL_MEMORY), Number(MEMORY_BYTES)]],
    segments: [],
  }),
  devices: [],
  access: () => null,
  guestContext: (words) => words,
  guestEntry: (_level, entry) => ({ entry, below: [] }),
});

/** The profile of a machine. */
export function profileOf(header: Header): MachineProfile {
  const arm = /SMMUv3/.test(header.machine);
  const sizes = /16 KiB/.test(header.config) ? SIZES_16K : SIZES_4K;
  return {
    header,
    kernel: {
      sizes,
      mayChangeLimits: true,
      coherent: true,
      msiIsolated: !/without interrupt remapping/.test(header.machine),
      doorbell: arm ? ITS_DOORBELL : APIC_DOORBELL,
    },
    classicContainer: /type1 backend/.test(header.config),
    makeHardware: () => (arm ? smmuHardware(header, sizes.page) : noHardware()),
  };
}
