/**
 * The caches of an AMD IOMMU, and what each command drops from them. 48882 revision 3.10, §2.1.4, §2.4.
 *
 * CHOICE(host-invalidation): guest entries do not say which guest physical pages they came from. INVALIDATE_IOMMU_PAGES
 * with GN 0 therefore drops every guest entry of its domain. CHOICE(gcr3-invalidation): it drops guest CR3 entries too
 * where PDE is set, with GN 1 those of its PASID.
 */
import { CacheSet, type CacheSetImage, UnitCaches } from "../../common/cache_set.ts";
import { CacheCount, type CacheGeometry, TaggedCache } from "../../common/tagged_cache.ts";
import { WalkCache } from "../../common/walk_cache.ts";
import type { CacheMaintenance } from "../commands/origin.ts";
import type { InterruptCache } from "../interrupt_remapping.ts";
import { ConfigCache } from "./config_cache.ts";
import { HostCache } from "./host_cache.ts";
import { Iotlb } from "./iotlb.ts";
import { CACHE_NAMES, type CacheName, type CacheOptions } from "./options.ts";

const IRTE_WORDS = 4;

/** A saved state of {@link AmdCaches}. */
export type CachesImage = CacheSetImage<CacheName>;

export class AmdCaches extends UnitCaches<CacheName> implements CacheMaintenance, InterruptCache {
  readonly options: CacheOptions;
  readonly config: ConfigCache;
  readonly irtes: TaggedCache | null;
  readonly iotlb: Iotlb | null;
  readonly host: HostCache | null;
  readonly hostWalk: WalkCache | null;
  readonly guestWalk: WalkCache | null;
  protected readonly set: CacheSet<CacheName>;

  constructor(options: CacheOptions) {
    super();
    this.options = options;
    this.config = new ConfigCache(options.dte, options.gcr3);
    this.irtes = make(options.irte, (g) => new TaggedCache(g, IRTE_WORDS));
    this.iotlb = make(options.iotlb, (g) => new Iotlb(g));
    this.host = make(options.host, (g) => new HostCache(g));
    this.hostWalk = make(options.hostWalk, (g) => new WalkCache(g));
    this.guestWalk = make(options.guestWalk, (g) => new WalkCache(g));
    const { iotlb, host, hostWalk, guestWalk } = this;
    const { dtes: dte, gcr3s: gcr3 } = this.config;
    this.set = new CacheSet<CacheName>({ dte, gcr3, irte: this.irtes, iotlb, host, hostWalk, guestWalk });
  }

  /** There are caches of what single stages translate, or of their tables. */
  get cachesStages(): boolean {
    return this.host !== null || this.hostWalk !== null || this.guestWalk !== null;
  }

  deviceTableEntry(deviceId: number): void {
    this.config.dropDevice(deviceId);
  }

  pages(domainId: number, pasid: number, hi: number, lo: number, sizeLg2: number, directories: boolean): void {
    for (const cache of this.set.byPage) {
      const isDirectory = cache === this.hostWalk?.pages || cache === this.guestWalk?.pages;
      if (isDirectory && !directories) continue;
      cache.dropRange(domainId, pasid, hi, lo, sizeLg2);
      if (pasid < 0) cache.dropGuest(domainId);
    }
    if (directories) this.config.dropGuest(domainId, pasid);
  }

  interruptTable(deviceId: number): void {
    const { irtes } = this;
    irtes?.dropWhere((entry) => irtes.hot[entry << 3] === deviceId);
  }

  all(): void {
    this.config.forget();
    for (const name of CACHE_NAMES) this.table(name)?.dropAll();
  }

  /** A register that configurations depend on was written. */
  controls(): void {
    this.config.forget();
  }

  recall(deviceId: number, index: number, into: Uint32Array): boolean {
    const { irtes } = this;
    if (irtes === null) return false;
    const entry = irtes.find(deviceId ^ index, deviceId, 0, index);
    irtes.counts[entry < 0 ? CacheCount.Misses : CacheCount.Hits]!++;
    if (entry < 0) return false;
    for (let i = 0; i < IRTE_WORDS; i++) into[i] = irtes.cold[entry * IRTE_WORDS + i]!;
    return true;
  }

  keep(deviceId: number, index: number, words: Uint32Array): void {
    const { irtes } = this;
    if (irtes === null) return;
    const entry = irtes.fill(deviceId ^ index, deviceId, 0, index);
    irtes.cold.set(words, entry * IRTE_WORDS);
  }
}

function make<T>(geometry: CacheGeometry | null, of: (geometry: CacheGeometry) => T): T | null {
  return geometry === null ? null : of(geometry);
}
