/**
 * What differs between the eras, in words: for nesting on SMMUv3, for address spaces by PASID on VT-d, for queues of
 * hardware. Sources are those of the files beside this one; what a run counts is counted, not said here.
 */

/** What is said of a design. */
interface Said {
  readonly calls: string;
  readonly objects: string;
  readonly hardware: string;
  readonly pasids: string;
  readonly invalidation: string;
  readonly faults: string;
  readonly msi: string;
  readonly became: string;
}

const HOST_WINDOW = "The host maps its doorbell in a window of IOVA that it announces (RESV_SW_MSI), in stage 2.";
const REMAPPED = "Remapped by the IOMMU itself: no address is translated.";

export const SMMU_NESTING = {
  "Linux 7.2": {
    calls:
      "IOMMU_HWPT_ALLOC with the guest's half of an STE; VFIO_DEVICE_ATTACH_IOMMUFD_PT puts it in place of another.",
    objects: "IOAS, nest-parent HWPT, vIOMMU, a vDEVICE for each StreamID, a nested HWPT for each STE, vEVENTQ.",
    hardware: "IOMMU_GET_HW_INFO: IDR0 to IDR5, IIDR, AIDR.",
    pasids: "The guest: its CD table has as many contexts as it likes.",
    invalidation:
      "The guest's own commands, as an array in one IOMMU_HWPT_INVALIDATE on the vIOMMU; VMID and StreamID are put in. CFGI_CD and ATC_INV are among them.",
    faults: "The event as hardware wrote it, with the guest's StreamID in it, in a vEVENTQ; lost ones are told.",
    msi: HOST_WINDOW,
    became: "What Linux has.",
  },
  "SMMUv3 nesting over VFIO v16": {
    calls: "VFIO_IOMMU_SET_PASID_TABLE with the address of a CD; a table is taken away before another is set.",
    objects:
      "A container of type VFIO_TYPE1_NESTING_IOMMU; the table is part of it. Devices that a guest may part need one each.",
    hardware: "Nothing: the VMM offers what it takes for granted. The guest has to use range invalidation.",
    pasids: "Nobody: one context, PASID bits 0. ASIDs are the guest's, and the host does not manage them.",
    invalidation:
      "VFIO_IOMMU_CACHE_INVALIDATE in words for every IOMMU: domain, PASID or addresses, one call each. A changed CD and device TLBs have none.",
    faults:
      "A generic record in the ring of the device's fault region: reason, PASID, direction, address. The VMM makes an event of it again; StreamID, CLASS and stage are lost, as are faults that find the ring full.",
    msi: "The guest maps the host's doorbell flat, as RMR nodes of its firmware say; up to v15 VFIO_IOMMU_SET_MSI_BINDING told the host where it is. Devices whose messages do not pass the SMMU are refused.",
    became: "Never merged: October 2021, then iommufd.",
  },
  "Linux 5.15": {
    calls: "VFIO_SET_IOMMU takes VFIO_TYPE1_NESTING_IOMMU, and nothing takes a stage 1.",
    objects: "A container: what it maps is stage 2 where the SMMU has one, else stage 1, and nobody says which.",
    hardware: "Nothing.",
    pasids: "Nobody.",
    invalidation: "There is none to hand on.",
    faults: "To the host's log.",
    msi: HOST_WINDOW,
    became: "The type went in Linux 6.13, unused: VFIO_CHECK_EXTENSION answers 0 now, VFIO_SET_IOMMU ENODEV.",
  },
} as const satisfies Readonly<Record<string, Said>>;

export const VTD_PASIDS = {
  "Linux 7.2": {
    calls: "IOMMU_HWPT_ALLOC with the first stage; VFIO_DEVICE_ATTACH_IOMMUFD_PT with a PASID.",
    objects:
      "IOAS, nest-parent HWPT, a nested HWPT for each first stage. No vIOMMU on VT-d. Parts of devices have no domains: those went in Linux 5.18.",
    hardware: "IOMMU_GET_HW_INFO: CAP and ECAP, and how many PASIDs device and IOMMU have together.",
    pasids: "The device's user: PASIDs are per device, and two guests may use the same.",
    invalidation: "IOMMU_HWPT_INVALIDATE on the nested HWPT, an array of ranges; the answer says how many were done.",
    faults: "Page requests by a FAULT object that the HWPT names; an answer for each group.",
    msi: REMAPPED,
    became: "What Linux has. Requests without a PASID have a nested HWPT as well.",
  },
  "vSVA over VFIO v8": {
    calls: "IOASID_REQUEST_ALLOC, then VFIO_IOMMU_NESTING_OP: bind, unbind and invalidate are operations of one call.",
    objects:
      "A container with a single group; first stages are bound to it, one for each PASID. A set of IOASIDs for each process. A part of a device (mdev) has a group, and an auxiliary domain with a PASID of the kernel's: what is bound, is bound on the device.",
    hardware: "iommu_nesting_info behind VFIO_IOMMU_GET_INFO: features, address width, PASID bits, CAP and ECAP.",
    pasids:
      "The system: a PASID belongs to one process, from /dev/ioasid; a bind looks at whose it is. vfio-pci shows the device's PASID capability to the guest, which was to ask by the virtual command register.",
    invalidation: "VFIO_IOMMU_NESTING_OP, one range a call. It answers 0 whatever became of it.",
    faults: "Left to a later series.",
    msi: REMAPPED,
    became: "Never merged: March 2021, then iommufd. Requests without a PASID have the second stage alone.",
  },
  "vSVA over VFIO v7": {
    calls:
      "VFIO_IOMMU_PASID_REQUEST and VFIO_IOMMU_NESTING_OP, both of the container; v8 has given the number of the first to the second.",
    objects: "As v8, without /dev/ioasid.",
    hardware: "As v8; another feature bit says that PASIDs are the system's.",
    pasids: "The system, by way of the container: at most 1000 for a process, a parameter of the module.",
    invalidation: "As v8.",
    faults: "Left to a later series.",
    msi: REMAPPED,
    became: "September 2020; v8 took PASIDs out of VFIO.",
  },
} as const satisfies Readonly<Record<string, Said>>;

export const HARDWARE_QUEUES = {
  "Linux 7.2": {
    calls: "IOMMU_HW_QUEUE_ALLOC (0x94): type, index, address and length stand in the call.",
    objects: "A HW_QUEUE for each queue, with an ACCESS that pins its memory; each holds the one below.",
    hardware: "IOMMU_GET_HW_INFO of type TEGRA241_CMDQV.",
    pasids: "The guest.",
    invalidation: "By hardware, out of the guest's queue: no exit, no call.",
    faults: "A vEVENTQ with the map of queues that stopped.",
    msi: HOST_WINDOW,
    became:
      "What Linux has, since 6.17. The core checks that the memory is in one piece, and EIO says that an index is skipped.",
  },
  "vCMDQ as posted": {
    calls: "IOMMU_VCMDQ_ALLOC (0x94): index, log2 of the size and address stand in data that the driver alone reads.",
    objects:
      "A queue object, and nothing that keeps its memory in place: the driver translates the first byte and trusts the rest.",
    hardware: "IOMMU_GET_HW_INFO of type TEGRA241_CMDQV.",
    pasids: "The guest.",
    invalidation: "As merged: hardware is the same.",
    faults: "As merged.",
    msi: HOST_WINDOW,
    became:
      "April 2025, v1. Review moved address and length into the core, so that memory is pinned; the name followed, as AMD has such queues, too.",
  },
} as const satisfies Readonly<Record<string, Said>>;
