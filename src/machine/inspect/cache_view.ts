/** Caches of an IOMMU and of its devices as a page looks at them. */

import { high, join, low } from "../../base/halves.ts";
import { CacheCount, type TaggedCache } from "../../engine/common/tagged_cache.ts";
import { Grant } from "../../engine/device/ats_port.ts";
import type { DeviceSet } from "../../engine/device/device_set.ts";
import type { CachedTranslation } from "../../engine/device/translation_cache.ts";
import type { CacheEntry, CacheView, StaleMark } from "../../protocol/inspection.ts";
import type { Access } from "../../protocol/machine.ts";
import type { Reach } from "../unit.ts";

/** What an architecture says of one of its caches. */
export interface CacheReader {
  readonly name: string;
  /** What it keeps, in words. */
  readonly title: string;
  readonly table: TaggedCache;
  /** A valid entry, without what every cache knows of it. */
  readonly read: (entry: number) => Omit<CacheEntry, "entry" | "age" | "stale">;
}

/** A command that is missing, as the engines name them; whatever else it has are operands: numbers, texts, flags. */
interface MissingCommand {
  readonly command: string;
  readonly addressHi?: number;
  readonly addressLo?: number;
}

/** An entry that no longer matches memory, as the engines list them. */
interface StaleItem {
  readonly cache: string;
  readonly entry: number;
  readonly what: string;
  readonly missing: readonly MissingCommand[];
}

const OPERANDS: Readonly<Record<string, string>> = {
  sid: "StreamID",
  ssid: "SubstreamID",
  vmid: "VMID",
  asid: "ASID",
  did: "DID",
  pasid: "PASID",
  deviceId: "DeviceID",
  domainId: "DomainID",
};

const hex = (value: bigint | number): string => `0x${value.toString(16)}`;

/** Such as "CMD_TLBI_NH_VA, ASID 0x21, Address 0x1000". */
function commandText({ command, addressHi, addressLo, ...operands }: MissingCommand): string {
  const parts = Object.entries<unknown>(operands).flatMap(([name, value]) => {
    if (value === true) return [name];
    const said = typeof value === "number" ? hex(value) : value;
    return typeof said === "string" ? [`${OPERANDS[name] ?? name} ${said}`] : [];
  });
  const address = addressLo === undefined ? [] : [`Address ${hex(join(addressHi ?? 0, addressLo))}`];
  return [command, ...parts, ...address].join(", ");
}

/** What is stale, by cache and entry. */
function staleMarks(items: readonly StaleItem[]): ReadonlyMap<string, StaleMark> {
  return new Map(
    items.map(({ cache, entry, what, missing }) => [`${cache} ${entry}`, { what, missing: missing.map(commandText) }]),
  );
}

function countsOf({ counts }: TaggedCache): CacheView["counts"] {
  return {
    hits: counts[CacheCount.Hits]!,
    misses: counts[CacheCount.Misses]!,
    fills: counts[CacheCount.Fills]!,
    evictions: counts[CacheCount.Evictions]!,
    drops: counts[CacheCount.Drops]!,
  };
}

/**
 * Views of caches with their valid entries.
 * @param stale finds stale entries, for which it may look into the caches itself
 */
export function cacheViews(readers: readonly CacheReader[], stale: () => readonly StaleItem[]): CacheView[] {
  const counts = readers.map(({ table }) => countsOf(table));
  const marks = staleMarks(stale());
  return readers.map(({ name, title, table, read }, i) => {
    const all = Array.from({ length: table.entries }, (_, entry) => entry).filter((entry) => table.isValid(entry));
    return {
      name,
      title,
      sid: null,
      capacity: table.entries,
      ways: table.ways,
      counts: counts[i]!,
      entries: all.map((entry) => ({
        entry,
        ...read(entry),
        age: table.age(entry),
        stale: marks.get(`${name} ${entry}`) ?? null,
      })),
    };
  });
}

/** Most pages of an entry that are looked at again. */
const MOST_PAGES = 512;
const PAGE_LG2 = 12;

/**
 * What of a device's entry the IOMMU would refuse now. Where it would lead elsewhere is not compared: what a device was
 * given may be the address between two stages.
 */
function staleInDevice(entry: CachedTranslation, sid: number, { reach, invalidation }: DeviceSide): StaleMark | null {
  if (entry.granted === 0) return null;
  const first = join(entry.hi, entry.lo);
  const step = 1n << BigInt(Math.max(PAGE_LG2, entry.sizeLg2 - Math.log2(MOST_PAGES)));
  const { ssid, granted, privileged } = entry;
  const write = (granted & Grant.Write) !== 0;
  const asked = { sid, ssid, write, privileged, instruction: (granted & ~Grant.Execute) === 0 };
  for (let at = first; at < first + (1n << BigInt(entry.sizeLg2)); at += step) {
    if (reach({ ...asked, iova: at }).end !== "refused") continue;
    const missing = { ...invalidation(sid, ssid), addressHi: high(at), addressLo: low(at) };
    return { what: "a translation that the IOMMU refuses now", missing: [commandText(missing)] };
  }
  return null;
}

/** What caches of devices are compared with: what an access comes to now, and the command that makes a device forget. */
interface DeviceSide {
  readonly reach: (access: Access) => Reach;
  readonly invalidation: (sid: number, pasid: number | null) => MissingCommand;
}

/** The caches of devices with ATS. What happened to them is not counted; an entry has no age. */
export function deviceCaches(devices: DeviceSet, side: DeviceSide): CacheView[] {
  return devices.all().map(({ options: { sid }, cache }) => ({
    name: "ATC",
    title: "Translations that the device was given",
    sid,
    capacity: cache.capacity,
    ways: cache.capacity,
    counts: { hits: 0, misses: 0, fills: 0, evictions: 0, drops: 0 },
    entries: cache.entries().map((e, entry) => ({
      entry,
      tags: e.ssid === null ? [] : [{ name: "PASID", value: e.ssid }],
      input: join(e.hi, e.lo),
      sizeLg2: e.sizeLg2,
      output: join(e.outHi, e.outLo),
      permissions: e.granted,
      age: 0,
      stale: staleInDevice(e, sid, side),
    })),
  }));
}
