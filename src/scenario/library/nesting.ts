/** Lessons on two stages: a guest with a card, behind one SMMUv3, by way of iommufd. */
import { type Lesson, lesson } from "./lesson.ts";
import { virtualMachine, virtualMachineOn } from "./machines.ts";
import { access, detach, dma, GUEST, map, readFaults, unmap } from "./verbs.ts";

const GROUP = "Nested translation";
const PROCESS = { ...GUEST, pasid: 5 };

export const NESTING: readonly Lesson[] = [
  lesson(
    {
      id: "nested-dma",
      group: GROUP,
      title: "A guest's DMA through two stages",
      about:
        "A guest maps a buffer, its card writes to it, strays, and loses it again; every table and call can be seen.",
    },
    virtualMachine(),
    [
      "The host has booted and given the card to a virtual machine. The VMM has made an IOAS of guest memory, a nest-parent HWPT over it, a vIOMMU and a vDEVICE. The guest has set up what it takes for an SMMUv3; every register it wrote left the guest.",
      map(GUEST, 0x10_0000, 4),
      "The guest mapped four pages at 0x100000. It wrote a stage-1 table in its own memory, a CD, and an STE. CMD_CFGI_STE told the VMM, which had the host make a nested HWPT of that STE: stage 1 is the guest's, stage 2 the host's.",
      dma(0x10_0000),
      "The card wrote four bytes. Each of the guest's table addresses is an IPA, so the walk of stage 1 takes a walk of stage 2 for every table it reads, and one more for the result.",
      dma(0x20_0000),
      "The card strayed: nothing is mapped at 0x200000. Stage 1 faults, which is the guest's to know. The host put the event into the vEVENTQ with the StreamID the guest knows, and the VMM into the guest's Event queue.",
      readFaults,
      "The guest's driver read its Event queue and logged the fault, as Linux words it.",
      unmap(GUEST, 0x10_0000, 4),
      "Unmapped: the leaves are empty, and a CMD_TLBI_NH_VA went through the VMM and IOMMU_HWPT_INVALIDATE to hardware, with the VMID of the parent put in. Only when CMD_SYNC was done did the guest give the pages back.",
      dma(0x10_0000),
      "The card's write is refused now. No cache remembers the old translation.",
    ],
  ),
  lesson(
    {
      id: "vste-bypass-abort",
      group: GROUP,
      title: "A guest that turns its SMMU off",
      about: "Bypass and abort as a guest sees them are an attachment to the parent and a nested HWPT that aborts.",
    },
    virtualMachine(),
    [
      "A guest with a mapped buffer, translated in two stages.",
      map(GUEST, 0x10_0000, 1),
      dma(0x10_0000),
      "This went through both stages.",
      { do: "guest switch", to: "bypass" },
      "The guest cleared SMMUEN with GBPA.ABORT 0. For hardware this cannot mean bypass: the VMM attached the card to the nest parent instead. An IOVA is an IPA now, and stage 2 still holds.",
      dma(0x10_0000),
      "0x100000 is no address of guest memory: stage 2 refuses it.",
      dma(0x4080_0000),
      "0x40800000 is one. The card wrote into guest memory by guest physical address, as a guest without an IOMMU would have it.",
      { do: "guest switch", to: "abort" },
      "With GBPA.ABORT 1 every request is to end. The VMM attached a nested HWPT made of an STE that aborts.",
      dma(0x4080_0000),
      { do: "guest switch", to: "translate" },
      "SMMUEN is set again, and the VMM read the guest's STEs anew: the mapping of before is back.",
      dma(0x10_0000),
    ],
  ),
  lesson(
    {
      id: "vsva-pasid",
      group: GROUP,
      title: "Address spaces by PASID",
      about: "One card, two address spaces at the same IOVA: the guest's own and one of PASID 5.",
    },
    virtualMachine(),
    [
      map(GUEST, 0x10_0000, 1),
      map(PROCESS, 0x10_0000, 1),
      "The CD table of the guest has two entries: 0 for requests without a PASID, and 5. Each has its tables and its ASID. The host reads none of it: the nested HWPT holds the address of the CD table, and stage 2 guards it.",
      dma(0x10_0000),
      dma(0x10_0000, 5),
      "The same IOVA led to two places. Compare the two walks: they part at the CD.",
      detach(PROCESS),
      "CD 5 is not valid any more. The guest said so by CMD_CFGI_CD, and had translations of its ASID dropped.",
      dma(0x10_0000, 5),
      dma(0x10_0000),
      "PASID 5 is refused with C_BAD_CD, while requests without one go on.",
      readFaults,
    ],
  ),
  lesson(
    {
      id: "vsva-pasid-amd",
      group: GROUP,
      title: "Address spaces by PASID: AMD-Vi",
      about:
        "The table of PASIDs is the guest's own: an address space more is an entry of it, and no object of the host's.",
    },
    virtualMachineOn("amdvi", "full", { amdNesting: "as intended" }),
    [
      map(GUEST, 0x10_0000, 1),
      "With GIoV requests without a PASID go through entry 0 of the guest's GCR3 table. The nested HWPT was made of the guest's device table entry, and that has the table's address: an IPA (GCR3TRPMode).",
      map(PROCESS, 0x10_0000, 1),
      "Entry 5 of the GCR3 table, and nothing else: the host reads none of it. On Intel each PASID is a nested HWPT and an attachment of its own. Linux invalidates the PASID when it sets an entry, and no call hands that on: the VMM had the one nested HWPT made anew, which drops what is cached of every PASID.",
      dma(0x10_0000),
      dma(0x10_0000, 5),
      "The same IOVA led to two places. Compare the two walks: they part at the GCR3 entry.",
      detach(PROCESS),
      "Entry 5 is not valid any more, INVALIDATE_IOMMU_PAGES named the PASID, and the nested HWPT was made anew again.",
      dma(0x10_0000, 5),
      dma(0x10_0000),
      "PASID 5 is refused, while requests without one go on.",
    ],
  ),
  lesson(
    {
      id: "guest-ats",
      group: GROUP,
      title: "A guest's card with a TLB of its own",
      about: "The guest lets its card keep translations (ATS), the host follows, and CMD_ATC_INV goes all the way.",
    },
    virtualMachine({ ats: true }),
    [
      "Card and SMMU can use ATS. The VMM hands IDR0.ATS on, so that the guest may let its card use it.",
      map(GUEST, 0x10_0000, 1),
      "The guest's STE has EATS = 1, and the host put that into the nested STE: a guest that does not ask for ATS gets none.",
      access(0x10_0000),
      "The card sent a Translation Request. The answer was the physical address, through both stages at once, and the card keeps it.",
      access(0x10_0000),
      "Nothing was asked and nothing was walked: the access was marked Translated.",
      unmap(GUEST, 0x10_0000, 1),
      "First CMD_TLBI_NH_VA and CMD_SYNC, then CMD_ATC_INV: a card that is told first could ask at once, and get the old translation again. The host put the physical StreamID into the guest's command.",
      access(0x10_0000),
      "The card has no translation any more, and gets none. It asks for the page instead, which the host's SMMUv3 driver refuses, as Linux 7.2 does.",
    ],
  ),
  lesson(
    {
      id: "nested-vtd",
      group: GROUP,
      title: "A guest's DMA through VT-d",
      about:
        "The same conversation on Intel: a PASID table entry whose first stage is the guest's and second stage the host's.",
    },
    virtualMachineOn("vtd", "sapphire-rapids"),
    [
      "The VMM offers the guest a unit in scalable mode that translates in the first stage. There is no vIOMMU object here: nested HWPTs hang on the nest parent itself.",
      map(GUEST, 0x10_0000, 4),
      "The guest wrote a PASID table entry with PGTT 1 and the address of its tables, and queued pasid_cache_inv_dsc. The VMM read the entry and had the host make a nested HWPT; the host's own PASID entry has PGTT 3.",
      dma(0x10_0000),
      "The guest's tables are read by guest physical address, so that every one of them goes through the second stage.",
      dma(0x20_0000),
      "Nothing is mapped there: the first stage faults.",
      unmap(GUEST, 0x10_0000, 4),
      "p_iotlb_inv_dsc with the guest's domain id became IOMMU_HWPT_INVALIDATE on the nested HWPT, and the host's domain id in hardware.",
      dma(0x10_0000),
    ],
  ),
  lesson(
    {
      id: "nested-amd",
      group: GROUP,
      title: "A guest's DMA through AMD-Vi",
      about:
        "Nesting as Linux's AMD driver means it, once user space can reach it: a device table entry with both tables.",
    },
    virtualMachineOn("amdvi", "full", { amdNesting: "as intended" }),
    [
      "The guest has an IOMMU with guest tables. Linux 7.2 has the code for this and no way for user space to get at it; this session takes it as it is meant.",
      map(GUEST, 0x10_0000, 4),
      "The guest wrote its device table entry. The VMM handed it on, and the host's own entry now has the guest's GCR3 table and the host's tables.",
      dma(0x10_0000),
      "The guest CR3 table and every guest table are read by guest physical address, through the host's tables.",
      unmap(GUEST, 0x10_0000, 4),
      "There is no call that invalidates on this side: the VMM has the nested HWPT made anew, which drops what was cached of it.",
      dma(0x10_0000),
    ],
  ),
  lesson(
    {
      id: "dirty-tracking",
      group: GROUP,
      title: "Which pages a device wrote",
      about:
        "A dirty log of the nest parent, as live migration needs it: the second stage remembers what the card wrote.",
    },
    virtualMachineOn("vtd", "sapphire-rapids"),
    [
      map(GUEST, 0x10_0000, 4),
      "The log is kept in the second stage, so that the guest's own tables need not take part.",
      { do: "dirty log", what: "start" },
      "IOMMU_HWPT_SET_DIRTY_TRACKING is on: SSADE in the PASID table entry, and dirty bits in the second stage from now on.",
      dma(0x10_0000),
      { do: "dirty log", what: "read" },
      "IOMMU_HWPT_GET_DIRTY_BITMAP answered what was written since the last reading, and cleared it.",
      { do: "dirty log", what: "read" },
      "Nothing was written since.",
      { do: "dirty log", what: "stop" },
    ],
  ),
  lesson(
    {
      id: "event-queue-overflow",
      group: GROUP,
      title: "Events that nobody reads",
      about: "A card that strays 136 times in front of a guest whose queue has room for 128.",
    },
    virtualMachine(),
    [
      map(GUEST, 0x10_0000, 1),
      "Nothing is mapped above this page, and the guest does not look at its Event queue.",
      ...Array.from({ length: 136 }, (_, i) => dma(0x100_0000 + i * 0x1000)),
      "The physical Event queue is drained by the host at each interrupt. The guest's own is full, and its EVENTQ_PROD.OVFLG tells of what is lost.",
      readFaults,
      "The guest read what was there: the first events, and not the last.",
    ],
  ),
];
