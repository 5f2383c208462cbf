/**
 * Kernels of the host by era: what Linux is, and what was proposed before it. Only what user space can see differs here;
 * the drivers below are those of Linux 7.2.
 */
import type { NestingRules } from "../vfio/nesting.ts";
import { BOUND_TABLES_V7, BOUND_TABLES_V8 } from "./bound_tables.ts";
import { PASID_TABLE_NESTING } from "./pasid_table.ts";
import { PLAIN_NESTING } from "./plain_nesting.ts";

/** What a kernel has. */
export interface EraRules {
  readonly name: EraName;
  /** There is /dev/iommu, and devices have files of their own. */
  readonly iommufd: boolean;
  /** Mediated devices can have domains of their own. */
  readonly auxiliaryDomains: boolean;
  /** There is /dev/ioasid. */
  readonly ioasid: boolean;
  /** What containers of type VFIO_TYPE1_NESTING_IOMMU have; null where that type is refused. */
  readonly nesting: NestingRules | null;
  /** The call that gives a guest a queue of the hardware's. */
  readonly queueCall: "IOMMU_HW_QUEUE_ALLOC" | "IOMMU_VCMDQ_ALLOC";
}

const VFIO_ONLY = {
  iommufd: false,
  auxiliaryDomains: true,
  ioasid: false,
  queueCall: "IOMMU_HW_QUEUE_ALLOC",
} as const;
const IOMMUFD = { iommufd: true, auxiliaryDomains: false, ioasid: false, nesting: null } as const;

const RULES = {
  "Linux 7.2": { ...IOMMUFD, queueCall: "IOMMU_HW_QUEUE_ALLOC" },
  "vCMDQ as posted": { ...IOMMUFD, queueCall: "IOMMU_VCMDQ_ALLOC" },
  "SMMUv3 nesting over VFIO v16": { ...VFIO_ONLY, nesting: PASID_TABLE_NESTING },
  "vSVA over VFIO v8": { ...VFIO_ONLY, ioasid: true, nesting: BOUND_TABLES_V8 },
  "vSVA over VFIO v7": { ...VFIO_ONLY, nesting: BOUND_TABLES_V7 },
  "Linux 5.15": { ...VFIO_ONLY, nesting: PLAIN_NESTING },
} as const satisfies Readonly<Record<string, Omit<EraRules, "name">>>;

export type EraName = keyof typeof RULES;

export const ERA_RULES = Object.fromEntries(
  Object.entries(RULES).map(([name, rules]) => [name, { name, ...rules }]),
) as unknown as Readonly<Record<EraName, EraRules>>;
