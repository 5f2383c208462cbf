/**
 * TLBs and walk caches as the stages of a translation use them: looked into before a walk, filled after one.
 *
 * Entries are filled by transactions only, not by somebody who looks (`Updates.Show`), nor by look-ups that leave
 * descriptors as they are though hardware should update them (`Updates.Inhibit`).
 *
 * CHOICE(tlb-permission): an entry that does not allow an access is no answer: the tables are walked again.
 */
import { S1_PAGE, S1_TABLE } from "../../../arch/smmuv3/descriptors.ts";
import { locate } from "../../../base/layout.ts";
import type { Cursor } from "../../../pagetable/walk.ts";
import { CacheCount, HOT_WORDS } from "../../common/tagged_cache.ts";
import type { TraceRecorder } from "../../common/trace_recorder.ts";
import { FRAME_WORDS, type PhysicalMemory } from "../../memory/physical_memory.ts";
import { stage1Permissions, stage2IsDevice, stage2Permissions } from "../leaf.ts";
import type { TableBase } from "../stream_config.ts";
import { End, type Translation, Updates, Want } from "../translation.ts";
import { traceLeaf } from "./cache_traces.ts";
import {
  ALLOWS_ALL,
  allowed1,
  allowed2,
  halfOf,
  INHERITED,
  LeafRead,
  leafSize,
  NO_LEAF,
  PA_HI,
  PAGE,
  WRITES,
  writeEntry,
} from "./leaf_read.ts";
import type { CacheOptions } from "./options.ts";
import { TABLE_COLD_WORDS, TableCache, TableCold, W_AT_HI, W_AT_LO, W_PA_HI, W_PA_LO, W_WORDS } from "./table_cache.ts";
import { type CachedStream, IPA_KEY1, idsHash, idsOf } from "./tags.ts";
import { ALLOW1_SHIFT, ALLOW2_SHIFT, TranslationCache, W_HIGH, W_LOW } from "./translation_cache.ts";

const AP_TABLE = locate(S1_TABLE, "APTable").mask << locate(S1_TABLE, "APTable").shift;
const NG = 1 << locate(S1_PAGE, "nG").shift;

export class StageCaches {
  readonly tlb: TranslationCache | null;
  readonly stage1: TranslationCache | null;
  readonly stage2: TranslationCache | null;
  readonly fetches: TranslationCache | null;
  readonly walk1: TableCache | null;
  readonly walk2: TableCache | null;
  /** Output of the last {@link hit1} or {@link hit2}. */
  outHi = 0;
  outLo = 0;
  /** PA of the table that {@link resume1} went to, where {@link placed} says that it is known. */
  tableHi = 0;
  tableLo = 0;
  placed = false;
  readonly #off: boolean;
  readonly #keepsLeaves: boolean;
  readonly #memory: PhysicalMemory;
  readonly #xnx: boolean;
  /** The leaves of this translation, and the stage-2 leaf beneath what was last fetched for it. */
  readonly #leaf1 = new LeafRead();
  readonly #leaf2 = new LeafRead();
  readonly #fetch = new LeafRead();
  /** Output of stage 1. */
  #ipaHi = 0;
  #ipaLo = 0;
  #global = false;
  /** The leaves came from a cache of their stage, or the last-level table of stage 1 did. */
  #hit1 = false;
  #hit2 = false;
  #resumed1 = false;
  /** The stage-2 walk in progress began at a table that was known. */
  #resumed2 = false;

  /** @param xnx IDR3.XNX */
  constructor(options: CacheOptions, memory: PhysicalMemory, xnx: boolean) {
    const translations = (name: "tlb" | "stage1" | "stage2" | "fetches"): TranslationCache | null => {
      const geometry = options[name];
      return geometry === null ? null : new TranslationCache(geometry);
    };
    this.tlb = translations("tlb");
    this.stage1 = translations("stage1");
    this.stage2 = translations("stage2");
    this.fetches = translations("fetches");
    this.walk1 = options.walk1 === null ? null : new TableCache(options.walk1);
    this.walk2 = options.walk2 === null ? null : new TableCache(options.walk2);
    this.#memory = memory;
    this.#xnx = xnx;
    this.#off = this.all.length === 0;
    this.#keepsLeaves = this.tlb !== null || this.stage1 !== null || this.stage2 !== null;
  }

  /** No translation and no table is kept. */
  get isOff(): boolean {
    return this.#off;
  }

  /** Some cache keeps leaves of transactions. */
  get keepsLeaves(): boolean {
    return this.#keepsLeaves;
  }

  /** Every cache of translations and of tables there is. */
  get all(): readonly (TranslationCache | TableCache)[] {
    const caches = [this.tlb, this.stage1, this.stage2, this.fetches, this.walk1, this.walk2];
    return caches.filter((cache) => cache !== null);
  }

  /**
   * Answer a whole transaction from the TLB: `t.end`, the PA and `t.tlbEntry` are set, {@link details} has the rest.
   * @returns false when the tables have to be walked
   */
  hit(t: Translation, s: CachedStream): boolean {
    const tlb = this.tlb;
    if (tlb === null) return false;
    const hi = s.topByte ? s.tagHi(t.iovaHi) : t.iovaHi;
    const entry = tlb.find(s, hi, t.iovaLo);
    if (entry < 0) return count(t, tlb, CacheCount.Misses);
    const high = tlb.table.hot[entry * HOT_WORDS + W_HIGH]!;
    const allowed = high >>> (t.privileged ? ALLOW1_SHIFT + 3 : ALLOW1_SHIFT);
    if ((allowed & (allowed >>> (ALLOW2_SHIFT - ALLOW1_SHIFT)) & t.want) === 0) {
      return count(t, tlb, CacheCount.Misses);
    }
    this.#output(tlb, entry, hi, t.iovaLo);
    t.paHi = this.outHi;
    t.paLo = this.outLo;
    t.tlbEntry = entry;
    t.end = End.Ok;
    return use(t, tlb, entry);
  }

  /**
   * Fill in what the quick ways left out of `t`: permissions, sizes, leaves as they were read.
   * @param s the stream of the transaction
   */
  details(t: Translation, s: CachedStream): void {
    const { tlbEntry, walkEntry } = t;
    if (tlbEntry >= 0) this.#detailsOfEntry(t, tlbEntry);
    else if (walkEntry >= 0) this.#detailsOfWalk(t, s, walkEntry);
  }

  #detailsOfEntry(t: Translation, entry: number): void {
    const tlb = this.tlb!;
    t.begin();
    t.tlbEntry = entry;
    const high = tlb.table.hot[entry * HOT_WORDS + W_HIGH]!;
    const shift = t.privileged ? 3 : 0;
    t.permissions1 = (high >>> (ALLOW1_SHIFT + shift)) & 7;
    t.permissions2 = (high >>> (ALLOW2_SHIFT + shift)) & 7;
    t.sizeLg2Stage1 = tlb.leafSizeLg2(entry, 1);
    t.sizeLg2Stage2 = tlb.leafSizeLg2(entry, 2);
    tlb.readLeaf(entry, 1, this.#leaf1);
    t.leaf1Lo = this.#leaf1.lo;
    t.leaf1Hi = this.#leaf1.hi;
    tlb.readLeaf(entry, 2, this.#leaf2);
    t.leaf2Lo = this.#leaf2.lo;
    t.leaf2Hi = this.#leaf2.hi;
  }

  #detailsOfWalk(t: Translation, s: CachedStream, entry: number): void {
    const { leaf1Hi, leaf1Lo, leaf2Hi, leaf2Lo } = t;
    t.begin();
    t.walkEntry = entry;
    t.leaf1Hi = leaf1Hi;
    t.leaf1Lo = leaf1Lo;
    t.leaf2Hi = leaf2Hi;
    t.leaf2Lo = leaf2Lo;
    t.sizeLg2Stage1 = 12;
    t.sizeLg2Stage2 = 12;
    const inherited = this.walk1!.table.hot[entry * HOT_WORDS + W_PA_HI]! & halfOf(t, s).hierarchy;
    t.permissions1 = stage1Permissions(leaf1Lo, leaf1Hi, inherited, t.privileged, s);
    t.permissions2 = stage2Permissions(leaf2Lo, leaf2Hi, t.privileged, this.#xnx);
  }

  /** The tables are about to be walked: nothing is known of the leaves yet. */
  begin(): void {
    this.#hit1 = false;
    this.#hit2 = false;
    this.#resumed1 = false;
    this.#global = false;
    this.#leaf1.clear();
    this.#leaf2.clear();
  }

  /** Stage 1 by itself, under a stage 2. @returns false when it has to be walked */
  hit1(t: Translation, s: CachedStream): boolean {
    const cache = this.stage1;
    if (cache === null || !s.stage2) return false;
    const hi = s.tagHi(t.iovaHi);
    const entry = cache.find(s, hi, t.iovaLo);
    if (entry < 0) return count(t, cache, CacheCount.Misses);
    const allow = (cache.table.hot[entry * HOT_WORDS + W_HIGH]! >>> ALLOW1_SHIFT) & ALLOWS_ALL;
    const allowed = (allow >>> (t.privileged ? 3 : 0)) & 7;
    if ((allowed & t.want) === 0) return count(t, cache, CacheCount.Misses);
    const leaf = this.#leaf1;
    cache.readLeaf(entry, 1, leaf);
    leaf.allow = allow;
    this.#output(cache, entry, hi, t.iovaLo);
    this.#ipaHi = this.outHi;
    this.#ipaLo = this.outLo;
    this.#global = s.hasAsid && (leaf.lo & NG) === 0;
    this.#hit1 = true;
    t.permissions1 = allowed;
    t.sizeLg2Stage1 = leaf.size;
    t.leaf1Lo = leaf.lo;
    t.leaf1Hi = leaf.hi;
    return use(t, cache, entry);
  }

  /**
   * Stage 2 of the transaction's address, or of one that the SMMU reads at. On a hit `c` holds the leaf as it was read.
   * @param own the address is the transaction's
   * @returns false when it has to be walked
   */
  hit2(t: Translation, s: CachedStream, c: Cursor, hi: number, lo: number, own: boolean): boolean {
    const cache = own ? this.stage2 : this.fetches;
    if (cache === null || (own && !s.stage1)) return false;
    const entry = cache.findIpa(s.vmid, hi, lo);
    if (entry < 0) return count(t, cache, CacheCount.Misses);
    const allow = (cache.table.hot[entry * HOT_WORDS + W_HIGH]! >>> ALLOW2_SHIFT) & ALLOWS_ALL;
    const allowed = (allow >>> (t.privileged ? 3 : 0)) & 7;
    if ((allowed & (own ? t.want : Want.Read)) === 0) return count(t, cache, CacheCount.Misses);
    const leaf = own ? this.#leaf2 : this.#fetch;
    cache.readLeaf(entry, 2, leaf);
    if (!own && s.s2ProtectWalks && stage2IsDevice(leaf.lo, s.s2Fwb)) return false;
    leaf.allow = allow;
    this.#output(cache, entry, hi, lo);
    c.atLo = leaf.atLo;
    c.atHi = leaf.atHi;
    c.lo = leaf.lo;
    c.hi = leaf.hi;
    if (own) {
      this.#hit2 = true;
      t.permissions2 = allowed;
      t.sizeLg2Stage2 = leaf.size;
      t.leaf2Lo = leaf.lo;
      t.leaf2Hi = leaf.hi;
    }
    return use(t, cache, entry);
  }

  /** Put the cursor of stage 1 at the last-level table, if it is known. @returns whether it is */
  resume1(t: Translation, s: CachedStream, base: TableBase, c: Cursor): boolean {
    this.placed = false;
    const cache = this.walk1;
    // Hardware that updates descriptors has to see what stage 2 says of each.
    if (cache === null || base.level === 0 || s.ha) return false;
    const granule = base.fmt!.granuleLg2;
    const entry = cache.find(s.key1, s.ids, s.hash, granule, s.tagHi(t.iovaHi), t.iovaLo);
    if (!take(t, cache, entry, granule, c)) return false;
    const at = entry * HOT_WORDS;
    const { hot } = cache.table;
    c.inherited = hot[at + W_PA_HI]! & INHERITED;
    this.placed = (hot[at + W_PA_LO]! & 1) !== 0;
    this.tableLo = hot[at + W_PA_LO]! & PAGE;
    this.tableHi = hot[at + W_PA_HI]! & PA_HI;
    this.#resumed1 = true;
    return true;
  }

  /** Put the cursor of stage 2 at the last-level table, if it is known. @returns whether it is */
  resume2(t: Translation, s: CachedStream, c: Cursor): boolean {
    const cache = this.walk2;
    this.#resumed2 = false;
    if (cache === null || s.s2.level === 0) return false;
    const granule = s.s2.fmt!.granuleLg2;
    const entry = cache.find(IPA_KEY1, idsOf(0, s.vmid), idsHash(0, s.vmid), granule, c.vaHi, c.vaLo);
    this.#resumed2 = take(t, cache, entry, granule, c);
    return this.#resumed2;
  }

  /** Stage 1 was walked to a leaf, which lies at a PA. */
  walked1(t: Translation, s: CachedStream, base: TableBase, c: Cursor, atHi: number, atLo: number): void {
    const inherited = c.inherited & base.hierarchy;
    const allow = allowed1(c.lo, c.hi, inherited, base.e0pd, s);
    this.#leaf1.set(atHi, atLo, c.hi, c.lo, allow, leafSize(base, c));
    this.#ipaHi = c.outHi;
    this.#ipaLo = c.outLo;
    this.#global = s.hasAsid && (c.lo & NG) === 0;
    const { walk1 } = this;
    if (walk1 === null || t.updates !== Updates.Make || this.#resumed1) return;
    if (c.level !== 0 || base.level === 0 || s.ha) return;
    const granule = base.fmt!.granuleLg2;
    const entry = walk1.fill(s.key1, s.ids, s.hash, granule, s.tagHi(t.iovaHi), t.iovaLo);
    // A table larger than the stage-2 page beneath its last entry may lie anywhere else with its other pages.
    const placed = !s.stage2 || this.#fetch.size >= granule;
    const paLo = atLo & (-1 << granule);
    // Unprivileged accesses that E0PD keeps out, or APTable, are none that the shortest walk should see.
    const plain = placed && granule === 12 && !base.e0pd && (c.inherited & AP_TABLE) === 0;
    this.#writeTable(t, walk1, entry, c, atHi, paLo, plain, (paLo & PAGE) | (placed ? 1 : 0));
  }

  /** Stage 2 was walked to a leaf; `own` as in {@link hit2}. */
  walked2(t: Translation, s: CachedStream, c: Cursor, own: boolean): void {
    const { s2 } = s;
    const allow = allowed2(c.lo, c.hi, this.#xnx, s.s2Hd);
    const leaf = own ? this.#leaf2 : this.#fetch;
    leaf.set(c.atHi, c.atLo, c.hi, c.lo, allow, leafSize(s2, c));
    if (t.updates !== Updates.Make) return;
    const { fetches, walk2 } = this;
    if (!own && fetches !== null) {
      const entry = fetches.fillIpa(s.vmid, c.vaHi, c.vaLo, leaf.size);
      writeEntry(t, fetches, entry, c.outHi, c.outLo, NO_LEAF, leaf, 0, 0);
    }
    if (walk2 === null || this.#resumed2 || c.level !== 0 || s2.level === 0) return;
    const granule = s2.fmt!.granuleLg2;
    const entry = walk2.fill(IPA_KEY1, idsOf(0, s.vmid), idsHash(0, s.vmid), granule, c.vaHi, c.vaLo);
    this.#writeTable(t, walk2, entry, c, c.tableHi, c.tableLo, granule === 12, c.tableLo | 1);
  }

  /**
   * The shortest walk let a transaction pass, from tables that entries of the walk caches know: keep its leaves, which
   * are 4 KiB pages with nothing to update.
   */
  reached(t: Translation, s: CachedStream, entry1: number, entry2: number): void {
    const inherited = this.walk1!.table.hot[entry1 * HOT_WORDS + W_PA_HI]! & halfOf(t, s).hierarchy;
    t.clean = 0;
    this.begin();
    const [hot1, hot2] = [this.walk1!.table.hot, this.walk2!.table.hot];
    const [at1, at2] = [entry1 * HOT_WORDS, entry2 * HOT_WORDS];
    const { leaf1Hi, leaf1Lo, leaf2Hi, leaf2Lo } = t;
    this.#ipaHi = leaf1Hi & 0xffff;
    this.#ipaLo = (leaf1Lo & PAGE) | (t.iovaLo & ~PAGE);
    const read1 = (hot1[at1 + W_PA_LO]! & PAGE) | ((t.iovaLo >>> 9) & 0xff8);
    const read2 = (hot2[at2 + W_PA_LO]! & PAGE) | ((this.#ipaLo >>> 9) & 0xff8);
    const allow1 = allowed1(leaf1Lo, leaf1Hi, inherited, false, s);
    const allow2 = allowed2(leaf2Lo, leaf2Hi, this.#xnx, false);
    this.#leaf1.set(hot1[at1 + W_PA_HI]! & PA_HI, read1, leaf1Hi, leaf1Lo, allow1, 12);
    this.#leaf2.set(hot2[at2 + W_PA_HI]! & PA_HI, read2, leaf2Hi, leaf2Lo, allow2, 12);
    this.#global = s.hasAsid && (leaf1Lo & NG) === 0;
    this.passed(t, s);
  }

  /** The transaction passed, and what hardware updates for it is done: keep its leaves. */
  passed(t: Translation, s: CachedStream): void {
    if (t.updates !== Updates.Make) return;
    const { stage1, stage2, tlb } = this;
    const [leaf1, leaf2] = [this.#leaf1, this.#leaf2];
    // A leaf that is clean still may be written, but not without a look at it.
    if ((t.clean & 1) !== 0) leaf1.allow &= ~WRITES;
    if ((t.clean & 2) !== 0) leaf2.allow &= ~WRITES;
    const hi = s.tagHi(t.iovaHi);
    const lo = t.iovaLo;
    const [ipaHi, ipaLo] = [this.#ipaHi, this.#ipaLo];
    const nested = s.stage1 && s.stage2;
    if (stage1 !== null && nested && !this.#hit1) {
      const entry = stage1.fill(s, this.#global, hi, lo, leaf1.size, leaf1.size);
      writeEntry(t, stage1, entry, ipaHi, ipaLo, leaf1, NO_LEAF, 0, 0);
    }
    if (stage2 !== null && nested && !this.#hit2) {
      const entry = stage2.fillIpa(s.vmid, ipaHi, ipaLo, leaf2.size);
      writeEntry(t, stage2, entry, t.paHi, t.paLo, NO_LEAF, leaf2, 0, 0);
    }
    if (tlb !== null) {
      const entry = tlb.fill(s, this.#global, hi, lo, Math.min(leaf1.size, leaf2.size), leaf1.size);
      writeEntry(t, tlb, entry, t.paHi, t.paLo, leaf1, leaf2, nested ? ipaHi : 0, nested ? ipaLo : 0);
    }
  }

  /**
   * Record the leaf of the last {@link hit1} or {@link hit2} in a trace.
   * @param own as in {@link hit2}
   */
  traceHit(trace: TraceRecorder, stage: 1 | 2, own: boolean, inputHi: number, inputLo: number): void {
    const leaf = stage === 1 ? this.#leaf1 : own ? this.#leaf2 : this.#fetch;
    traceLeaf(trace, leaf, stage, inputHi, inputLo, this.outHi, this.outLo);
  }

  /** The output of an entry for an input address. */
  #output(cache: TranslationCache, entry: number, hi: number, lo: number): void {
    const at = entry * HOT_WORDS;
    const low = cache.table.hot[at + W_LOW]!;
    const high = cache.table.hot[at + W_HIGH]!;
    const size = cache.sizeLg2(entry);
    const insideLo = size < 32 ? (1 << size) - 1 : -1;
    const insideHi = size > 32 ? (1 << (size - 32)) - 1 : 0;
    this.outLo = (low & ~insideLo) | (lo & insideLo);
    this.outHi = (high & PA_HI & ~insideHi) | (hi & insideHi);
  }

  /** Write what an entry says of a last-level table: the cursor is at it. `plain`: the shortest walk may use it. */
  #writeTable(
    t: Translation,
    cache: TableCache,
    entry: number,
    c: Cursor,
    paHi: number,
    paLo: number,
    plain: boolean,
    low: number,
  ): void {
    const { hot, cold } = cache.table;
    const at = entry * HOT_WORDS;
    hot[at + W_PA_LO] = low;
    hot[at + W_PA_HI] = (paHi & PA_HI) | (c.inherited & INHERITED);
    hot[at + W_AT_LO] = c.tableLo;
    hot[at + W_AT_HI] = c.tableHi;
    hot[at + W_WORDS] = plain ? this.#memory.wholeFrame(paHi, paLo) * FRAME_WORDS : 0;
    cold[entry * TABLE_COLD_WORDS + TableCold.Sid] = t.sid;
    cold[entry * TABLE_COLD_WORDS + TableCold.Ssid] = t.ssv ? t.ssid : -1;
  }
}

/** Put a cursor at the last-level table of an entry. @returns false when there is none */
function take(t: Translation, cache: TableCache, entry: number, granuleLg2: number, c: Cursor): boolean {
  if (entry < 0) return count(t, cache, CacheCount.Misses);
  c.tableLo = cache.table.hot[entry * HOT_WORDS + W_AT_LO]!;
  c.tableHi = cache.table.hot[entry * HOT_WORDS + W_AT_HI]!;
  c.level = 0;
  c.rootMask = (1 << (granuleLg2 - 3)) - 1;
  return use(t, cache, entry);
}

/** Count for a transaction, not for somebody who looks. @returns false, for the caller to return */
function count(t: Translation, cache: TranslationCache | TableCache, what: CacheCount): false {
  if (t.updates === Updates.Make) cache.table.counts[what]!++;
  return false;
}

/** Note a hit of a transaction. @returns true, for the caller to return */
function use(t: Translation, cache: TranslationCache | TableCache, entry: number): true {
  if (t.updates === Updates.Make) {
    cache.table.counts[CacheCount.Hits]!++;
    cache.table.used(entry);
  }
  return true;
}
