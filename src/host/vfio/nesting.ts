/** What a container of type VFIO_TYPE1_NESTING_IOMMU has besides mappings: it depends on the era of the kernel. */
import type { AnyDomain, HostDevice, PagingDomain } from "../drivers/driver.ts";
import type { Made, Returned } from "../errno.ts";
import type { HostKernel } from "../kernel.ts";
import type { Process } from "../process.ts";
import type { FaultRegion } from "./fault_region.ts";
import type { InfoCap } from "./info_caps.ts";

/** A container to which nesting is added. */
export interface NestedContainer {
  readonly kernel: HostKernel;
  /** Stage 2: what the container maps. */
  readonly domain: PagingDomain;
  /** Devices of its groups, as they are now. */
  readonly devices: () => readonly HostDevice[];
}

/** What a page shows of something that user space handed to a container. */
export interface NestedPart {
  /** Such as PASID_TABLE. */
  readonly type: string;
  readonly about: string;
}

/** The era's half of a container. */
export interface ContainerNesting {
  /** Answers calls by request, without those that every container has. */
  readonly calls: ReadonlyMap<number, (process: Process, argument: bigint) => Returned>;
  /** Capabilities that IOMMU_GET_INFO adds, or has in the place of others with the same id. */
  readonly caps: readonly InfoCap[];
  /** What devices that join the container are attached to. */
  readonly installed: AnyDomain;
  /** Where a device's faults are read from; absent where they are not reported. */
  faults?(device: HostDevice): FaultRegion;
  /** A device leaves the container. */
  leave?(device: HostDevice): void;
  parts(): readonly NestedPart[];
  release(): void;
}

/** How an era takes the type VFIO_TYPE1_NESTING_IOMMU. */
export interface NestingRules {
  /** A container may have more groups than one. */
  readonly manyGroups: boolean;
  /** Devices whose interrupt messages do not pass the IOMMU may join. */
  readonly hardwareMsi: boolean;
  /** Without a stage 2 in hardware the container gets a stage 1, and nobody says so. */
  readonly fallsBack: boolean;
  /** Add to a container that has its first group. A refusal is what VFIO_SET_IOMMU answers. */
  make(container: NestedContainer): Made<ContainerNesting>;
}
