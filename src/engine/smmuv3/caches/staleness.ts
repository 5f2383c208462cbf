/**
 * Which cached entries no longer say what memory says, and which commands are missing (IHI 0070 §3.21, §4.3, §4.4).
 *
 * An entry is compared with what its stream would come to now, read afresh from memory. Where that stream's
 * configuration no longer leads to the entry (it is gone, or has other tags), the descriptors the entry was made from
 * are compared with what stands in their places. What rests on memory that the session lacks counts as up to date.
 *
 * Not for hot paths: each entry costs a translation.
 */
import { S1_PAGE, S2_PAGE } from "../../../arch/smmuv3/descriptors.ts";
import { R } from "../../../arch/smmuv3/reasons.ts";
import { type Layout, locate } from "../../../base/layout.ts";
import { HOT_WORDS, type TaggedCache } from "../../common/tagged_cache.ts";
import { MemoryStatus, type PhysicalMemory } from "../../memory/physical_memory.ts";
import { ContextFetch } from "../context_fetch.ts";
import type { Smmuv3 } from "../smmu.ts";
import { StreamWorld } from "../stream_config.ts";
import { fetchSte, readStreamTable } from "../stream_table.ts";
import { End, EventClass, Translation, Updates, Want } from "../translation.ts";
import * as structures from "./config_cache.ts";
import { allowed1, allowed2, halfOf, INHERITED, leafSize, PA_HI, PAGE, WRITES } from "./leaf_read.ts";
import type { CacheName } from "./options.ts";
import { TABLE_COLD_WORDS, type TableCache, TableCold, W_AT_HI, W_AT_LO, W_PA_HI, W_PA_LO } from "./table_cache.ts";
import { CachedStream, GLOBAL, worldOfKey } from "./tags.ts";
import {
  ALLOW1_SHIFT,
  ALLOW2_SHIFT,
  COLD_WORDS,
  Cold,
  type TranslationCache,
  W_HIGH,
  W_LOW,
} from "./translation_cache.ts";

/** A command with the operands that matter; halves of an address are unsigned. */
interface MissingCommand {
  readonly command: string;
  readonly sid?: number;
  readonly ssid?: number;
  readonly vmid?: number;
  readonly asid?: number;
  readonly addressHi?: number;
  readonly addressLo?: number;
  readonly leaf?: boolean;
}

/** An entry that no longer matches memory. */
export interface StaleEntry {
  readonly cache: CacheName;
  readonly entry: number;
  /** What changed: a configuration structure, or tables of a stage. */
  readonly what: "STE" | "CD" | "stage 1" | "stage 2";
  /** Commands that would drop the entry, in the order in which software issues them. */
  readonly missing: readonly MissingCommand[];
}

const AF = 1 << locate(S1_PAGE, "AF").shift;
const AP2 = 2 << locate(S1_PAGE, "AP").shift;
const S2AP1 = 2 << locate(S2_PAGE, "S2AP").shift;
const NG = 1 << locate(S1_PAGE, "nG").shift;
const ATTRIBUTES_1 = bitsOf(S1_PAGE, "AttrIndx", "SH");
const ATTRIBUTES_2 = bitsOf(S2_PAGE, "MemAttr", "SH");
const ANY = Want.Read | Want.Write | Want.Execute;

/** Bits of the low half of a descriptor. */
function bitsOf(descriptor: Layout, ...names: string[]): number {
  return names.map((name) => locate(descriptor, name)).reduce((all, f) => all | (f.mask << f.shift), 0);
}

/** List the stale entries of every cache, in the order of the caches. */
export function staleEntries(smmu: Smmuv3, memory: PhysicalMemory): StaleEntry[] {
  return smmu.caches === null ? [] : new Comparison(smmu, memory).run();
}

/** How an entry compares with memory. */
type Verdict = "fresh" | "stage 1" | "stage 2";

class Comparison {
  readonly #smmu: Smmuv3;
  readonly #memory: PhysicalMemory;
  readonly #contexts: ContextFetch;
  readonly #t = new Translation();
  readonly #now = new CachedStream();
  readonly #words = new Uint32Array(16);
  readonly #stale: StaleEntry[] = [];
  /** StreamIDs whose cached STE is stale. */
  readonly #staleSids = new Set<number>();

  constructor(smmu: Smmuv3, memory: PhysicalMemory) {
    this.#smmu = smmu;
    this.#memory = memory;
    this.#contexts = new ContextFetch(memory, smmu.stage2, smmu.caps);
    this.#t.updates = Updates.Show;
  }

  run(): StaleEntry[] {
    const { config, stages } = this.#smmu.caches!;
    if (config.stes !== null) this.#each(config.stes, (entry) => this.#ste(config.stes!, entry));
    if (config.cds !== null) this.#each(config.cds, (entry) => this.#cd(config.cds!, entry));
    for (const name of ["tlb", "stage1", "stage2", "fetches"] as const) {
      const cache = stages[name];
      if (cache !== null) this.#each(cache.table, (entry) => this.#translation(name, cache, entry));
    }
    for (const name of ["walk1", "walk2"] as const) {
      const cache = stages[name];
      if (cache !== null) this.#each(cache.table, (entry) => this.#table(name, cache, entry));
    }
    return this.#stale;
  }

  #each(table: TaggedCache, check: (entry: number) => void): void {
    for (let entry = 0; entry < table.entries; entry++) if (table.isValid(entry)) check(entry);
  }

  #begin(sid: number, ssid: number): Translation {
    const t = this.#t;
    t.sid = sid >>> 0;
    t.ssv = ssid >= 0;
    t.ssid = Math.max(ssid, 0);
    t.write = false;
    t.instruction = false;
    t.privileged = false;
    t.begin();
    t.want = ANY;
    return t;
  }

  #ste(stes: TaggedCache, entry: number): void {
    const { registers, caps } = this.#smmu;
    const sid = stes.hot[entry * HOT_WORDS]! >>> 0;
    const t = this.#begin(sid, -1);
    const found = fetchSte(this.#memory, readStreamTable(registers, caps), false, t, null, this.#words);
    if (t.end === End.Unknown) return;
    const { place } = t;
    const moved = !found || !wordsAre(stes, entry, structures.W_PA_HI, structures.W_PA_LO, place.paHi, place.paLo);
    if (!moved && this.#same(stes, entry)) return;
    this.#staleSids.add(sid);
    this.#stale.push({ cache: "ste", entry, what: "STE", missing: [{ command: "CMD_CFGI_STE", sid, leaf: !moved }] });
  }

  #cd(cds: TaggedCache, entry: number): void {
    const sid = cds.hot[entry * HOT_WORDS]! >>> 0;
    const index = cds.hot[entry * HOT_WORDS + 2]!;
    const now = this.#now;
    const t = this.#begin(sid, -1);
    const reachable = this.#smmu.resolver.resolveSte(t, null, now) && now.stage1 && modelled(now);
    const found = reachable && this.#contexts.fetch(t, now, null, now.ste, index, this.#words);
    if (t.end === End.Unknown) return;
    const { place } = t;
    const moved = !found || !wordsAre(cds, entry, structures.W_PA_HI, structures.W_PA_LO, place.paHi, place.paLo);
    if (!moved && this.#same(cds, entry)) return;
    // An STE that leads elsewhere takes its CDs with it.
    const bySte = !reachable || this.#staleSids.has(sid);
    const missing: MissingCommand = bySte
      ? { command: "CMD_CFGI_STE", sid, leaf: true }
      : { command: "CMD_CFGI_CD", sid, ssid: index, leaf: !moved };
    const sameIpa = found && wordsAre(cds, entry, structures.W_AT_HI, structures.W_AT_LO, place.atHi, place.atLo);
    const byStage2 = found ? moved && sameIpa : t.stage === 2;
    this.#stale.push({ cache: "cd", entry, what: bySte ? "STE" : byStage2 ? "stage 2" : "CD", missing: [missing] });
  }

  #same(table: TaggedCache, entry: number): boolean {
    const from = entry * table.coldWords;
    return this.#words.every((word, i) => word === table.cold[from + i]! >>> 0);
  }

  /** Resolve the stream that filled an entry, from memory. @returns null where it no longer leads to the entry */
  #streamOf(sid: number, ssid: number, table: TaggedCache, entry: number, byIpa: boolean): CachedStream | null {
    const now = this.#now;
    const t = this.#begin(sid, ssid);
    const { resolver, caps } = this.#smmu;
    // What is known by IPA depends on no CD: stage 2 may stand in the way of that itself.
    if (!resolver.resolveSte(t, null, now) || !modelled(now)) return null;
    if (!byIpa && !resolver.resolveContext(t, null, now)) return null;
    now.setTags(caps);
    const at = entry * HOT_WORDS;
    const key1 = table.hot[at + 1]!;
    const ids = table.hot[at + 2]!;
    if (byIpa) return now.stage2 && now.ipaIds === ids ? now : null;
    const own = (key1 & GLOBAL) !== 0 ? ids >>> 16 === now.ids >>> 16 : ids === now.ids;
    return own && worldOfKey(key1) === now.world && now.tagged ? now : null;
  }

  #translation(name: CacheName, cache: TranslationCache, entry: number): void {
    const { hot, cold } = cache.table;
    const from = entry * COLD_WORDS;
    const sid = cold[from + Cold.Sid]! >>> 0;
    const byIpa = cache.leafSizeLg2(entry, 1) === 64;
    const s = this.#streamOf(sid, cold[from + Cold.Ssid]!, cache.table, entry, byIpa);
    const kindNow = s === null ? 0 : (s.stage1 ? 1 : 0) | (s.stage2 ? 2 : 0);
    const needs = (byIpa ? 0 : 1) | (cache.leafSizeLg2(entry, 2) === 64 ? 0 : 2);
    const usable = s !== null && (name === "stage1" ? s.stage1 : (kindNow & needs) === needs);
    const verdict = usable ? this.#walkAgain(name, s, cache, entry) : this.#readAgain(cache, entry);
    if (verdict === "fresh") return;
    const vmid = hot[entry * HOT_WORDS + 2]! >>> 16;
    const hi = cache.addressHi(entry) >>> 0;
    const lo = cache.addressLo(entry) >>> 0;
    const ipa = byIpa
      ? { addressHi: hi, addressLo: lo }
      : { addressHi: cold[from + Cold.IpaHi]! >>> 0, addressLo: (cold[from + Cold.IpaLo]! & PAGE) >>> 0 };
    const byStage2: MissingCommand = { command: "CMD_TLBI_S2_IPA", vmid, ...ipa, leaf: true };
    const byVa = this.#byVa(hot[entry * HOT_WORDS + 1]!, hot[entry * HOT_WORDS + 2]!, hi, lo, true);
    const missing = byIpa ? [byStage2] : verdict === "stage 2" ? [byStage2, byVa] : [byVa];
    this.#stale.push({ cache: name, entry, what: verdict, missing });
  }

  /** The invalidation of stage 1 by address that reaches an entry with these key words. */
  #byVa(key1: number, ids: number, addressHi: number, addressLo: number, leaf: boolean): MissingCommand {
    const address = { addressHi, addressLo, leaf };
    const vmid = ids >>> 16;
    const asid = ids & 0xffff;
    const world = worldOfKey(key1);
    const global = (key1 & GLOBAL) !== 0;
    if (world === StreamWorld.EL2) return { command: "CMD_TLBI_EL2_VA", ...address };
    if (world === StreamWorld.EL2_E2H) {
      return global ? { command: "CMD_TLBI_EL2_VAA", ...address } : { command: "CMD_TLBI_EL2_VA", asid, ...address };
    }
    return global
      ? { command: "CMD_TLBI_NH_VAA", vmid, ...address }
      : { command: "CMD_TLBI_NH_VA", vmid, asid, ...address };
  }

  /** Translate the entry's first address now, without caches, and compare. */
  #walkAgain(name: CacheName, s: CachedStream, cache: TranslationCache, entry: number): Verdict {
    const { stage1, stage2 } = this.#smmu;
    const { hot, cold } = cache.table;
    const t = this.#t;
    const at = entry * HOT_WORDS;
    const from = entry * COLD_WORDS;
    const high = hot[at + W_HIGH]!;
    const [allow1, allow2] = [(high >>> ALLOW1_SHIFT) & 0x3f, (high >>> ALLOW2_SHIFT) & 0x3f];
    t.begin();
    t.want = ANY;
    let hi = cache.addressHi(entry);
    let lo = cache.addressLo(entry);
    if (cache.leafSizeLg2(entry, 1) !== 64) {
      t.iovaHi = hi;
      t.iovaLo = lo;
      // Whoever has a permission at all: a leaf that gives the other one none is no fault then.
      t.privileged = (allow1 & 7) === 0;
      if (!stage1.translate(t, s, null)) return t.end === End.Unknown ? "fresh" : this.#stageOf(t);
      if (this.#leaf1Changed(s, cache, entry, allow1)) return "stage 1";
      hi = stage1.outHi;
      lo = stage1.outLo;
      if (name === "tlb" && s.stage2) {
        const size = Math.min(t.sizeLg2Stage1, cache.sizeLg2(entry));
        const sameIpa = inBlock(hi, lo, cold[from + Cold.IpaHi]!, cold[from + Cold.IpaLo]!, size);
        if (!sameIpa) return "stage 1";
      } else if (!this.#sameOutput(cache, entry, hi, lo)) return "stage 1";
      if (name === "stage1") return "fresh";
    }
    if (cache.leafSizeLg2(entry, 2) === 64) return "fresh";
    t.privileged = (allow2 & 7) === 0;
    const forClass = name === "fetches" ? EventClass.TT : EventClass.IN;
    if (!stage2.translate(t, s, null, hi, lo, forClass)) return t.end === End.Unknown ? "fresh" : "stage 2";
    const c = stage2.cursor;
    const now = allowed2(c.lo, c.hi, this.#smmu.caps.xnx, s.s2Hd);
    const changed =
      leafSize(s.s2, c) !== cache.leafSizeLg2(entry, 2) ||
      differs(now, allow2, s.s2Hd) ||
      ((c.lo ^ cold[from + Cold.Value2Lo]!) & ATTRIBUTES_2) !== 0 ||
      !this.#sameOutput(cache, entry, stage2.paHi, stage2.paLo);
    return changed ? "stage 2" : "fresh";
  }

  #stageOf(t: Translation): Verdict {
    return t.stage === 2 ? "stage 2" : "stage 1";
  }

  #leaf1Changed(s: CachedStream, cache: TranslationCache, entry: number, allow1: number): boolean {
    const c = this.#smmu.stage1.cursor;
    const t = this.#t;
    const base = halfOf(t, s);
    const now = allowed1(c.lo, c.hi, c.inherited & base.hierarchy, base.e0pd, s);
    const { hot, cold } = cache.table;
    const global = s.hasAsid && (c.lo & NG) === 0;
    return (
      t.sizeLg2Stage1 !== cache.leafSizeLg2(entry, 1) ||
      differs(now, allow1, s.hd) ||
      global !== ((hot[entry * HOT_WORDS + 1]! & GLOBAL) !== 0) ||
      ((c.lo ^ cold[entry * COLD_WORDS + Cold.Value1Lo]!) & ATTRIBUTES_1) !== 0
    );
  }

  #sameOutput(cache: TranslationCache, entry: number, hi: number, lo: number): boolean {
    const { hot } = cache.table;
    const size = cache.sizeLg2(entry);
    const [outHi, outLo] = [hot[entry * HOT_WORDS + W_HIGH]! & PA_HI, hot[entry * HOT_WORDS + W_LOW]! & PAGE];
    return inBlock(hi, lo, outHi, outLo, size);
  }

  /** Compare the descriptors that an entry was made from with what stands there now; hardware may have marked them. */
  #readAgain(cache: TranslationCache, entry: number): Verdict {
    for (const stage of [1, 2] as const) {
      if (cache.leafSizeLg2(entry, stage) === 64) continue;
      const leaf = { atHi: 0, atLo: 0, hi: 0, lo: 0, size: 0 };
      cache.readLeaf(entry, stage, leaf);
      const status = this.#memory.read64(leaf.atHi, leaf.atLo);
      if (status === MemoryStatus.Unknown) continue;
      const marks = AF | (stage === 1 ? AP2 : S2AP1);
      const same = ((this.#memory.lo ^ leaf.lo) & ~marks) === 0 && this.#memory.hi === leaf.hi;
      if (status !== MemoryStatus.Ok || !same) return stage === 1 ? "stage 1" : "stage 2";
    }
    return "fresh";
  }

  #table(name: "walk1" | "walk2", cache: TableCache, entry: number): void {
    const { hot, cold } = cache.table;
    const at = entry * HOT_WORDS;
    const from = entry * TABLE_COLD_WORDS;
    const s = this.#streamOf(
      cold[from + TableCold.Sid]! >>> 0,
      cold[from + TableCold.Ssid]!,
      cache.table,
      entry,
      name === "walk2",
    );
    if (s === null || (name === "walk1" && !s.stage1)) return;
    const [hi, lo] = [cache.addressHi(entry), cache.addressLo(entry)];
    const verdict = name === "walk1" ? this.#table1(s, cache, entry, hi, lo) : this.#table2(s, cache, entry, hi, lo);
    if (verdict === "fresh") return;
    const vmid = hot[at + 2]! >>> 16;
    const address = { addressHi: hi >>> 0, addressLo: lo >>> 0 };
    const ipa = { addressHi: hot[at + W_AT_HI]! >>> 0, addressLo: hot[at + W_AT_LO]! >>> 0 };
    const byVa = this.#byVa(hot[at + 1]!, hot[at + 2]!, address.addressHi, address.addressLo, false);
    const missing: readonly MissingCommand[] =
      name === "walk2"
        ? [{ command: "CMD_TLBI_S2_IPA", vmid, ...address, leaf: false }]
        : verdict === "stage 2"
          ? [
              { command: "CMD_TLBI_S2_IPA", vmid, ...ipa, leaf: true },
              { command: "CMD_TLBI_NH_ALL", vmid },
            ]
          : [byVa];
    this.#stale.push({ cache: name, entry, what: verdict, missing });
  }

  #table1(s: CachedStream, cache: TableCache, entry: number, hi: number, lo: number): Verdict {
    const { stage1, stage2 } = this.#smmu;
    const { hot } = cache.table;
    const at = entry * HOT_WORDS;
    const t = this.#t;
    t.begin();
    t.want = ANY;
    t.privileged = true;
    t.iovaHi = hi;
    t.iovaLo = lo;
    stage1.translate(t, s, null);
    if (isUnknown(t)) return "fresh";
    if (t.reason === R.EPD || t.reason === R.VA_RANGE) return "stage 1";
    const c = stage1.cursor;
    const there =
      c.level === 0 &&
      c.tableHi === hot[at + W_AT_HI] &&
      c.tableLo === hot[at + W_AT_LO] &&
      ((c.inherited ^ hot[at + W_PA_HI]!) & INHERITED) === 0;
    if (!there) return t.end === End.Ok ? "stage 1" : this.#stageOf(t);
    if (!s.stage2 || (hot[at + W_PA_LO]! & 1) === 0) return "fresh";
    t.begin();
    t.want = ANY;
    const placed = stage2.translate(t, s, null, hot[at + W_AT_HI]!, hot[at + W_AT_LO]!, EventClass.TT);
    if (isUnknown(t)) return "fresh";
    const same = placed && stage2.paHi === (hot[at + W_PA_HI]! & PA_HI) && stage2.paLo === (hot[at + W_PA_LO]! & PAGE);
    return same ? "fresh" : "stage 2";
  }

  #table2(s: CachedStream, cache: TableCache, entry: number, hi: number, lo: number): Verdict {
    const { stage2 } = this.#smmu;
    const { hot } = cache.table;
    const at = entry * HOT_WORDS;
    const t = this.#t;
    t.begin();
    t.want = ANY;
    stage2.translate(t, s, null, hi, lo, EventClass.IN);
    if (t.end === End.Unknown) return "fresh";
    const c = stage2.cursor;
    const same = c.level === 0 && c.tableHi === hot[at + W_AT_HI] && c.tableLo === hot[at + W_AT_LO];
    return same ? "fresh" : "stage 2";
  }
}

const isUnknown = (t: Translation): boolean => t.end === End.Unknown;

/** The stage-2 tables of a stream, where it has some, are of a format that can be walked. */
const modelled = (s: CachedStream): boolean => !s.stage2 || s.s2.fmt !== null;

/** Two words of an entry hold this address. */
const wordsAre = (table: TaggedCache, entry: number, wHi: number, wLo: number, hi: number, lo: number): boolean =>
  table.hot[entry * HOT_WORDS + wLo] === (lo | 0) && table.hot[entry * HOT_WORDS + wHi] === (hi | 0);

/** Permissions differ; where hardware manages the dirty state, an entry may lack what the next write will get. */
const differs = (now: number, kept: number, hd: boolean): boolean =>
  hd ? ((now ^ kept) & ~WRITES) !== 0 || (kept & WRITES & ~now) !== 0 : now !== kept;

/** Two addresses lie in the same block of 2^size bytes. */
function inBlock(hi: number, lo: number, otherHi: number, otherLo: number, size: number): boolean {
  if (size >= 32) return (hi ^ otherHi) >> Math.min(31, size - 32) === 0;
  return hi === otherHi && (lo ^ otherLo) >> size === 0;
}
