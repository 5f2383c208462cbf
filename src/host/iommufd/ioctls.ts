/**
 * The calls of /dev/iommu as data: number, smallest accepted size, structure. Linux 7.2, include/uapi/linux/iommufd.h
 * (names, field order, flags and type numbers).
 */
import { type StructField, s32, struct, type UapiStruct, u8, u16, u32, u64 } from "../uapi_struct.ts";

/** One call: its structure begins with `size`, in which the caller says how much of it there is. */
export interface Ioctl<F extends readonly StructField[] = readonly StructField[]> extends UapiStruct<F> {
  /** The whole request value: type ';' and number, without direction and size bits. */
  readonly request: number;
  /** Bytes of the structure as first published. */
  readonly smallest: number;
}

/** Requests have the type ';' in bits [15:8]. */
const TYPE = 0x3b00;
const SIZE = u32("size", "bytes of this structure that the caller gave");
const FLAGS = u32("flags", "flags of the call");
const RESERVED = u32("__reserved", "zero");

/** Declare a call by its number and the bytes of its structure that were there from the start, `size` included. */
export function ioctl<const F extends readonly StructField[]>(name: string, nr: number, smallest: number, fields: F) {
  const s = struct(name, "include/uapi/linux/iommufd.h", [SIZE, ...fields] as const);
  return { ...s, request: TYPE | nr, smallest };
}

export const DESTROY = ioctl("IOMMU_DESTROY", 0x80, 8, [u32("id", "object to destroy")]);
export const IOAS_ALLOC = ioctl("IOMMU_IOAS_ALLOC", 0x81, 12, [FLAGS, u32("out_ioas_id", "the IOAS")]);
export const IOAS_ALLOW_IOVAS = ioctl("IOMMU_IOAS_ALLOW_IOVAS", 0x82, 24, [
  u32("ioas_id", "IOAS"),
  u32("num_iovas", "pairs in the list"),
  RESERVED,
  u64("allowed_iovas", "pointer to pairs {start, last}"),
]);
export const IOAS_COPY = ioctl("IOMMU_IOAS_COPY", 0x83, 40, [
  FLAGS,
  u32("dst_ioas_id", "IOAS that gets the mapping"),
  u32("src_ioas_id", "IOAS that has it"),
  u64("length", "bytes"),
  u64("dst_iova", "where it goes; returned where it went"),
  u64("src_iova", "where it is"),
]);
export const IOAS_IOVA_RANGES = ioctl("IOMMU_IOAS_IOVA_RANGES", 0x84, 32, [
  u32("ioas_id", "IOAS"),
  u32("num_iovas", "pairs that fit; returned how many there are"),
  RESERVED,
  u64("allowed_iovas", "pointer to room for pairs {start, last}"),
  u64("out_iova_alignment", "what IOVA and length must be multiples of"),
]);
export const IOAS_MAP = ioctl("IOMMU_IOAS_MAP", 0x85, 40, [
  FLAGS,
  u32("ioas_id", "IOAS"),
  RESERVED,
  u64("user_va", "first byte of the memory, in the caller's address space"),
  u64("length", "bytes"),
  u64("iova", "where it goes; returned where it went"),
]);
export const IOAS_UNMAP = ioctl("IOMMU_IOAS_UNMAP", 0x86, 24, [
  u32("ioas_id", "IOAS"),
  u64("iova", "first byte"),
  u64("length", "bytes; returned how many were mapped"),
]);
export const OPTION = ioctl("IOMMU_OPTION", 0x87, 24, [
  u32("option_id", "which option"),
  u16("op", "0 set, 1 get"),
  u16("__reserved", "zero"),
  u32("object_id", "object it applies to, 0 for the file"),
  u64("val64", "value"),
]);
export const VFIO_IOAS = ioctl("IOMMU_VFIO_IOAS", 0x88, 12, [
  u32("ioas_id", "IOAS that VFIO container calls use"),
  u16("op", "0 get, 1 set, 2 clear"),
  u16("__reserved", "zero"),
]);
export const HWPT_ALLOC = ioctl("IOMMU_HWPT_ALLOC", 0x89, 24, [
  FLAGS,
  u32("dev_id", "device it is made for"),
  u32("pt_id", "IOAS, parent HWPT or vIOMMU"),
  u32("out_hwpt_id", "the HWPT"),
  RESERVED,
  u32("data_type", "format of the data"),
  u32("data_len", "bytes of data"),
  u64("data_uptr", "pointer to data for the driver"),
  u32("fault_id", "fault queue, with FAULT_ID_VALID"),
  u32("__reserved2", "not looked at"),
]);
export const GET_HW_INFO = ioctl("IOMMU_GET_HW_INFO", 0x8a, 32, [
  FLAGS,
  u32("dev_id", "device"),
  u32("data_len", "room in bytes; returned the kernel's length"),
  u64("data_uptr", "pointer to room"),
  u32("data_type", "type asked for, with INPUT_TYPE; returned the type"),
  u8("out_max_pasid_log2", "log2 of PASIDs, 0 without"),
  u8("__reserved", "zero"),
  u8("__reserved_1", "zero"),
  u8("__reserved_2", "zero"),
  u64("out_capabilities", "what device and IOMMU can do together"),
]);
export const HWPT_SET_DIRTY_TRACKING = ioctl("IOMMU_HWPT_SET_DIRTY_TRACKING", 0x8b, 16, [
  FLAGS,
  u32("hwpt_id", "paging HWPT"),
  u32("__reserved", "not looked at"),
]);
export const HWPT_GET_DIRTY_BITMAP = ioctl("IOMMU_HWPT_GET_DIRTY_BITMAP", 0x8c, 48, [
  u32("hwpt_id", "paging HWPT"),
  FLAGS,
  RESERVED,
  u64("iova", "first byte"),
  u64("length", "bytes"),
  u64("page_size", "bytes for each bit"),
  u64("data", "pointer to the bitmap"),
]);
export const HWPT_INVALIDATE = ioctl("IOMMU_HWPT_INVALIDATE", 0x8d, 32, [
  u32("hwpt_id", "nested HWPT or vIOMMU"),
  u64("data_uptr", "pointer to the entries"),
  u32("data_type", "format of the entries"),
  u32("entry_len", "bytes of an entry"),
  u32("entry_num", "entries; returned how many were done"),
  RESERVED,
]);
export const FAULT_QUEUE_ALLOC = ioctl("IOMMU_FAULT_QUEUE_ALLOC", 0x8e, 16, [
  FLAGS,
  u32("out_fault_id", "the queue"),
  s32("out_fault_fd", "its file"),
]);
/** A record that is read from the file of a fault queue. */
export const HWPT_PGFAULT = struct("iommu_hwpt_pgfault", "include/uapi/linux/iommufd.h", [
  u32("flags", "of FaultFlag"),
  u32("dev_id", "device that faulted"),
  u32("pasid", "PASID"),
  u32("grpid", "number of the group, as the device gave it"),
  u32("perm", "of FaultPermission"),
  u32("__reserved", "zero"),
  u64("addr", "address that faulted"),
  u32("length", "zero"),
  u32("cookie", "names the group in the answer"),
]);
export const FaultFlag = { PASID_VALID: 1, LAST_PAGE: 2 } as const;
export const FaultPermission = { READ: 1, WRITE: 2, EXEC: 4, PRIV: 8 } as const;

/** The answer to a group, written to that file. */
export const HWPT_PAGE_RESPONSE = struct("iommu_hwpt_page_response", "include/uapi/linux/iommufd.h", [
  u32("cookie", "of the group"),
  u32("code", "of PageResponseCode"),
]);
export const PageResponseCode = { SUCCESS: 0, INVALID: 1 } as const;

export const IOAS_MAP_FILE = ioctl("IOMMU_IOAS_MAP_FILE", 0x8f, 40, [
  FLAGS,
  u32("ioas_id", "IOAS"),
  s32("fd", "file of the memory"),
  u64("start", "first byte in the file"),
  u64("length", "bytes"),
  u64("iova", "where it goes; returned where it went"),
]);
export const VIOMMU_ALLOC = ioctl("IOMMU_VIOMMU_ALLOC", 0x90, 24, [
  FLAGS,
  u32("type", "kind of vIOMMU"),
  u32("dev_id", "device behind the physical IOMMU"),
  u32("hwpt_id", "stage 2, a NEST_PARENT"),
  u32("out_viommu_id", "the vIOMMU"),
  u32("data_len", "bytes of data"),
  u32("__reserved", "not looked at"),
  u64("data_uptr", "pointer to data for and from the driver"),
]);
export const VDEVICE_ALLOC = ioctl("IOMMU_VDEVICE_ALLOC", 0x91, 24, [
  u32("viommu_id", "vIOMMU"),
  u32("dev_id", "device"),
  u32("out_vdevice_id", "the vDEVICE"),
  u64("virt_id", "id of the device in the guest, such as a vSID"),
]);
export const IOAS_CHANGE_PROCESS = ioctl("IOMMU_IOAS_CHANGE_PROCESS", 0x92, 8, [RESERVED]);
export const VEVENTQ_ALLOC = ioctl("IOMMU_VEVENTQ_ALLOC", 0x93, 28, [
  FLAGS,
  u32("viommu_id", "vIOMMU"),
  u32("type", "kind of events"),
  u32("veventq_depth", "events that are kept"),
  u32("out_veventq_id", "the queue"),
  s32("out_veventq_fd", "its file"),
  RESERVED,
]);
export const HW_QUEUE_ALLOC = ioctl("IOMMU_HW_QUEUE_ALLOC", 0x94, 40, [
  FLAGS,
  u32("viommu_id", "vIOMMU"),
  u32("type", "kind of queue"),
  u32("index", "number of the queue in the vIOMMU"),
  u32("out_hw_queue_id", "the queue"),
  u64("nesting_parent_iova", "base of the queue, a guest physical address"),
  u64("length", "bytes of the queue"),
]);

/** Flags, by call. */
export const MAP_FIXED_IOVA = 1;
export const MAP_WRITEABLE = 2;
export const MAP_READABLE = 4;
export const HwptFlag = { NEST_PARENT: 1, DIRTY_TRACKING: 2, FAULT_ID_VALID: 4, PASID: 8 } as const;
export const HW_INFO_INPUT_TYPE = 1;
/** `out_capabilities` of GET_HW_INFO. */
export const HwCap = { DIRTY_TRACKING: 1n, PASID_EXEC: 2n, PASID_PRIV: 4n, ATS_NOT_SUPPORTED: 8n } as const;

/** Types of hardware information. */
export const HwInfoType = { DEFAULT: 0, INTEL_VTD: 1, ARM_SMMUV3: 2, TEGRA241_CMDQV: 3, AMD: 4 } as const;
/** Types of nested HWPT data. */
export const HwptDataType = { NONE: 0, VTD_S1: 1, ARM_SMMUV3: 2, AMD_GUEST: 3 } as const;
export const InvalidateDataType = { VTD_S1: 0, ARM_SMMUV3: 1 } as const;
/** AMD's is posted, and not in Linux 7.2, whose AMD driver takes any. */
export const ViommuType = { DEFAULT: 0, ARM_SMMUV3: 1, TEGRA241_CMDQV: 2, AMD: 3 } as const;
export const VeventqType = { DEFAULT: 0, ARM_SMMUV3: 1, TEGRA241_CMDQV: 2 } as const;
/** AMD's are posted, and not in Linux 7.2. CHOICE(hw-queue-types): their numbers, in the order of the posted names. */
export const HwQueueType = { DEFAULT: 0, TEGRA241_CMDQV: 1, AMD_CMD: 2, AMD_EVT: 3, AMD_PPR: 4 } as const;

/** Every call, for dispatch and documents. */
export const IOCTLS = [
  DESTROY,
  IOAS_ALLOC,
  IOAS_ALLOW_IOVAS,
  IOAS_COPY,
  IOAS_IOVA_RANGES,
  IOAS_MAP,
  IOAS_UNMAP,
  OPTION,
  VFIO_IOAS,
  HWPT_ALLOC,
  GET_HW_INFO,
  HWPT_SET_DIRTY_TRACKING,
  HWPT_GET_DIRTY_BITMAP,
  HWPT_INVALIDATE,
  FAULT_QUEUE_ALLOC,
  IOAS_MAP_FILE,
  VIOMMU_ALLOC,
  VDEVICE_ALLOC,
  IOAS_CHANGE_PROCESS,
  VEVENTQ_ALLOC,
  HW_QUEUE_ALLOC,
] as const satisfies readonly Ioctl[];
