/** A lesson on memory partitions of a guest: which PARTID its card's accesses carry to caches and memory. */
import { type Lesson, lesson } from "./lesson.ts";
import { virtualMachineOn } from "./machines.ts";
import { dma, GUEST, map, partition } from "./verbs.ts";

const PASID = 5;
const PROCESS = { ...GUEST, pasid: PASID };
const IOVA = 0x10_0000;
/** An address of the guest's memory. */
const IPA = 0x4080_0000;

export const MPAM: readonly Lesson[] = [
  lesson(
    {
      id: "vmpam",
      group: "Memory partitions",
      title: "PARTIDs of a guest",
      about: "A guest numbers its partitions from 0; the Virtual Machine Structure says which ones they are (vMPAM).",
    },
    virtualMachineOn("smmuv3", "neoverse-dvm-mpam", { partids: [40, 41, 42] }),
    [
      "Caches and memory controllers share themselves out by the PARTID of an access (MPAM). The host gave this virtual machine three: 40, 41 and 42. With its stage 2 it made a Virtual Machine Structure (VMS), whose PARTID_MAP has them at 0, 1 and 2, and which STE.VMSPtr names. The VMM shows the guest an SMMU with MPAMIDR.PARTID_MAX 2. Linux 7.2 does none of it: this is what the specification asks of a hypervisor (IHI 0070 §5.6).",
      map(GUEST, IOVA, 1),
      dma(IOVA),
      "STE.S1MPAM is 1, so that the PARTID is CD.PARTID, which is 0: the walk ends with the VMS, and the access goes out with PARTID 40, 0x28 in the line above the walk.",
      partition(GUEST, 2, 1),
      "The guest wrote PARTID 2 and PMG 1 into the context and sent CMD_CFGI_CD. It does not know what its 2 is.",
      dma(IOVA),
      "PARTID 42 (0x2a). PMG 1 is as the guest has it: those are told apart within a PARTID, and need no map.",
      map(PROCESS, IOVA, 1),
      partition(PROCESS, 1, 0),
      "A process of the guest's has a context of its own, and so a partition of its own.",
      dma(IOVA, PASID),
      "PARTID 41 (0x29).",
      { do: "guest switch", to: "bypass" },
      "The guest's SMMU is off: the card meets stage 2 alone. No context labels it, so the host has put the first PARTID of the virtual machine into the STE.",
      dma(IPA),
      "PARTID 40: whatever the guest does, it stays within what it was given. Places of the map that it has no PARTID for lead to the first as well.",
    ],
  ),
];
