/** The caches of a VT-d unit as a page looks at them (VT-d §6.2 for the tags). */

import { join } from "../../../base/halves.ts";
import { NO_PASID } from "../../../engine/common/page_table_cache.ts";
import { HOT_WORDS, type TaggedCache } from "../../../engine/common/tagged_cache.ts";
import type { WalkCache } from "../../../engine/common/walk_cache.ts";
import { NO_DOMAIN, W_DOMAIN } from "../../../engine/vtd/caches/config_cache.ts";
import type { Iotlb } from "../../../engine/vtd/caches/iotlb.ts";
import { CACHE_NAMES, type CacheName } from "../../../engine/vtd/caches/options.ts";
import { staleEntries } from "../../../engine/vtd/caches/staleness.ts";
import type { VtdCaches } from "../../../engine/vtd/caches/vtd_caches.ts";
import type { Tag } from "../../../protocol/engine.ts";
import type { CacheView } from "../../../protocol/inspection.ts";
import type { Access } from "../../../protocol/machine.ts";
import { type CacheReader, cacheViews, deviceCaches } from "../../inspect/cache_view.ts";
import type { VtdUnit } from "../vtd_unit.ts";

/** What each cache keeps. */
export const CACHE_TITLES: Readonly<Record<CacheName, string>> = {
  context: "Context entries",
  pasid: "PASID table entries",
  iotlb: "Translations, to the host physical address",
  firstWalk: "Last-level tables of the first stage",
  secondWalk: "Last-level tables of the second stage",
  interrupt: "Interrupt remapping entries",
};

/** The descriptor that makes a device forget (VT-d §6.5.2.5, §6.5.2.6). */
const dropFromDevice = (sid: number, pasid: number | null) =>
  pasid === null ? { command: "dev_tlb_inv_dsc", SID: sid } : { command: "p_dev_tlb_inv_dsc", SID: sid, pasid };

/** The unit's caches with their entries, then those of devices. */
export function listCaches(unit: VtdUnit): CacheView[] {
  const { remapper, control, memory, pcie } = unit;
  const { caches } = remapper;
  const readers = caches === null ? [] : CACHE_NAMES.flatMap((name) => readerOf(caches, name) ?? []);
  const side = { reach: (access: Access) => unit.reach(access), invalidation: dropFromDevice };
  return [...cacheViews(readers, () => staleEntries(remapper, control, memory)), ...deviceCaches(pcie.devices, side)];
}

type Read = ReturnType<CacheReader["read"]>;

function readerOf(caches: VtdCaches, name: CacheName): CacheReader | null {
  const table = caches.table(name);
  if (table === null) return null;
  return { name, title: CACHE_TITLES[name], table, read: (entry) => readEntry(caches, name, table, entry) };
}

function readEntry(caches: VtdCaches, name: CacheName, table: TaggedCache, entry: number): Read {
  if (name === "iotlb") return readTranslation(caches.iotlb!, entry);
  if (name === "firstWalk" || name === "secondWalk") return readTable(caches[name]!, entry);
  return { tags: structureTags(name, table, entry), input: null, sizeLg2: null, output: null, permissions: null };
}

function structureTags(name: CacheName, { hot }: TaggedCache, entry: number): Tag[] {
  const at = entry * HOT_WORDS;
  if (name === "interrupt") return [{ name: "index", value: hot[at]! }];
  const did = hot[at + W_DOMAIN]!;
  return [
    { name: "SID", value: hot[at]! },
    ...(name === "pasid" ? [{ name: "PASID", value: hot[at + 2]! }] : []),
    ...(did === NO_DOMAIN ? [] : [{ name: "DID", value: did }]),
  ];
}

function pageTags({ pages }: Iotlb | WalkCache, entry: number): Tag[] {
  const pasid = pages.pasidOf(entry);
  return [
    { name: "DID", value: pages.domainOf(entry) },
    ...(pasid === NO_PASID ? [] : [{ name: "PASID", value: pasid }]),
  ];
}

function readTranslation(iotlb: Iotlb, entry: number): Read {
  const { pages } = iotlb;
  const output = iotlb.outputOf(entry);
  return {
    tags: pageTags(iotlb, entry),
    input: join(pages.addressHi(entry), pages.addressLo(entry)),
    sizeLg2: pages.sizeLg2(entry),
    output: output === null ? null : join(output.hi, output.lo),
    permissions: output === null ? 0 : output.permissions,
  };
}

function readTable(walks: WalkCache, entry: number): Read {
  const { pages } = walks;
  const { hi, lo } = walks.tableOf(entry);
  return {
    tags: pageTags(walks, entry),
    input: join(pages.addressHi(entry), pages.addressLo(entry)),
    sizeLg2: pages.sizeLg2(entry),
    output: join(hi, lo),
    permissions: null,
  };
}
