/**
 * Calls of /dev/iommu as they were first posted. "iommufd: Add vIOMMU infrastructure (Part-4 vCMDQ)", v1, April 2025:
 * what became IOMMU_HW_QUEUE_ALLOC had this number and the driver's own data.
 */
import { struct, u32, u64 } from "../uapi_struct.ts";
import { ioctl } from "./ioctls.ts";

export const VCMDQ_ALLOC = ioctl("IOMMU_VCMDQ_ALLOC", 0x94, 32, [
  u32("flags", "flags of the call"),
  u32("viommu_id", "vIOMMU"),
  u32("type", "kind of queue"),
  u32("out_vcmdq_id", "the queue"),
  u32("data_len", "bytes of data"),
  u64("data_uptr", "pointer to data for the driver"),
]);
export const VcmdqType = { DEFAULT: 0, TEGRA241_CMDQV: 1 } as const;

/** Data of the Tegra241 driver. */
export const VCMDQ_TEGRA241 = struct("iommu_vcmdq_tegra241_cmdqv", "include/uapi/linux/iommufd.h as posted", [
  u32("vcmdq_id", "number of the queue in the vIOMMU"),
  u32("vcmdq_log2size", "log2 of its entries"),
  u64("vcmdq_base", "guest physical address"),
]);
