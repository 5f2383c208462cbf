/** One story on every architecture: a kernel on hardware maps, uses, loses and maps again. */
import type { Arch } from "../../protocol/machine.ts";
import { type Lesson, lesson, type Story } from "./lesson.ts";
import { kernelOn } from "./machines.ts";
import { detach, dma, KERNEL, map, readFaults, unmap } from "./verbs.ts";

/** How an architecture names what the story is about. */
interface Words {
  readonly structures: string;
  readonly invalidation: string;
  readonly fault: string;
}

const story = ({ structures, invalidation, fault }: Words): Story => [
  "The kernel has set up the IOMMU through its registers. No device is known to it yet.",
  map(KERNEL, 0x10_0000, 1),
  `A page is mapped, and the card attached: ${structures}.`,
  dma(0x10_0000),
  dma(0x20_0000),
  `The card strayed: ${fault}.`,
  readFaults,
  unmap(KERNEL, 0x10_0000, 1),
  `The leaf is empty, and what was cached is dropped by ${invalidation}.`,
  dma(0x10_0000),
  detach(KERNEL),
  "The card is detached: its structure says that requests are refused, and cached copies of it are dropped.",
  dma(0x10_0000),
  map(KERNEL, 0x10_0000, 1),
  dma(0x10_0000),
  "Attached anew, with tables of its own.",
];

const on = (id: string, arch: Arch, preset: string, title: string, words: Words): Lesson =>
  lesson(
    { id, group: "One story, every IOMMU", title, about: `A kernel's mappings by ${words.structures}.` },
    kernelOn(arch, preset),
    story(words),
  );

const VTD_FAULT = "the fault recording registers have the reason, the source id and the address";

export const ARCHITECTURES: readonly Lesson[] = [
  on("story-smmuv3", "smmuv3", "neoverse", "Arm SMMUv3", {
    structures: "a Stream table entry, a Context descriptor and tables of VMSAv8-64",
    invalidation: "CMD_TLBI_NH_VA and CMD_SYNC",
    fault: "an F_TRANSLATION record stands in the Event queue",
  }),
  on("story-vtd-legacy", "vtd", "skylake-sp", "Intel VT-d, legacy mode", {
    structures: "a root entry, a context entry and second-stage tables",
    invalidation: "iotlb_inv_dsc and inv_wait_dsc",
    fault: VTD_FAULT,
  }),
  on("story-vtd-scalable", "vtd", "sapphire-rapids", "Intel VT-d, scalable mode", {
    structures: "a scalable-mode context entry, a PASID table entry and first-stage tables",
    invalidation: "p_iotlb_inv_dsc and inv_wait_dsc",
    fault: VTD_FAULT,
  }),
  on("story-amd-v1", "amdvi", "minimal", "AMD-Vi, host tables", {
    structures: "a device table entry and host tables of its Mode",
    invalidation: "INVALIDATE_IOMMU_PAGES and COMPLETION_WAIT",
    fault: "an IO_PAGE_FAULT stands in the event log",
  }),
  on("story-amd-v2", "amdvi", "full", "AMD-Vi, guest tables", {
    structures: "a device table entry, a GCR3 table and x86-64 tables",
    invalidation: "INVALIDATE_IOMMU_PAGES and COMPLETION_WAIT",
    fault: "an IO_PAGE_FAULT stands in the event log",
  }),
];
