/**
 * Which caches a VT-d unit has and how large they are (VT-d §6.2: all of it is the implementation's choice).
 */
import type { CacheGeometry } from "../../common/tagged_cache.ts";

/** The caches, by what they hold; null switches one off. */
export interface CacheOptions {
  /** Context entries, by requester; these and PASID entries are replaced in order of age. */
  readonly context: CacheGeometry | null;
  /** PASID table entries, by requester and PASID. */
  readonly pasid: CacheGeometry | null;
  /** Whole translations, of one stage or of both, from the input address to the host physical one. */
  readonly iotlb: CacheGeometry | null;
  /** Last-level tables of the first stage, by input address, and of the second, by the address it translates. */
  readonly firstWalk: CacheGeometry | null;
  readonly secondWalk: CacheGeometry | null;
  /** Interrupt remapping entries, by index. */
  readonly interrupt: CacheGeometry | null;
}

export type CacheName = keyof CacheOptions;

/** Every cache, in the order in which a request meets them. */
export const CACHE_NAMES: readonly CacheName[] = ["context", "pasid", "iotlb", "firstWalk", "secondWalk", "interrupt"];

/** Everything is cached, in sizes of a small implementation. */
export const EVERY_CACHE: CacheOptions = {
  context: { entries: 32, ways: 4 },
  pasid: { entries: 32, ways: 4 },
  iotlb: { entries: 256, ways: 4 },
  firstWalk: { entries: 64, ways: 4 },
  secondWalk: { entries: 64, ways: 4 },
  interrupt: { entries: 32, ways: 4 },
};

/** No cache at all: every request reads memory. */
export const NO_CACHE_OPTIONS: CacheOptions = {
  context: null,
  pasid: null,
  iotlb: null,
  firstWalk: null,
  secondWalk: null,
  interrupt: null,
};
