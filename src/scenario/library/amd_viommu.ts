/** A lesson on buffers of a guest that AMD hardware works on: what is trapped otherwise goes straight to the IOMMU. */
import { type Lesson, lesson } from "./lesson.ts";
import { virtualMachineOn } from "./machines.ts";
import { dma, GUEST, map, readFaults, unmap } from "./verbs.ts";

export const AMD_VIOMMU: readonly Lesson[] = [
  lesson(
    {
      id: "amd-viommu-buffers",
      group: "Nested translation",
      title: "Command buffer and event log in hardware: AMD vIOMMU",
      about: "A guest's commands reach the IOMMU without a VM exit, by the guest's own device and domain ids.",
    },
    virtualMachineOn("amdvi", "full", { amdNesting: "as intended", mode: "nested, direct" }),
    [
      "IOMMU_VIOMMU_ALLOC gave the guest a GuestID, tables that turn its DeviceIDs and DomainIDs into the host's, and its own page of registers, which the VMM mapped where the guest expects heads and tails. As the guest enabled its command buffer and its logs, of events and of page requests, the VMM made each a hardware queue over guest memory. Linux 7.2 is without this; the session follows the patches posted for it.",
      map(GUEST, 0x10_0000, 4),
      "The device table stays with the VMM: it write-protects the guest's entry, and made a nested HWPT of it. The host's own entry now has vImuEn, the GuestID and the DeviceID that the guest knows.",
      dma(0x10_0000),
      "Both stages are walked, as in the trapped mode.",
      unmap(GUEST, 0x10_0000, 4),
      "INVALIDATE_IOMMU_PAGES and COMPLETION_WAIT: the guest moved its tail in a page of hardware's, the IOMMU read the commands through the host's tables and put its own domain id in place of the guest's. No exit, no call of the kernel.",
      dma(0x10_0000),
      "Refused, and nobody but the guest heard of it: the IO_PAGE_FAULT of its tables went into its own event log, with its own DeviceID.",
      readFaults,
    ],
  ),
];
