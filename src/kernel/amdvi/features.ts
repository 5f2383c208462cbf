/** What Linux's driver uses of an AMD IOMMU, by its feature register. Linux 7.2, drivers/iommu/amd/amd_iommu.h. */
import type { AmdIommu } from "./iommu.ts";

type Has = AmdIommu["has"];

/** Guest tables, for requests without a PASID as well (amd_iommu_v2_pgtbl_supported). */
export const hasGuestTables = (has: Has): boolean => has("EFR", "GTSup") === 1 && has("EFR", "GIoSup") === 1;

/** PASIDs, each with tables of its own, whose page requests are answered (amd_iommu_gt_ppr_supported). */
export const hasPasids = (has: Has): boolean =>
  hasGuestTables(has) && has("EFR", "PPRSup") === 1 && has("EFR", "EPHSup") === 1;
