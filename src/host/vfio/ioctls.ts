/** Calls of VFIO files as data: devices, groups and containers. Linux 7.2, include/uapi/linux/vfio.h. */
import { s32, struct, u32, u64 } from "../uapi_struct.ts";

/** Requests have the type ';' in bits [15:8] and count from 100. */
export const request = (nr: number): number => 0x3b00 | (100 + nr);

const SOURCE = "include/uapi/linux/vfio.h";
const ARGSZ = u32("argsz", "bytes of this structure that the caller gave");
const FLAGS = u32("flags", "flags of the call");

/** Calls without a structure: the argument is a number. */
export const GET_API_VERSION = request(0);
export const CHECK_EXTENSION = request(1);
export const SET_IOMMU = request(2);
export const GROUP_GET_STATUS = {
  request: request(3),
  ...struct("VFIO_GROUP_GET_STATUS", SOURCE, [ARGSZ, u32("flags", "of GroupFlag")]),
};
export const GroupFlag = { VIABLE: 1, CONTAINER_SET: 2 } as const;
export const GROUP_SET_CONTAINER = request(4);
export const GROUP_UNSET_CONTAINER = request(5);
/** The argument is a pointer to the device's name, such as `0000:00:04.0`. */
export const GROUP_GET_DEVICE_FD = request(6);
export const DIRTY_PAGES = request(17);

export const IOMMU_GET_INFO = {
  request: request(12),
  ...struct("VFIO_IOMMU_GET_INFO", SOURCE, [
    ARGSZ,
    FLAGS,
    u64("iova_pgsizes", "a bit for each page size"),
    u32("cap_offset", "where the first capability begins, 0 for none"),
    u32("pad", "zero"),
  ]),
};
export const IOMMU_MAP_DMA = {
  request: request(13),
  ...struct("VFIO_IOMMU_MAP_DMA", SOURCE, [
    ARGSZ,
    FLAGS,
    u64("vaddr", "first byte of the memory, in the caller's address space"),
    u64("iova", "where it goes"),
    u64("size", "bytes"),
  ]),
};
export const IOMMU_UNMAP_DMA = {
  request: request(14),
  ...struct("VFIO_IOMMU_UNMAP_DMA", SOURCE, [
    ARGSZ,
    FLAGS,
    u64("iova", "first byte"),
    u64("size", "bytes; returned how many were mapped"),
  ]),
};
export const DEVICE_GET_INFO = {
  request: request(7),
  ...struct("VFIO_DEVICE_GET_INFO", SOURCE, [
    ARGSZ,
    FLAGS,
    u32("num_regions", "regions of the device"),
    u32("num_irqs", "kinds of interrupts"),
    u32("cap_offset", "0"),
    u32("pad", "zero"),
  ]),
};
export const DEVICE_SET_IRQS = {
  request: request(10),
  ...struct("VFIO_DEVICE_SET_IRQS", SOURCE, [
    ARGSZ,
    u32("flags", "what the data is, and what is done with it"),
    u32("index", "kind of interrupt: 0 INTx, 1 MSI, 2 MSI-X"),
    u32("start", "first interrupt of that kind"),
    u32("count", "how many"),
  ]),
};
export const DEVICE_BIND_IOMMUFD = {
  request: request(18),
  ...struct("VFIO_DEVICE_BIND_IOMMUFD", SOURCE, [
    ARGSZ,
    u32("flags", "1: a token is given"),
    s32("iommufd", "descriptor of the iommufd file"),
    u32("out_devid", "id of the device there"),
    u64("token_uuid_ptr", "pointer to the token"),
  ]),
};
export const DEVICE_ATTACH_IOMMUFD_PT = {
  request: request(19),
  ...struct("VFIO_DEVICE_ATTACH_IOMMUFD_PT", SOURCE, [
    ARGSZ,
    u32("flags", "1: the PASID is given"),
    u32("pt_id", "IOAS or HWPT; returned the HWPT in use"),
    u32("pasid", "PASID"),
  ]),
};
export const DEVICE_DETACH_IOMMUFD_PT = {
  request: request(20),
  ...struct("VFIO_DEVICE_DETACH_IOMMUFD_PT", SOURCE, [
    ARGSZ,
    u32("flags", "1: the PASID is given"),
    u32("pasid", "PASID"),
  ]),
};

/** Extensions that CHECK_EXTENSION asks for, and types for SET_IOMMU. */
export const Extension = {
  TYPE1_IOMMU: 1,
  TYPE1v2_IOMMU: 3,
  DMA_CC_IOMMU: 4,
  NESTING_IOMMU: 6,
  UNMAP_ALL: 9,
  UPDATE_VADDR: 10,
} as const;

export const DmaFlag = { READ: 1, WRITE: 2, VADDR: 4 } as const;
export const UnmapFlag = { GET_DIRTY_BITMAP: 1, ALL: 2, VADDR: 4 } as const;
/** IOMMU_GET_INFO: page sizes are given, and capabilities follow. */
export const InfoFlag = { PGSIZES: 1, CAPS: 2 } as const;
