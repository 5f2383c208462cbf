/**
 * Data of calls that carry their own length and version, as the IOMMU core of Linux 5.10 checked them before a driver saw
 * them. drivers/iommu/iommu.c (iommu_uapi_cache_invalidate, iommu_uapi_sva_bind_gpasid).
 */
import type { Errno, Status } from "../errno.ts";
import type { Process } from "../process.ts";
import type { StructField, UapiStruct, Values } from "../uapi_struct.ts";
import { readSized } from "../user_copy.ts";
import { CACHE_INVALIDATE_INFO, CacheType, Granularity, InvalidateFlag } from "../vfio/ioctls_before_iommufd.ts";

/** The only version that there was. */
export const VERSION_1 = 1;
/** Bytes of CACHE_INVALIDATE_INFO before its union. */
const INFO_LEAST = 16;

const CACHES = CacheType.IOTLB | CacheType.DEV_IOTLB | CacheType.PASID;
/** Flags by granularity. */
const FLAGS: Readonly<Record<number, number>> = {
  [Granularity.DOMAIN]: 0xffff_ffff,
  [Granularity.PASID]: InvalidateFlag.PASID | InvalidateFlag.ARCHID,
  [Granularity.ADDR]: InvalidateFlag.PASID | InvalidateFlag.ARCHID | InvalidateFlag.LEAF,
};

export type CacheInvalidateInfo = Values<(typeof CACHE_INVALIDATE_INFO)["fields"]>;

/** Copy a structure that begins with argsz: at least `least` bytes of it. */
export function readData<F extends readonly StructField[]>(
  process: Process,
  at: bigint,
  struct: UapiStruct<F>,
  least: number,
): Values<F> | Errno {
  const given = readSized(process, at, struct.size, least);
  return typeof given === "string" ? given : struct.decode(given.bytes);
}

/** What a caller wants dropped from caches, as far as the core looks at it. */
export function readCacheInvalidation(process: Process, at: bigint): CacheInvalidateInfo | Errno {
  const v = readData(process, at, CACHE_INVALIDATE_INFO, INFO_LEAST);
  return typeof v === "string" ? v : (check(v) ?? v);
}

function check(v: CacheInvalidateInfo): Status {
  if (v.version !== VERSION_1 || (v.cache & ~CACHES) !== 0) return "EINVAL";
  if (v.padding_lo !== 0 || v.padding_hi !== 0) return "EINVAL";
  const flags = FLAGS[v.granularity];
  return flags === undefined || (v.flags & ~flags) !== 0 ? "EINVAL" : null;
}
