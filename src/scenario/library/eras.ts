/** Lessons on designs that came before iommufd, or beside it: the same guest on kernels of other eras. */
import { type Lesson, lesson, type Story } from "./lesson.ts";
import { NIC, virtualMachine, virtualMachineOn } from "./machines.ts";
import { detach, dma, GUEST, map, mapAt, message, readFaults, remappable, routeInterrupt, unmap } from "./verbs.ts";

const GROUP = "Other eras";
const PROCESS = { ...GUEST, pasid: 5 };
const IOVA = 0x10_0000;
/** An address of the guest's memory. */
const IPA = 0x4080_0000;
/** Where the host maps doorbells for devices, and the doorbell within the page. */
const WINDOW = 0x800_0000;
const DOORBELL = WINDOW + 0x40;

/** A process's address space behind VT-d; `how` says what its kernel calls that. */
const sharedVirtualAddressing = (
  of: Pick<Lesson, "id" | "title" | "about">,
  era: "vSVA over VFIO v8" | null,
  how: readonly [booted: string, bound: string, invalidated: string, gone: string, after: Story],
): Lesson => {
  const [booted, bound, invalidated, gone, after] = how;
  return lesson({ ...of, group: GROUP }, virtualMachineOn("vtd", "sapphire-rapids", era === null ? {} : { era }), [
    booted,
    map(PROCESS, IOVA, 4),
    bound,
    dma(IOVA, 5),
    "The request with PASID 5 went through the process's first stage and the host's second. Both eras have the same PASID table entry in hardware: PGTT 3.",
    unmap(PROCESS, IOVA, 1),
    invalidated,
    dma(IOVA, 5),
    dma(IOVA + 0x1000, 5),
    detach(PROCESS),
    gone,
    dma(IOVA + 0x1000, 5),
    ...after,
  ]);
};

/** Queues of a guest's own, by the call of an era. */
const vcmdq = (of: Pick<Lesson, "id" | "title" | "about">, era: "vCMDQ as posted" | null, remark: string): Lesson =>
  lesson(
    { ...of, group: GROUP },
    virtualMachineOn("smmuv3", "grace", { mode: "nested, direct", ...(era === null ? {} : { era }) }),
    [
      remark,
      map(GUEST, IOVA, 4),
      dma(IOVA),
      "The card wrote through both stages.",
      unmap(GUEST, IOVA, 4),
      "TLBI and CMD_SYNC went into the queue without leaving the guest, in this era as in the other.",
      dma(IOVA),
    ],
  );

/** A VMM that asks for the nesting type, on a kernel that has nothing to go with it. */
const typeOneNesting = (
  of: Pick<Lesson, "id" | "title" | "about">,
  kernel: { readonly era: "Linux 5.15" } | { readonly door: "VFIO container" },
  asked: string,
): Lesson =>
  lesson({ ...of, group: GROUP }, virtualMachine(kernel), [
    asked,
    map(GUEST, IOVA, 4),
    "The guest wrote its tables and an STE, and CMD_CFGI_STE told the VMM. VFIO_IOMMU_SET_PASID_TABLE answered ENOTTY: look at the journal for why. The guest does not learn of it.",
    dma(IOVA),
    "The card's address is taken for a guest physical one, and there is nothing at 0x100000.",
    dma(IPA),
    "0x40800000 is one. The card reaches all of the guest's memory, and the guest's SMMU guards nothing: a VMM must not offer one on such a kernel.",
  ]);

/** The PASID that the kernel has for a part of the card: the first there is. */
const DEFAULT_PASID = 1;

const MEDIATED: Lesson = lesson(
  {
    id: "vsva-vfio-v8-mdev",
    group: GROUP,
    title: "A part of a card: mdev with an auxiliary domain",
    about:
      "The guest has a part of a card whose DMA carries a PASID of the kernel's; its processes have PASIDs of theirs.",
  },
  virtualMachineOn("vtd", "sapphire-rapids", {
    era: "vSVA over VFIO v8",
    mdev: "5c2f0a10-28d0-4c1e-9a53-6f0e8d1b7a01",
  }),
  [
    "The card's driver has made a mediated device (mdev), such as one work queue of the card, and switched IOMMU_DEV_FEAT_AUX on. The part has an IOMMU group of its own, and the VMM put that into a container of the nesting type: alone, as v8 has it. iommu_aux_attach_device gave the container's domain a default PASID on the card, 1. Requests without a PASID stay the host driver's.",
    dma(IPA, DEFAULT_PASID),
    "What the part does, the card sends with PASID 1. The PASID table entry has PGTT 2: the second stage alone, all of the guest's memory.",
    dma(IPA),
    "The card's own requests, without a PASID: nothing here has attached them to anything.",
    map(PROCESS, IOVA, 4),
    "The guest put first-stage tables into its PASID table entry 5. IOASID_REQUEST_ALLOC made PASID 5 the VMM's, and BIND_PGTBL bound it: on the card, as the part's IOMMU device, with the container's domain as second stage. The domain is the auxiliary one, and that is all the series had to add for parts.",
    dma(IOVA, 5),
    "PGTT 3: the process's first stage, and the part's domain.",
    map({ ...GUEST, pasid: DEFAULT_PASID }, IOVA, 1),
    "The guest chose PASID 1 for another process. It is the kernel's: IOASID_REQUEST_ALLOC was refused, and PASID 1 still has the second stage alone. A bind would have been refused, too, as it looks at whose the PASID is.",
    dma(IOVA, DEFAULT_PASID),
    detach(PROCESS),
    "UNBIND_PGTBL and IOASID_REQUEST_FREE, of 5.",
    dma(IOVA, 5),
    dma(IPA, DEFAULT_PASID),
    routeInterrupt,
    "Interrupts have no PASID. The part has a vector of the card's, for which the kernel made an interrupt remapping table entry with the card's requester id; its driver takes the interrupt and signals the part's eventfd. Drivers of parts were posted with messages that the card stores itself (IMS): Linux never took that.",
    remappable(0),
    "The card wrote the message, without a PASID. The unit remapped it, and the VMM interrupted the guest.",
    "Domains of this kind went in Linux 5.18: nobody in the tree used them. A PASID is attached to a HWPT instead, or not at all: iommufd has such devices pin memory by an ACCESS.",
  ],
);

export const OTHER_ERAS: readonly Lesson[] = [
  lesson(
    {
      id: "smmuv3-vfio-v16",
      group: GROUP,
      title: "SMMUv3 nesting over VFIO v16",
      about: "The design before iommufd: a container takes the guest's table of contexts, and generic invalidations.",
    },
    virtualMachine({ era: "SMMUv3 nesting over VFIO v16" }),
    [
      "There is no /dev/iommu. The VMM has put the card's group into a container of type VFIO_TYPE1_NESTING_IOMMU and mapped guest memory: a stage 2. The kernel tells nothing of its SMMU, so the VMM offers what it takes for granted: range invalidation, and no substreams.",
      map(GUEST, IOVA, 4),
      "CMD_CFGI_STE told the VMM, which handed on the address of the guest's context by VFIO_IOMMU_SET_PASID_TABLE, not the STE. The host's driver put an STE of its own around it; S1FMT and S1DSS are ignored. The context itself was changed after that: this design has no call for CMD_CFGI_CD, and the VMM set the table anew.",
      dma(IOVA),
      "Two stages, as through iommufd: hardware does not know by which call its STE came.",
      dma(0x20_0000),
      "Nothing is mapped there. The host's driver made a generic record of the event, a reason, an address and a direction, in the ring of the device's fault region. The VMM read it and made an event of it again: the StreamID is its own guess, and CLASS is taken to be IN.",
      readFaults,
      unmap(GUEST, IOVA, 4),
      "The range command became one VFIO_IOMMU_CACHE_INVALIDATE with a granule, a number of granules and the guest's ASID, which the host does not manage. v16 refuses addresses without a range. Two commands would have been two calls: nothing is batched.",
      dma(IOVA),
      map(GUEST, IOVA, 1),
      unmap(GUEST, IOVA, 1),
      "A command for one page is a range of one granule.",
      { do: "guest switch", to: "bypass" },
      "Bypass is config 2 of the same call; abort is 3. Interrupts' doorbells are no part of it any more: v15 had VFIO_IOMMU_SET_MSI_BINDING for them, v16 has the guest map them flat, as its firmware's RMR nodes say.",
      dma(IPA),
    ],
  ),
  lesson(
    {
      id: "smmuv3-vfio-v16-msi",
      group: GROUP,
      title: "Interrupts in SMMUv3 nesting over VFIO v16",
      about:
        "Up to v15 the VMM told the host where the guest maps its doorbell; v16 has it mapped flat, as ever since.",
    },
    virtualMachine({ era: "SMMUv3 nesting over VFIO v16" }),
    [
      map(GUEST, IOVA, 1),
      routeInterrupt,
      "VFIO_DEVICE_SET_IRQS on the file that the group gave, with an eventfd. The kernel mapped the doorbell in the container's stage 2, in the window that it announces, and told the card that address. v15 asked for a pair of addresses by VFIO_IOMMU_SET_MSI_BINDING first; v16 has no such call.",
      message(DOORBELL, NIC.sid),
      "Stage 1 is the guest's and has nothing at 0x8000000: the message is refused, and the guest told of a fault.",
      mapAt(GUEST, WINDOW, WINDOW),
      "The RMR node in the guest's firmware tables has it map the window flat. That is what v16 changed, and what nesting through iommufd took over.",
      message(DOORBELL, NIC.sid),
      "IOVA to the same IPA, and to the physical doorbell: the eventfd was signalled.",
    ],
  ),
  sharedVirtualAddressing(
    {
      id: "vsva-vfio-v8",
      title: "vSVA over VFIO v8",
      about: "Virtual SVA on Intel before iommufd: PASIDs are the whole system's, and bound one by one to a container.",
    },
    "vSVA over VFIO v8",
    [
      "The VMM has a container of the nesting type with one group: v8 allows no second one. The capability iommu_nesting_info behind VFIO_IOMMU_GET_INFO said that page tables are to be bound and caches to be invalidated, with the unit's CAP and ECAP. /dev/ioasid is open, once for the process.",
      "A PASID is the system's in this design: IOASID_REQUEST_ALLOC made 5 the VMM's, and VFIO_IOMMU_NESTING_OP with BIND_PGTBL gave the container its first stage. Had another process owned 5, the bind would have been refused.",
      "VFIO_IOMMU_NESTING_OP again, with CACHE_INVLD: addresses, of PASID 5. It answers 0 whatever it did.",
      "UNBIND_PGTBL took the entry out, and IOASID_REQUEST_FREE gave 5 back to the system.",
      [
        dma(IPA),
        "A request without a PASID. This design binds nothing to PASID 0, so that it meets the second stage alone: the card reaches all of the guest's memory, whatever the guest's unit is set to.",
      ],
    ],
  ),
  sharedVirtualAddressing(
    {
      id: "vsva-iommufd",
      title: "vSVA through iommufd",
      about: "The same guest on Linux 7.2: PASIDs are the guest's, and attached to nested HWPTs.",
    },
    null,
    [
      "The VMM has an IOAS, a nest-parent HWPT with IOMMU_HWPT_ALLOC_PASID, and the device's own file. Nobody asks the system for a PASID.",
      "IOMMU_HWPT_ALLOC made a nested HWPT of the first stage, and VFIO_DEVICE_ATTACH_IOMMUFD_PT attached the device's PASID 5 to it. PASIDs are the device's, so that two guests may both use 5.",
      "IOMMU_HWPT_INVALIDATE on the nested HWPT, with an array: several ranges can go in one call, and the answer says how many were done.",
      "The PASID is detached, and the nested HWPT destroyed.",
      [
        dma(IPA),
        "A request without a PASID: the guest's unit translates and has no entry for it, and neither has the host. It is refused.",
      ],
    ],
  ),
  MEDIATED,
  vcmdq(
    {
      id: "vcmdq-posted",
      title: "vCMDQ as posted",
      about: "IOMMU_VCMDQ_ALLOC with data of the driver's: the kernel does not look at the queue's memory.",
    },
    "vCMDQ as posted",
    "The guest's driver has set up its queue, and the VMM called IOMMU_VCMDQ_ALLOC: index, size and address stand in data that only the Tegra241 driver reads. It translated the first byte, and that was all: guest memory is not pinned, and nobody checked that it is in one piece. Look for an ACCESS among the objects: there is none.",
  ),
  vcmdq(
    {
      id: "vcmdq-merged",
      title: "vCMDQ as merged",
      about: "IOMMU_HW_QUEUE_ALLOC has the same number: index, address and length are the core's to check.",
    },
    null,
    "The same number, 0x94, is IOMMU_HW_QUEUE_ALLOC now: index, address and length stand in the call. The core pinned the memory by an ACCESS and checked that it is in one piece, queues are taken in order, and each holds the one below.",
  ),
  typeOneNesting(
    {
      id: "type1-nesting-then",
      title: "VFIO_TYPE1_NESTING_IOMMU then",
      about: "Linux 4.1 to 6.12 took the type, mapped a stage 2, and had no call to put a stage 1 on it.",
    },
    { era: "Linux 5.15" },
    "VFIO_CHECK_EXTENSION answered 1 and VFIO_SET_IOMMU took the type: guest memory is a stage 2. That is all there ever was of it in Linux, for eleven years.",
  ),
  typeOneNesting(
    {
      id: "type1-nesting-now",
      title: "VFIO_TYPE1_NESTING_IOMMU now",
      about: "Linux 7.2 refuses the type; a VMM that goes on without it has one stage.",
    },
    { door: "VFIO container" },
    "The same VMM on Linux 7.2: VFIO_CHECK_EXTENSION answered 0, as the type is gone since 6.13. It took VFIO_TYPE1v2_IOMMU instead: guest memory is mapped in one stage of the host's.",
  ),
];
