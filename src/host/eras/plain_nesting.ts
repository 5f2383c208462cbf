/**
 * A container of the nesting type as Linux had it from 4.1 to 6.12: the mappings are a stage 2, and there is no call to put
 * anything on top of it. drivers/vfio/vfio_iommu_type1.c (VFIO_TYPE1_NESTING_IOMMU), arm-smmu-v3.c
 * (arm_smmu_enable_nesting).
 */
import { made } from "../errno.ts";
import type { NestingRules } from "../vfio/nesting.ts";

export const PLAIN_NESTING: NestingRules = {
  manyGroups: true,
  hardwareMsi: true,
  fallsBack: true,
  make: ({ domain }) => made({ calls: new Map(), caps: [], installed: domain, parts: () => [], release: () => {} }),
};
