/**
 * The caches of a VT-d unit, and what each invalidation drops from them (VT-d §6.2, §6.5).
 *
 * CHOICE(page-selective): entries of a PASID do not say which guest physical pages they came from; a page-selective
 * IOTLB invalidation of a domain drops all of that domain's.
 */
import { CacheSet, type CacheSetImage, UnitCaches } from "../../common/cache_set.ts";
import { NO_PASID, type PageTableCache } from "../../common/page_table_cache.ts";
import { CacheCount, HOT_WORDS, TaggedCache } from "../../common/tagged_cache.ts";
import { WalkCache } from "../../common/walk_cache.ts";
import type { InterruptCache } from "../interrupt_remapping.ts";
import type { CacheMaintenance, PageRange } from "../maintenance.ts";
import { ConfigCache, NO_DOMAIN } from "./config_cache.ts";
import { Iotlb } from "./iotlb.ts";
import type { CacheName, CacheOptions } from "./options.ts";

const IRTE_WORDS = 4;
const PAGE_LG2 = 12;

/** A saved state of {@link VtdCaches}. */
export type CachesImage = CacheSetImage<CacheName>;

export class VtdCaches extends UnitCaches<CacheName> implements CacheMaintenance, InterruptCache {
  readonly config: ConfigCache;
  readonly iotlb: Iotlb | null;
  readonly firstWalk: WalkCache | null;
  readonly secondWalk: WalkCache | null;
  readonly interruptEntries: TaggedCache | null;
  protected readonly set: CacheSet<CacheName>;

  constructor(options: CacheOptions) {
    super();
    const { context, pasid, iotlb, firstWalk, secondWalk, interrupt } = options;
    this.config = new ConfigCache(context, pasid);
    this.iotlb = iotlb === null ? null : new Iotlb(iotlb);
    this.firstWalk = firstWalk === null ? null : new WalkCache(firstWalk);
    this.secondWalk = secondWalk === null ? null : new WalkCache(secondWalk);
    this.interruptEntries = interrupt === null ? null : new TaggedCache(interrupt, IRTE_WORDS);
    this.set = new CacheSet<CacheName>({
      context: this.config.contexts,
      pasid: this.config.pasids,
      iotlb: this.iotlb,
      firstWalk: this.firstWalk,
      secondWalk: this.secondWalk,
      interrupt: this.interruptEntries,
    });
  }

  contextAll(): void {
    this.config.dropContexts(() => true);
  }

  contextDomain(did: number): void {
    this.config.dropContexts((_sid, own) => own === did || own === NO_DOMAIN);
  }

  contextDevice(did: number, sid: number, sidMask: number): void {
    this.config.dropContexts((own, of) => (own & sidMask) === (sid & sidMask) && (of === did || of === NO_DOMAIN));
  }

  pasidAll(): void {
    this.config.dropPasids(() => true);
  }

  pasidDomain(did: number): void {
    this.config.dropPasids((_pasid, own) => own === did);
  }

  pasid(did: number, pasid: number): void {
    this.config.dropPasids((own, of) => own === pasid && of === did);
  }

  iotlbAll(): void {
    for (const pages of this.set.byPage) pages.table.dropAll();
  }

  iotlbDomain(did: number): void {
    for (const pages of this.set.byPage) pages.table.dropWhere((entry) => pages.domainOf(entry) === did);
  }

  iotlbPages(did: number, range: PageRange): void {
    this.iotlb?.pages.dropGuest(did);
    for (const owner of [this.iotlb, range.leafOnly ? null : this.secondWalk]) {
      if (owner !== null) dropRange(owner.pages, did, NO_PASID, range);
    }
  }

  iotlbPasid(did: number, pasid: number): void {
    for (const owner of [this.iotlb, this.firstWalk]) {
      owner?.pages.table.dropWhere(
        (entry) => owner.pages.domainOf(entry) === did && owner.pages.pasidOf(entry) === pasid,
      );
    }
  }

  iotlbPasidPages(did: number, pasid: number, range: PageRange): void {
    for (const owner of [this.iotlb, range.leafOnly ? null : this.firstWalk]) {
      if (owner !== null) dropRange(owner.pages, did, pasid, range);
    }
  }

  interruptsAll(): void {
    this.interruptEntries?.dropAll();
  }

  interrupts(index: number, maskLg2: number): void {
    const cache = this.interruptEntries;
    cache?.dropWhere((entry) => cache.hot[entry * HOT_WORDS]! >>> maskLg2 === index >>> maskLg2);
  }

  recallInterrupt(index: number, into: Int32Array): boolean {
    const cache = this.interruptEntries;
    if (cache === null) return false;
    const entry = cache.find(index, index, 0, 0);
    cache.counts[entry < 0 ? CacheCount.Misses : CacheCount.Hits]!++;
    if (entry < 0) return false;
    for (let i = 0; i < IRTE_WORDS; i++) into[i] = cache.cold[entry * IRTE_WORDS + i]!;
    return true;
  }

  keepInterrupt(index: number, words: Int32Array): void {
    const cache = this.interruptEntries;
    if (cache === null) return;
    cache.cold.set(words, cache.fill(index, index, 0, 0) * IRTE_WORDS);
  }
}

function dropRange(pages: PageTableCache, did: number, pasid: number, { hi, lo, maskLg2 }: PageRange): void {
  pages.dropRange(did, pasid, hi, lo, Math.min(PAGE_LG2 + maskLg2, 64));
}
