/**
 * All caches of an SMMUv3 together: what commands drop from them, and their state as one (IHI 0070 §3.21, §4.3, §4.4).
 *
 * Their contents are state of the machine: an image has them, so that replaying the same actions gives the same answers.
 */
import type { Digest } from "../../../base/digest.ts";
import type { CacheImage, TaggedCache } from "../../common/tagged_cache.ts";
import type { PhysicalMemory } from "../../memory/physical_memory.ts";
import type { Capabilities } from "../capabilities.ts";
import type { CacheMaintenance, TlbiOp } from "../maintenance.ts";
import { ConfigCache } from "./config_cache.ts";
import { HitLane } from "./hit_lane.ts";
import type { CacheName, CacheOptions } from "./options.ts";
import { StageCaches } from "./stage_caches.ts";
import type { TableCache } from "./table_cache.ts";
import { CachedStream } from "./tags.ts";
import { TranslationCache } from "./translation_cache.ts";
import { WalkLane } from "./walk_lane.ts";

/** A saved state of the caches; only meaningful to those that made it. */
export interface SmmuCachesImage {
  readonly tables: readonly CacheImage[];
}

export class SmmuCaches implements CacheMaintenance {
  readonly options: CacheOptions;
  readonly config: ConfigCache;
  readonly stages: StageCaches;
  /** The quickest ways through the caches, for the stream of the last transaction. */
  readonly hitLane: HitLane;
  readonly walkLane: WalkLane;
  readonly tlbiVa: CacheMaintenance["tlbiVa"];
  /** For a stream that is not kept. */
  readonly #passing: CachedStream;
  readonly #tlb: TranslationCache | null;
  /** Caches of single stages and of tables. */
  readonly #partial: readonly (TranslationCache | TableCache)[];

  constructor(options: CacheOptions, memory: PhysicalMemory, caps: Capabilities) {
    this.options = options;
    const stream = (): CachedStream => {
      const s = new CachedStream();
      s.caches = this;
      return s;
    };
    this.stages = new StageCaches(options, memory, caps.xnx);
    this.hitLane = new HitLane(this.stages.tlb?.table ?? null);
    this.walkLane = new WalkLane(memory, this.stages);
    this.config = new ConfigCache(options.ste, options.cd, stream, () => this.leaveLanes());
    this.#passing = stream();
    this.#tlb = this.stages.tlb;
    this.#partial = this.stages.all.filter((cache) => cache !== this.#tlb);
    this.tlbiVa = this.#tlb !== null && this.#partial.length === 0 ? this.#tlb.tlbiVa : () => false;
  }

  /** An object to resolve a stream into that is not to be kept. */
  get passing(): CachedStream {
    return this.#passing;
  }

  /** Make the quick ways ready for a stream. */
  enterLanes(s: CachedStream, sid: number, ssid: number): void {
    this.hitLane.enter(s, sid, ssid);
    this.walkLane.enter(s, sid, ssid);
  }

  /** What the quick ways know of a stream may no longer hold. */
  leaveLanes(): void {
    this.hitLane.leave();
    this.walkLane.leave();
  }

  /** The table behind a cache, its counts up to date, or null where it is off. */
  table(name: CacheName): TaggedCache | null {
    this.hitLane.count();
    this.walkLane.count();
    this.config.countUses();
    if (name === "ste") return this.config.stes;
    if (name === "cd") return this.config.cds;
    return this.stages[name]?.table ?? null;
  }

  cfgiSte(sid: number, _leaf: boolean): void {
    this.config.dropStreams(sid, -1);
  }

  cfgiSteRange(sid: number, range: number): void {
    this.config.dropStreams(sid, range >= 31 ? 0 : -1 << (range + 1));
  }

  cfgiCd(sid: number, ssid: number, _leaf: boolean): void {
    this.config.dropCds(sid, ssid);
  }

  cfgiCdAll(sid: number): void {
    this.config.dropCds(sid, null);
  }

  cfgiAll(): void {
    this.config.dropStreams(0, 0);
  }

  // PARTID maps of a VMS are not cached.
  vmsPidm(): void {}

  tlbi(op: TlbiOp): void {
    if (this.#tlb !== null) this.#tlb.tlbi(op);
    for (const cache of this.#partial) cache.tlbi(op);
  }

  // Device Permission Tables are not cached.
  dptiAll(): void {}
  dptiPa(): void {}

  /** Empty every cache. */
  dropAll(): void {
    this.config.dropStreams(0, 0);
    for (const cache of this.stages.all) cache.table.dropAll();
    this.#refresh();
  }

  snapshot(): SmmuCachesImage {
    return { tables: this.#tables.map((table) => table.snapshot()) };
  }

  restore(image: SmmuCachesImage): void {
    this.#tables.forEach((table, i) => {
      table.restore(image.tables[i]!);
    });
    this.#refresh();
  }

  /** Take the contents into a digest. */
  digest(into: Digest): void {
    for (const table of this.#tables) table.digest(into);
  }

  get #tables(): TaggedCache[] {
    const { stes, cds } = this.config;
    return [stes, cds, ...this.stages.all.map((cache) => cache.table)].filter((table) => table !== null);
  }

  /** Contents changed all at once: work out anew what is derived from them. */
  #refresh(): void {
    this.config.forgetResolved();
    for (const cache of this.stages.all) if (cache instanceof TranslationCache) cache.refresh();
  }
}
