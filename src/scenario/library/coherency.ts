/**
 * Lessons on who decides whether a device's accesses look into the caches of processors: a host that gives devices to
 * guests has to, because nobody else would clean those caches.
 */
import { CD } from "../../arch/smmuv3/cd.ts";
import { SMMU_CR0 } from "../../arch/smmuv3/control_registers.ts";
import { S1_BLOCK, S2_BLOCK } from "../../arch/smmuv3/descriptors.ts";
import { SMMU_IDR3 } from "../../arch/smmuv3/id_registers.ts";
import { SMMU_STRTAB_BASE, SMMU_STRTAB_BASE_CFG } from "../../arch/smmuv3/queue_registers.ts";
import { STE } from "../../arch/smmuv3/ste.ts";
import type { Action, MachineDescription } from "../../protocol/machine.ts";
import { register, structure } from "./hardware.ts";
import { type Lesson, lesson } from "./lesson.ts";
import { kernelOn, NIC, virtualMachineOn } from "./machines.ts";
import { call, dma, GUEST, KERNEL, map } from "./verbs.ts";

const GROUP = "Cache coherency";
const IOVA = 0x10_0000;

/** The card writes and asks that caches are left alone (PCIe No Snoop). */
const noSnoop: Action = { ...dma(IOVA), noSnoop: true };

const [STREAM_TABLE, CONTEXT] = [0x1_0000, 0x1_4000];
const [STAGE_1, STAGE_2] = [0x1_5000, 0x1_6000];
const GIB = 0x4000_0000;
/** The guest's memory, and where it lies. Structures of the guest's are below the first block: stage 2 is flat there. */
const [GUEST_MEMORY, RAM] = [GIB, 2 * GIB];
/** Normal Non-cacheable, as MAIR has it. */
const NON_CACHEABLE = 0x44;
/** MemAttr of stage 2: Write-Back whatever stage 1 says, with S2FWB; and Write-Back, which weaker types of stage 1 weaken. */
const [FORCED, WEAKENED] = [6, 15];
/** 39-bit input addresses: walks begin at level 1, where a block has 1 GiB. */
const T0SZ = 25;
const LEAF = { Valid: 1, AF: 1, SH: 3 };

/** A nested stream whose guest maps everything Non-cacheable. */
const nonCacheableGuest = (S2FWB: 0 | 1): MachineDescription => ({
  arch: "smmuv3",
  preset: "neoverse",
  registers: {
    STRTAB_BASE: register(SMMU_STRTAB_BASE, { ADDR: STREAM_TABLE }),
    STRTAB_BASE_CFG: register(SMMU_STRTAB_BASE_CFG, { LOG2SIZE: 6 }),
    CR0: register(SMMU_CR0, { SMMUEN: 1 }),
  },
  memory: {
    outside: "abort",
    zero: [
      [BigInt(STREAM_TABLE), 0x8000n],
      [BigInt(RAM), 0x100_0000n],
    ],
    segments: [
      structure(STREAM_TABLE + (STE.bits / 8) * NIC.sid, STE, {
        V: 1,
        Config: 7,
        S1ContextPtr: CONTEXT,
        SHCFG: 1,
        S2VMID: 1,
        S2T0SZ: T0SZ,
        S2SL0: 1,
        S2PS: 5,
        S2AA64: 1,
        S2R: 1,
        S2TTB: STAGE_2,
        S2FWB,
      }),
      structure(CONTEXT, CD, {
        V: 1,
        AA64: 1,
        T0SZ,
        EPD1: 1,
        IPS: 5,
        A: 1,
        R: 1,
        ASID: 1,
        MAIR0: NON_CACHEABLE,
        TTB0: STAGE_1,
      }),
      structure(STAGE_1, S1_BLOCK, { ...LEAF, AP: 1, OAB: GUEST_MEMORY }),
      structure(STAGE_2, S2_BLOCK, { ...LEAF, S2AP: 3, MemAttr: S2FWB === 1 ? FORCED : WEAKENED, OAB: 0 }),
      structure(STAGE_2 + 8, S2_BLOCK, { ...LEAF, S2AP: 3, MemAttr: S2FWB === 1 ? FORCED : WEAKENED, OAB: RAM }),
    ],
  },
  devices: [{ sid: NIC.sid, bdf: NIC.bdf, label: "nic" }],
});

/** An SMMU without S2FWB, behind which a VMM walks its guest's tables; firmware promises coherent accesses, or not. */
const withoutS2fwb = (incoherentRootComplex: boolean): MachineDescription => {
  const machine = virtualMachineOn("smmuv3", "neoverse", { mode: "emulated" });
  const IDR3 = register(SMMU_IDR3, { HAD: 1, XNX: 1, STT: 1, RIL: 1, BBML: 2, E0PD: 1 });
  return { ...machine, registers: { IDR3 }, options: { incoherentRootComplex } };
};

/** Ids: the device, and what the calls of the lesson make. */
const ID = { ioas: 1, device: 2, parent: 4 };
const NEST_PARENT = 1;
const VIOMMU_ARM_SMMUV3 = 1;
/** A VMM that would have its guest own stage 1: a parent, and a vIOMMU on it. */
const askForNesting = [
  call("IOMMU_HWPT_ALLOC", { flags: NEST_PARENT, dev_id: ID.device, pt_id: ID.ioas }),
  call("IOMMU_VIOMMU_ALLOC", { type: VIOMMU_ARM_SMMUV3, dev_id: ID.device, hwpt_id: ID.parent }),
] as const;

const GUEST_IS_NON_CACHEABLE =
  "Hardware alone, translating in two stages. The guest's block at IOVA 0 has AttrIndx 0, and MAIR0 of its CD says Normal Non-cacheable; the host's block has Write-Back.";

export const COHERENCY: readonly Lesson[] = [
  lesson(
    {
      id: "no-snoop-passes",
      group: GROUP,
      title: "No Snoop on VT-d, obeyed",
      about:
        "A kernel on hardware leaves it to each request whether it snoops, and cleans caches itself where need be.",
    },
    kernelOn("vtd", "sapphire-rapids"),
    [
      map(KERNEL, IOVA, 1),
      "PGSNP of the card's PASID table entry is 0: a request decides by itself.",
      dma(IOVA),
      noSnoop,
      "This write says No Snoop. It went to memory past the caches: see the output of its walk. A processor that holds the line sees its old contents until it is told to drop it. A driver that has its card do this cleans the lines it uses; the kernel around it knows.",
    ],
  ),
  lesson(
    {
      id: "no-snoop-forced",
      group: GROUP,
      title: "No Snoop on VT-d, overruled",
      about: "Nobody would clean caches for a guest, so iommufd has every request of its devices snoop.",
    },
    virtualMachineOn("vtd", "sapphire-rapids"),
    [
      "The unit offers snoop control (ECAP.SC). So every HWPT that iommufd allocates for the card is told to enforce cache coherency: enforce_cache_coherency of its domain.",
      map(GUEST, IOVA, 1),
      "The nested HWPT has it from its parent: PGSNP is 1 in the card's PASID table entry, whatever the guest writes into its own.",
      noSnoop,
      "The card asked not to snoop, and the unit made it snoop: the output of its walk says so. Without that the guest could read lines that its card had overwritten in memory, or the card what a processor had not written back yet; on a host without snoop control KVM lets WBINVD of the guest take effect, so that the guest can clean caches itself.",
    ],
  ),
  lesson(
    {
      id: "no-snoop-amd",
      group: GROUP,
      title: "No Snoop on AMD-Vi, overruled in the leaf",
      about: "Host tables carry FC, force coherent, in each leaf: every request snoops that goes through one.",
    },
    virtualMachineOn("amdvi", "full", { amdNesting: "as intended" }),
    [
      map(GUEST, IOVA, 1),
      "The guest's tables lead through the host's, and Linux sets FC in all leaves of those.",
      noSnoop,
      "The card asked not to snoop. FC of the host leaf is 1: it snooped.",
    ],
  ),
  lesson(
    {
      id: "s2fwb",
      group: GROUP,
      title: "S2FWB: stage 2 has the last word",
      about: "A guest that maps memory Non-cacheable, and a stage 2 that forces Write-Back.",
    },
    nonCacheableGuest(1),
    [
      GUEST_IS_NON_CACHEABLE,
      dma(IOVA),
      "STE.S2FWB is 1 and MemAttr of the host's leaf 0b110: the access is Write-Back and snoops, whatever the guest asked for (IHI 0070 §5.2, S2FWB). The guest's tables cannot get its card past the caches.",
      "That is one of two conditions under which Linux lets a guest own stage 1; PCIe No Snoop is not bound by it. The other is a root complex that firmware declares to keep all accesses coherent (CANWBS in the IORT). Where an SMMU has neither, IOMMU_VIOMMU_ALLOC answers EOPNOTSUPP.",
    ],
  ),
  lesson(
    {
      id: "no-s2fwb",
      group: GROUP,
      title: "Without S2FWB the weaker stage wins",
      about: "The same guest on an SMMU where stage 2 can only weaken what stage 1 says.",
    },
    nonCacheableGuest(0),
    [
      GUEST_IS_NON_CACHEABLE,
      dma(IOVA),
      "Write-Back of stage 2 and Non-cacheable of stage 1 make Non-cacheable: the access went past the caches of the processors, at the wish of a guest. VFIO cleans no caches, so a stale line of the host's could come to light.",
    ],
  ),
  lesson(
    {
      id: "canwbs",
      group: GROUP,
      title: "CANWBS instead of S2FWB",
      about: "Firmware says that the root complex keeps every access coherent, so a guest may own stage 1.",
    },
    withoutS2fwb(false),
    [
      "An SMMU without S2FWB. The VMM of this machine walks its guest's tables itself (emulated); would the host let it nest?",
      ...askForNesting,
      "Both are done. ACPI's IORT has CANWBS for the root complex: whatever stage 1 says, the card's accesses are coherent.",
    ],
  ),
  lesson(
    {
      id: "neither-canwbs-nor-s2fwb",
      group: GROUP,
      title: "Neither: nesting is refused",
      about: "Where nothing keeps a guest's stage 1 from getting round the caches, iommufd makes no vIOMMU.",
    },
    withoutS2fwb(true),
    [
      "The same SMMU, and firmware that promises nothing.",
      ...askForNesting,
      "A nest parent can be made: it is a stage 2 like others. The vIOMMU is refused with EOPNOTSUPP, as VFIO would have to clean caches behind the guest's accesses, and does not. Such a guest gets an emulated SMMU, or none.",
      map(GUEST, IOVA, 1),
      dma(IOVA),
      "Emulated, the guest's mapping went into the host's own tables, which are Write-Back.",
    ],
  ),
];
