/** Lessons on a virtual machine with devices behind two SMMUs, and how many second stages that takes. */
import type { Action, MachineDescription } from "../../protocol/machine.ts";
import { type Lesson, lesson, type Story } from "./lesson.ts";
import { virtualMachineOn } from "./machines.ts";
import { call, dma, GUEST, mapAt } from "./verbs.ts";

const GROUP = "Several SMMUs";
const PAGE = 0x1000;
/** A second card, on a bus of its own. */
const FAR = { bdf: "0001:00:06.0", sid: 0x30, virtualId: 0x18 } as const;
const FAR_GUEST = { device: FAR.virtualId };
const IOVA = 0x10_0000;
/** Memory that the VMM adds, where the guest has none, and where the VMM has its own. */
const [ADDED, VMM_MEMORY] = [0x2000_0000, 0x7e00_00f0_0000];
/** IOMMU_IOAS_MAP: at the address that is given, for writing and reading. */
const RIGHTS = 7;
const IOAS = 1;

const behindTwo = (sharedStage2: boolean): MachineDescription => {
  const machine = virtualMachineOn("smmuv3", "neoverse");
  const { devices, software } = machine;
  return {
    ...machine,
    devices: [...devices, { sid: FAR.sid, bdf: FAR.bdf, label: "nic", iommu: 1 }],
    software: {
      ...software!,
      ...(sharedStage2 ? { sharedStage2 } : {}),
      assigned: [...software!.assigned, { bdf: FAR.bdf, virtualId: FAR.virtualId }],
    },
  };
};

const range = { ioas_id: IOAS, length: PAGE, iova: ADDED };
const addMemory = call("IOMMU_IOAS_MAP", { ...range, flags: RIGHTS, user_va: VMM_MEMORY });
const removeMemory = call("IOMMU_IOAS_UNMAP", { ioas_id: IOAS, iova: ADDED, length: PAGE });
const far = (iova: number): Action => ({ ...dma(iova), sid: FAR.sid });

/** Memory comes and goes beneath both cards. */
const story = (booted: string, added: string, reached: string, removed: string): Story => [
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
  "Refused behind either SMMU: none of them has kept the page.",
];

export const SHARING: readonly Lesson[] = [
  lesson(
    {
      id: "two-smmus",
      group: GROUP,
      title: "A second stage for each SMMU",
      about:
        "Linux 7.2 lets a second stage be walked by the SMMU that it was made for, so a virtual machine needs several.",
    },
    behindTwo(false),
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
    behindTwo(true),
    story(
      'Patches of 2026, "Share domain across SMMU/vSMMU instances", not merged. The second card was attached to the HWPT that was there: its SMMU can walk the tables, and has given them a VMID. The VMM learned that there are two SMMUs when IOMMU_VDEVICE_ALLOC answered EINVAL on the first vIOMMU, and made another on the same HWPT.',
      "A page of guest memory more: written once.",
      "Two SMMUs, and one second stage: both STEs have the same S2TTB.",
      "One entry was cleared, and both SMMUs dropped it. An SMMU that was left out would let its card go on to a page that may be somebody else's by now.",
    ),
  ),
];
