/** Lessons on a virtual machine with devices behind two IOMMUs: how many second stages that takes, and who invalidates where. */
import type { Action, MachineDescription } from "../../protocol/machine.ts";
import { type Lesson, lesson, type Story } from "./lesson.ts";
import { virtualMachineOn } from "./machines.ts";
import { call, dma, GUEST, map, mapAt, unmap } from "./verbs.ts";

const GROUP = "Several IOMMUs";
const PAGE = 0x1000;
/** A second card, on a bus of its own. */
const FAR = { bdf: "0001:00:06.0", sid: 0x30, virtualId: 0x18 } as const;
const FAR_GUEST = { device: FAR.virtualId };
/** Where the cards find the memory that comes and goes, and where buffers of the guest's own. */
const [IOVA, OWN] = [0x10_0000, 0x20_0000];
/** Memory that the VMM adds, where the guest has none, and where the VMM has its own. */
const [ADDED, VMM_MEMORY] = [0x2000_0000, 0x7e00_00f0_0000];
/** IOMMU_IOAS_MAP: at the address that is given, for writing and reading. */
const RIGHTS = 7;
const IOAS = 1;

const TRAPPED = virtualMachineOn("smmuv3", "neoverse");

/** A virtual machine whose second card is behind another IOMMU. */
function behindTwo(machine: MachineDescription): MachineDescription {
  const { devices, software } = machine;
  const assigned = [...software!.assigned, { bdf: FAR.bdf, virtualId: FAR.virtualId }];
  return {
    ...machine,
    devices: [...devices, { sid: FAR.sid, bdf: FAR.bdf, label: "nic", iommu: 1 }],
    software: { ...software!, assigned },
  };
}

const range = { ioas_id: IOAS, length: PAGE, iova: ADDED };
const addMemory = call("IOMMU_IOAS_MAP", { ...range, flags: RIGHTS, user_va: VMM_MEMORY });
const removeMemory = call("IOMMU_IOAS_UNMAP", { ioas_id: IOAS, iova: ADDED, length: PAGE });
const far = (iova: number): Action => ({ ...dma(iova), sid: FAR.sid });

/** Memory comes and goes beneath both cards. */
const story = (booted: string, added: string, reached: string, removed: string, refused = NEITHER): Story => [
  booted,
  addMemory,
  added,
  mapAt(GUEST, IOVA, ADDED),
  mapAt(FAR_GUEST, IOVA, ADDED),
  dma(IOVA),
  far(IOVA),
  reached,
  removeMemory,
  removed,
  dma(IOVA),
  far(IOVA),
  refused,
];
const NEITHER = "Refused behind either SMMU: none of them has kept the page.";

export const SHARING: readonly Lesson[] = [
  lesson(
    {
      id: "two-smmus",
      group: GROUP,
      title: "A second stage for each SMMU",
      about:
        "Linux 7.2 lets a second stage be walked by the SMMU that it was made for, so a virtual machine needs several.",
    },
    behindTwo(TRAPPED),
    story(
      "Card 0x28 is behind the first SMMU, card 0x30 behind another. The VMM tried to attach the second card to the HWPT over guest memory that it had: EINVAL, as that is of another SMMU. So it made a second one over the same IOAS, and a vIOMMU on each. The guest sees one SMMU; what it invalidates by address or ASID goes to both vIOMMUs.",
      "A page of guest memory more, mapped in the IOAS: the kernel wrote it into the tables of both HWPTs.",
      "Each card went through its own guest's context, and through tables of its own SMMU, to one page.",
      "Unmapped from the IOAS: the kernel cleared an entry in each of two sets of tables, and had each SMMU drop it: CMD_TLBI_S2_IPA in two queues, with the VMID that each has for its tables.",
    ),
  ),
  lesson(
    {
      id: "two-smmus-shared",
      group: GROUP,
      title: "One second stage under two SMMUs",
      about:
        "As posted: SMMUs walk one set of tables, each with a VMID of its own, and what is unmapped is dropped in each.",
    },
    behindTwo({ ...TRAPPED, software: { ...TRAPPED.software!, sharedStage2: true } }),
    story(
      'Patches of 2026, "Share domain across SMMU/vSMMU instances", not merged. The second card was attached to the HWPT that was there: its SMMU can walk the tables, and has given them a VMID. The VMM learned that there are two SMMUs when IOMMU_VDEVICE_ALLOC answered EINVAL on the first vIOMMU, and made another on the same HWPT.',
      "A page of guest memory more: written once.",
      "Two SMMUs, and one second stage: both STEs have the same S2TTB.",
      "One entry was cleared, and both SMMUs dropped it. An SMMU that was left out would let its card go on to a page that may be somebody else's by now.",
    ),
  ),
  lesson(
    {
      id: "two-drhds",
      group: GROUP,
      title: "One second stage under two VT-d units",
      about: "As Linux has it: a domain has an id in each unit whose devices use it, and is invalidated in each.",
    },
    behindTwo(virtualMachineOn("vtd", "sapphire-rapids")),
    [
      ...story(
        "Card 0x28 is behind one unit (DRHD), card 0x30 behind another. The VMM attached the second card to the HWPT over guest memory that it had made for the first, and the kernel took it: the other unit can walk these tables as they are. The guest sees one unit.",
        "A page of guest memory more: written once, into the tables that both units walk.",
        "Each card went through a nested HWPT of its own. Both entries have DID 1: ids of domains are given out in each unit by itself, and in each this one was free.",
        "One entry was cleared. The kernel went through the units with devices that use what nests on these tables, and had each drop its translations: p_iotlb_inv_dsc and iotlb_inv_dsc with the DID there, and inv_wait_dsc, in two queues.",
        "Refused behind either unit: none of them has kept the page.",
      ),
      map(GUEST, OWN, 1),
      map(FAR_GUEST, OWN, 1),
      unmap(FAR_GUEST, OWN, 1),
      "What the guest unmaps is of one nested HWPT, and that of one unit: one IOMMU_HWPT_INVALIDATE, and one p_iotlb_inv_dsc in the second unit's queue. The first was not asked.",
    ],
  ),
  lesson(
    {
      id: "two-cmdqvs",
      group: GROUP,
      title: "A virtual SMMU for each CMDQV",
      about: "A queue that hardware reads is of one SMMU, so the guest has an SMMU for each of the host's.",
    },
    behindTwo(virtualMachineOn("smmuv3", "grace", { mode: "nested, direct" })),
    [
      "Card 0x28 is behind one SMMU, card 0x30 behind another, and each SMMU has a CMDQV. What stands in a VCMDQ reaches its own SMMU and no other, so the VMM shows the guest two SMMUs: behind each a vIOMMU with a VINTF of the host's and its queues.",
      map(GUEST, OWN, 1),
      map(FAR_GUEST, OWN, 1),
      dma(OWN),
      far(OWN),
      "The guest has a driver for each SMMU, and ASIDs that are given out for all: both cards use one IOVA, with ASID 1 in one SMMU and ASID 2 in the other.",
      unmap(FAR_GUEST, OWN, 1),
      "CMD_TLBI_NH_VA and CMD_SYNC went into the VCMDQ of the second SMMU. Nothing left the guest, and the first SMMU heard nothing.",
      dma(OWN),
      far(OWN),
      "Card 0x28 goes on, card 0x30 is refused.",
    ],
  ),
];
