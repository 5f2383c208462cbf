/**
 * Machines that transcripts come from, by the words of their headers: how the kernel was built, which hardware there
 * is and what is particular about it.
 */
import type { KernelConfig } from "../host/kernel.ts";
import type { Hardware } from "./play_uapi_hardware.ts";
import type { Header } from "./play_uapi_lines.ts";
import { pcHardware } from "./play_uapi_pc.ts";
import { smmuHardware } from "./play_uapi_smmu.ts";

export interface MachineProfile {
  readonly header: Header;
  readonly kernel: KernelConfig;
  /** /dev/vfio/vfio is the classic container, not an iommufd. */
  readonly classicContainer: boolean;
  makeHardware(): Hardware;
}

/** Huge pages by the size of pages, both in bytes. */
const HUGE_PAGES: Readonly<Record<number, bigint>> = { 4: 0x20_0000n, 16: 0x200_0000n, 64: 0x2000_0000n };

/** Page sizes of the processor, as the kernel was built. */
function pageSizesOf(config: string): { readonly page: bigint; readonly hugePage: bigint } {
  const kib = Number(/(\d+) KiB (?:CPU )?pages/.exec(config)?.[1] ?? 4);
  return { page: BigInt(kib) * 1024n, hugePage: HUGE_PAGES[kib] ?? HUGE_PAGES[4]! };
}

/** Where an interrupt controller takes messages: GITS_TRANSLATER of the virt machine, the local APICs of a PC. */
const ITS_DOORBELL = 0x809_0040n;
const APIC_DOORBELL = 0xfee0_0000n;

/** The profile of a machine. */
export function profileOf(header: Header): MachineProfile {
  const arm = /SMMUv3/.test(header.machine);
  const sizes = pageSizesOf(header.config);
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
    makeHardware: () => (arm ? smmuHardware(header, sizes.page) : pcHardware(header)),
  };
}
