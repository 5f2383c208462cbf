/**
 * Which caches an SMMU has and how large they are (IHI 0070 §16.2: all of it is the implementation's choice).
 */
import type { CacheGeometry } from "../../common/tagged_cache.ts";

/** The caches, by what they hold; null switches one off. */
export interface CacheOptions {
  /** STEs, by StreamID; these and CDs are replaced in order of age, never as least recently used. */
  readonly ste: CacheGeometry | null;
  /** CDs, by StreamID and SubstreamID. */
  readonly cd: CacheGeometry | null;
  /** Whole translations of one stage or of both combined, from the input address to the PA. */
  readonly tlb: CacheGeometry | null;
  /** Stage 1 by itself where stage 2 lies beneath: VA to IPA. */
  readonly stage1: CacheGeometry | null;
  /** Stage 2 by itself where stage 1 lies above: IPA to PA, of transactions. */
  readonly stage2: CacheGeometry | null;
  /** Stage 2 by itself for what the SMMU fetches through it: IPA to PA of pages that hold stage-1 tables and CDs. */
  readonly fetches: CacheGeometry | null;
  /** Last-level tables of stage 1, by VA. */
  readonly walk1: CacheGeometry | null;
  /** Last-level tables of stage 2, by IPA. */
  readonly walk2: CacheGeometry | null;
  /**
   * Global entries serve every ASID of their VMID and ASID set, as they may (§3.17.1). Otherwise each serves the ASID it
   * was made for, and software that maps different things as global in different address spaces gets away with it.
   */
  readonly shareGlobal: boolean;
}

export type CacheName = Exclude<keyof CacheOptions, "shareGlobal">;

/** Every cache, in the order in which a transaction meets them. */
export const CACHE_NAMES: readonly CacheName[] = ["ste", "cd", "tlb", "stage1", "stage2", "fetches", "walk1", "walk2"];

/** Nothing is cached: every structure and descriptor is read from memory every time. */
export const NO_CACHE_OPTIONS: CacheOptions = {
  ste: null,
  cd: null,
  tlb: null,
  stage1: null,
  stage2: null,
  fetches: null,
  walk1: null,
  walk2: null,
  shareGlobal: false,
};

/** Everything is cached, in sizes of a small implementation. */
export const EVERY_CACHE: CacheOptions = {
  ste: { entries: 32, ways: 4 },
  cd: { entries: 32, ways: 4 },
  tlb: { entries: 256, ways: 4 },
  stage1: { entries: 128, ways: 4 },
  stage2: { entries: 128, ways: 4 },
  fetches: { entries: 32, ways: 4 },
  walk1: { entries: 64, ways: 4 },
  walk2: { entries: 64, ways: 4 },
  shareGlobal: false,
};
