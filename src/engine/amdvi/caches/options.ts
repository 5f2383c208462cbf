/**
 * Which caches an AMD IOMMU has and how large they are (48882 revision 3.10, §2.1.4: all of it is the implementation's
 * choice).
 */
import type { CacheGeometry } from "../../common/tagged_cache.ts";

/** The caches, by what they hold; null switches one off. */
export interface CacheOptions {
  /** Device table entries, by DeviceID. */
  readonly dte: CacheGeometry | null;
  /** Guest CR3 table entries, by DeviceID and PASID. */
  readonly gcr3: CacheGeometry | null;
  /** Interrupt table entries, by DeviceID and index. */
  readonly irte: CacheGeometry | null;
  /** Whole translations, host, guest or nested, from the device's address to the system physical one. */
  readonly iotlb: CacheGeometry | null;
  /** Host translations of guest physical addresses beneath guest tables. */
  readonly host: CacheGeometry | null;
  /** Page directory entries: last-level host tables by guest physical address, last-level guest tables by GVA. */
  readonly hostWalk: CacheGeometry | null;
  readonly guestWalk: CacheGeometry | null;
}

export type CacheName = keyof CacheOptions;

/** Every cache, in the order in which a request meets them. */
export const CACHE_NAMES: readonly CacheName[] = ["dte", "gcr3", "irte", "iotlb", "host", "hostWalk", "guestWalk"];

/** Nothing is cached: every structure and entry is read from memory every time. */
export const NO_CACHE_OPTIONS: CacheOptions = {
  dte: null,
  gcr3: null,
  irte: null,
  iotlb: null,
  host: null,
  hostWalk: null,
  guestWalk: null,
};

/** Everything is cached, in sizes of a small implementation. */
export const EVERY_CACHE: CacheOptions = {
  dte: { entries: 32, ways: 4 },
  gcr3: { entries: 32, ways: 4 },
  irte: { entries: 32, ways: 4 },
  iotlb: { entries: 256, ways: 4 },
  host: { entries: 128, ways: 4 },
  hostWalk: { entries: 64, ways: 4 },
  guestWalk: { entries: 64, ways: 4 },
};
