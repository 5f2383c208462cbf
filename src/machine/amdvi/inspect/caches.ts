/** The caches of an AMD IOMMU as a page looks at them (48882 §2.1.4). */

import { join } from "../../../base/halves.ts";
import type { AmdCaches } from "../../../engine/amdvi/caches/amd_caches.ts";
import { CACHE_NAMES, type CacheName } from "../../../engine/amdvi/caches/options.ts";
import { staleEntries } from "../../../engine/amdvi/caches/staleness.ts";
import { NO_PASID, type PageTableCache } from "../../../engine/common/page_table_cache.ts";
import { HOT_WORDS, type TaggedCache } from "../../../engine/common/tagged_cache.ts";
import type { Tag } from "../../../protocol/engine.ts";
import type { CacheView } from "../../../protocol/inspection.ts";
import type { Access } from "../../../protocol/machine.ts";
import { type CacheReader, cacheViews, deviceCaches } from "../../inspect/cache_view.ts";
import type { AmdviUnit } from "../amdvi_unit.ts";

/** What each cache keeps. */
export const CACHE_TITLES: Readonly<Record<CacheName, string>> = {
  dte: "Device table entries",
  gcr3: "Guest CR3 table entries",
  irte: "Interrupt table entries",
  iotlb: "Whole translations, to the system physical address",
  host: "Host translations of guest physical addresses",
  hostWalk: "Last-level host tables",
  guestWalk: "Last-level guest tables",
};

type Read = ReturnType<CacheReader["read"]>;

/** The command that makes a device forget (48882 §2.4.4). */
const dropFromDevice = (deviceId: number, pasid: number | null) =>
  pasid === null
    ? { command: "INVALIDATE_IOTLB_PAGES", deviceId }
    : { command: "INVALIDATE_IOTLB_PAGES", deviceId, pasid };

/** The IOMMU's caches with their entries, then those of devices. */
export function listCaches(unit: AmdviUnit): CacheView[] {
  const { translator, memory, pcie } = unit;
  const { caches } = translator;
  const readers = caches === null ? [] : CACHE_NAMES.flatMap((name) => readerOf(caches, name) ?? []);
  const side = { reach: (access: Access) => unit.reach(access), invalidation: dropFromDevice };
  return [...cacheViews(readers, () => staleEntries(translator, memory)), ...deviceCaches(pcie.devices, side)];
}

function readerOf(caches: AmdCaches, name: CacheName): CacheReader | null {
  const table = caches.table(name);
  return table === null
    ? null
    : { name, title: CACHE_TITLES[name], table, read: (entry) => read(caches, name, table, entry) };
}

function read(caches: AmdCaches, name: CacheName, table: TaggedCache, entry: number): Read {
  switch (name) {
    case "dte":
      return structure([device(table, entry)], null);
    case "gcr3":
      return structure([device(table, entry), { name: "PASID", value: table.hot[entry * HOT_WORDS + 2]! }], {
        at: caches.config.rootOf(entry),
      });
    case "irte":
      return structure([device(table, entry), { name: "index", value: table.hot[entry * HOT_WORDS + 2]! }], null);
    case "iotlb": {
      const { pages } = caches.iotlb!;
      const filler = { name: "DeviceID", value: caches.iotlb!.deviceOf(entry) };
      return {
        ...byAddress(pages, entry, caches.iotlb!.outputOf(entry)),
        ...rights(caches.iotlb!.rightsOf(entry)),
        tags: [...tagsOf(pages, entry), filler],
      };
    }
    case "host": {
      const [hi, lo, allowed] = caches.host!.outputOf(entry);
      return { ...byAddress(caches.host!.pages, entry, [hi, lo]), ...rights(allowed) };
    }
    case "hostWalk":
    case "guestWalk": {
      const cache = caches[name]!;
      const { hi, lo } = cache.tableOf(entry);
      return byAddress(cache.pages, entry, [hi, lo]);
    }
  }
}

const device = (table: TaggedCache, entry: number): Tag => ({ name: "DeviceID", value: table.hot[entry * HOT_WORDS]! });
const rights = (permissions: number): Pick<Read, "permissions"> => ({ permissions });

function structure(tags: readonly Tag[], leadsTo: { readonly at: readonly [number, number] } | null): Read {
  const output = leadsTo === null ? null : join(...leadsTo.at);
  return { tags, input: null, sizeLg2: null, output, permissions: null };
}

function tagsOf(pages: PageTableCache, entry: number): Tag[] {
  const pasid = pages.pasidOf(entry);
  const domain = { name: "DomainID", value: pages.domainOf(entry) };
  return pasid === NO_PASID ? [domain] : [domain, { name: "PASID", value: pasid }];
}

function byAddress(pages: PageTableCache, entry: number, [hi, lo]: readonly [hi: number, lo: number]): Read {
  return {
    tags: tagsOf(pages, entry),
    input: join(pages.addressHi(entry), pages.addressLo(entry)),
    sizeLg2: pages.sizeLg2(entry),
    output: join(hi, lo),
    permissions: null,
  };
}
