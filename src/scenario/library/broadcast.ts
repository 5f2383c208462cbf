/** Lessons on a guest whose processors' own TLBI instructions look after an SMMU, and what its VMID has to do with that. */
import type { Action } from "../../protocol/machine.ts";
import type { VmidOwner } from "../../protocol/software.ts";
import { type Lesson, lesson } from "./lesson.ts";
import { virtualMachineOn } from "./machines.ts";
import { dma, GUEST, map, unmap } from "./verbs.ts";

const GROUP = "Broadcast TLB maintenance";
const PASID = 5;
/** A process of the guest, and the addresses that it shares with the card. */
const PROCESS = { ...GUEST, pasid: PASID };
const [FIRST, SECOND] = [0x10_0000, 0x10_1000];
const beginVmidsAnew: Action = { do: "vmids begin anew" };

const withVmids = (vmid: VmidOwner) => virtualMachineOn("smmuv3", "neoverse-dvm-mpam", { vmid });

const UNTOLD: Lesson = lesson(
  {
    id: "vbtm-none",
    group: GROUP,
    title: "TLBI that stays among processors",
    about: "Linux 7.2 has an SMMU ignore what processors broadcast, so a guest sends a command for every page as well.",
  },
  withVmids("SMMU driver"),
  [
    "The SMMU could listen to TLBI instructions (IDR0.BTM). Linux 7.2 sets CR2.PTM: it ignores them. The guest's own SMMU has no BTM.",
    map(PROCESS, FIRST, 2),
    dma(FIRST, PASID),
    "PASID 5 is a process of the guest's. Its translation is cached, tagged with ASID and VMID.",
    unmap(PROCESS, FIRST, 1),
    "Processors dropped the page by a TLBI of the guest's kernel. For the SMMU it needed CMD_TLBI_NH_VA and CMD_SYNC: an exit of the guest and a call of the VMM, as the costs of this step say.",
    dma(FIRST, PASID),
  ],
);

const PINNED: Lesson = lesson(
  {
    id: "vbtm-pinned",
    group: GROUP,
    title: "TLBI with a pinned VMID",
    about:
      "Stage 2 has the VMID that KVM runs the virtual machine with, so the guest's own TLBI reaches the SMMU, untrapped.",
  },
  withVmids("KVM, pinned"),
  [
    'Patches of March 2025, "Use pinned KVM VMID for stage 2", not merged. The VMM told KVM which VFIO device is the virtual machine\'s, before it bound it: KVM_SET_DEVICE_ATTR. The kernel asked KVM for the VMID, had it pinned, and put it into STE.S2VMID. CR2.PTM is 0.',
    map(PROCESS, FIRST, 2),
    dma(FIRST, PASID),
    "The guest's SMMU has IDR0.BTM. Its driver made the context of the process with ASET 0: address space and ASID are shared with processors.",
    unmap(PROCESS, FIRST, 1),
    "TLBI VALE1IS with the ASID and the page, and DSB: one instruction for processors and SMMU. Nothing trapped and nobody called the kernel, see the costs of this step. The processor ran with VTTBR_EL2.VMID 1, and so are the entry's tags.",
    dma(FIRST, PASID),
    "Gone.",
    dma(SECOND, PASID),
    beginVmidsAnew,
    "So many virtual machines ran that KVM's VMIDs begin anew, and everything cached was dropped (TLBI ALLE1IS). The first of the others could have had VMID 1: it is pinned, so the virtual machine has kept it.",
    dma(SECOND, PASID),
    unmap(PROCESS, SECOND, 1),
    dma(SECOND, PASID),
    "TLBI still reaches the SMMU.",
  ],
);

const UNPINNED: Lesson = lesson(
  {
    id: "vbtm-not-pinned",
    group: GROUP,
    title: "TLBI without the pin",
    about: "The same until KVM gives the virtual machine another VMID: then its TLBI passes the SMMU by.",
  },
  withVmids("KVM, not pinned"),
  [
    map(PROCESS, FIRST, 2),
    beginVmidsAnew,
    "STE.S2VMID is 1 still, which is another virtual machine's now. This one runs with VMID 2.",
    dma(FIRST, PASID),
    unmap(PROCESS, FIRST, 1),
    "TLBI VALE1IS went out with VMID 2, and the entry is tagged with VMID 1: it stays. The caches say which command is missing.",
    dma(FIRST, PASID),
    "The card reaches a page that the process has lost. It is the guest's harm here; and what the other virtual machine drops with VMID 1 is this one's.",
  ],
);

export const BROADCAST: readonly Lesson[] = [UNTOLD, PINNED, UNPINNED];
