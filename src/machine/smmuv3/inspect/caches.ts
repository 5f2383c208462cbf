/** The caches of an SMMUv3 as a page looks at them (IHI 0070 §16.2; §3.17 for the tags). */

import { join } from "../../../base/halves.ts";
import type { TaggedCache } from "../../../engine/common/tagged_cache.ts";
import { HOT_WORDS } from "../../../engine/common/tagged_cache.ts";
import * as structures from "../../../engine/smmuv3/caches/config_cache.ts";
import { PA_HI } from "../../../engine/smmuv3/caches/leaf_read.ts";
import { CACHE_NAMES, type CacheName } from "../../../engine/smmuv3/caches/options.ts";
import type { SmmuCaches } from "../../../engine/smmuv3/caches/smmu_caches.ts";
import {
  TABLE_COLD_WORDS,
  type TableCache,
  TableCold,
  W_PA_HI,
  W_PA_LO,
} from "../../../engine/smmuv3/caches/table_cache.ts";
import { EntryKind, GLOBAL, kindOfKey } from "../../../engine/smmuv3/caches/tags.ts";
import {
  ALLOW1_SHIFT,
  ALLOW2_SHIFT,
  COLD_WORDS,
  Cold,
  type TranslationCache,
  W_HIGH,
  W_LOW,
} from "../../../engine/smmuv3/caches/translation_cache.ts";
import type { Tag } from "../../../protocol/engine.ts";
import type { CacheView } from "../../../protocol/inspection.ts";
import type { Access } from "../../../protocol/machine.ts";
import { type CacheReader, cacheViews, deviceCaches } from "../../inspect/cache_view.ts";
import type { SmmuUnit } from "../smmu_unit.ts";

/** What each cache keeps. */
export const CACHE_TITLES: Readonly<Record<CacheName, string>> = {
  ste: "Stream table entries",
  cd: "Context descriptors",
  tlb: "Whole translations, to the physical address",
  stage1: "Stage 1 alone, where stage 2 lies beneath",
  stage2: "Stage 2 alone, for addresses that stage 1 gave",
  fetches: "Stage 2 for pages that hold stage-1 tables and CDs",
  walk1: "Last-level tables of stage 1",
  walk2: "Last-level tables of stage 2",
};

/** log2 of an entry of a table: a table of the last level spans 2^(granule + granule - 3) bytes. */
const ENTRY_LG2 = 3;
const PAGE = ~0xfff;

/** The command that makes a device forget (IHI 0070 §4.5.1). */
const dropFromDevice = (sid: number, ssid: number | null) =>
  ssid === null ? { command: "CMD_ATC_INV", sid } : { command: "CMD_ATC_INV", sid, ssid };

/** The SMMU's caches with their entries, then those of devices. */
export function listCaches(unit: SmmuUnit): CacheView[] {
  const { smmu, pcie } = unit;
  const { caches } = smmu;
  const readers = caches === null ? [] : CACHE_NAMES.flatMap((name) => readerOf(caches, name) ?? []);
  const side = { reach: (access: Access) => unit.reach(access), invalidation: dropFromDevice };
  return [...cacheViews(readers, () => smmu.staleEntries()), ...deviceCaches(pcie.devices, side)];
}

function readerOf(caches: SmmuCaches, name: CacheName): CacheReader | null {
  const table = caches.table(name);
  if (table === null) return null;
  const common = { name, title: CACHE_TITLES[name], table };
  if (name === "ste" || name === "cd") return { ...common, read: (entry) => readStructure(table, entry, name) };
  const cache = caches.stages[name]!;
  return "leafSizeLg2" in cache
    ? { ...common, read: (entry) => readTranslation(cache, entry) }
    : { ...common, read: (entry) => readTable(cache, entry) };
}

type Read = ReturnType<CacheReader["read"]>;

function readStructure(table: TaggedCache, entry: number, name: "ste" | "cd"): Read {
  const { hot } = table;
  const at = entry * HOT_WORDS;
  const sid = { name: "StreamID", value: hot[at]! >>> 0 };
  return {
    tags: name === "ste" ? [sid] : [sid, { name: "SubstreamID", value: hot[at + 2]! }],
    input: null,
    sizeLg2: null,
    output: join(hot[at + structures.W_PA_HI]!, hot[at + structures.W_PA_LO]!),
    permissions: null,
  };
}

/** ASID and VMID of an entry, and the stream that filled it. */
function tagsOf(table: TaggedCache, entry: number, sid: number, ssid: number): Tag[] {
  const key1 = table.hot[entry * HOT_WORDS + 1]!;
  const ids = table.hot[entry * HOT_WORDS + 2]!;
  const byVa = kindOfKey(key1) !== EntryKind.Stage2;
  const global = (key1 & GLOBAL) !== 0;
  return [
    ...(byVa && !global ? [{ name: "ASID", value: ids & 0xffff }] : []),
    ...(global ? [{ name: "global", value: 1 }] : []),
    { name: "VMID", value: ids >>> 16 },
    { name: "StreamID", value: sid >>> 0 },
    ...(ssid < 0 ? [] : [{ name: "SubstreamID", value: ssid }]),
  ];
}

function readTranslation(cache: TranslationCache, entry: number): Read {
  const { hot, cold } = cache.table;
  const [at, coldAt] = [entry * HOT_WORDS, entry * COLD_WORDS];
  const high = hot[at + W_HIGH]!;
  const permissions = (high >>> ALLOW1_SHIFT) & (high >>> ALLOW2_SHIFT) & 7;
  return {
    tags: tagsOf(cache.table, entry, cold[coldAt + Cold.Sid]!, cold[coldAt + Cold.Ssid]!),
    input: join(cache.addressHi(entry), cache.addressLo(entry)),
    sizeLg2: cache.sizeLg2(entry),
    output: join(high & PA_HI, hot[at + W_LOW]! & PAGE),
    permissions,
  };
}

function readTable(cache: TableCache, entry: number): Read {
  const { hot, cold } = cache.table;
  const [at, coldAt] = [entry * HOT_WORDS, entry * TABLE_COLD_WORDS];
  const granule = cache.granuleLg2(entry);
  return {
    tags: tagsOf(cache.table, entry, cold[coldAt + TableCold.Sid]!, cold[coldAt + TableCold.Ssid]!),
    input: join(cache.addressHi(entry), cache.addressLo(entry)),
    sizeLg2: granule + granule - ENTRY_LG2,
    output: join(hot[at + W_PA_HI]! & PA_HI, hot[at + W_PA_LO]! & PAGE),
    permissions: null,
  };
}
