/**
 * Which cached entries no longer say what memory says, and which commands are missing. 48882 revision 3.10, §2.1.4, §2.4.
 *
 * An entry is compared with what its device or domain would come to now, read afresh from memory. What rests on memory
 * that the session lacks counts as up to date, and so does an entry of a domain that no cached device belongs to.
 *
 * Not for hot paths: each entry costs a translation.
 */
import { DTE } from "../../../arch/amdvi/dte.ts";
import { IRTE, IRTE_128 } from "../../../arch/amdvi/irte.ts";
import { eachEntry, holdsWords } from "../../common/cache_set.ts";
import { NO_PASID, type PageTableCache } from "../../common/page_table_cache.ts";
import { End, Updates, Want } from "../../common/request.ts";
import { HOT_WORDS, type TaggedCache } from "../../common/tagged_cache.ts";
import { MemoryStatus, type PhysicalMemory } from "../../memory/physical_memory.ts";
import { DeviceConfig } from "../device_config.ts";
import { For } from "../host.ts";
import { Translation } from "../translation.ts";
import { Translator } from "../translator.ts";
import type { AmdCaches } from "./amd_caches.ts";
import type { CacheName } from "./options.ts";

/** A command with the operands that matter; halves of an address are unsigned. */
interface MissingCommand {
  readonly command: "INVALIDATE_DEVTAB_ENTRY" | "INVALIDATE_IOMMU_PAGES" | "INVALIDATE_INTERRUPT_TABLE";
  readonly deviceId?: number;
  readonly domainId?: number;
  /** Address space; absent for guest physical addresses. */
  readonly pasid?: number;
  readonly addressHi?: number;
  readonly addressLo?: number;
  readonly sizeLg2?: number;
  readonly directories?: boolean;
}

/** An entry that no longer matches memory. */
export interface StaleEntry {
  readonly cache: CacheName;
  readonly entry: number;
  /** What changed. */
  readonly what: "device table entry" | "guest CR3 entry" | "interrupt table entry" | "page tables";
  /** Commands that would drop the entry, in the order in which software issues them. */
  readonly missing: readonly MissingCommand[];
}

/** List the stale entries of every cache, in the order of the caches. */
export function staleEntries(translator: Translator, memory: PhysicalMemory): StaleEntry[] {
  return translator.caches === null ? [] : new Comparison(translator, translator.caches, memory).run();
}

class Comparison {
  readonly #memory: PhysicalMemory;
  readonly #caches: AmdCaches;
  /** A translator that reads everything afresh. */
  readonly #now: Translator;
  readonly #t = new Translation();
  readonly #config = new DeviceConfig();
  readonly #words = new Uint32Array(DTE.bits / 32);
  readonly #stale: StaleEntry[] = [];
  /** Devices whose cached device table entry is stale. */
  readonly #staleDevices = new Set<number>();

  constructor(translator: Translator, caches: AmdCaches, memory: PhysicalMemory) {
    this.#memory = memory;
    this.#caches = caches;
    this.#now = new Translator(memory, translator.controls, translator.caps);
    this.#t.updates = Updates.Show;
  }

  run(): StaleEntry[] {
    const { config, irtes, iotlb, host, hostWalk, guestWalk } = this.#caches;
    eachEntry(config.dtes, (entry, table) => this.#dte(entry, table));
    eachEntry(config.gcr3s, (entry, table) => this.#gcr3(entry, table));
    eachEntry(irtes, (entry, table) => this.#irte(entry, table));
    if (iotlb !== null) eachEntry(iotlb.pages.table, (entry) => this.#translation(entry));
    if (host !== null) eachEntry(host.pages.table, (entry) => this.#host(entry));
    for (const [name, walks] of [
      ["hostWalk", hostWalk],
      ["guestWalk", guestWalk],
    ] as const) {
      if (walks !== null) eachEntry(walks.pages.table, (entry) => this.#directory(name, entry, walks.pages));
    }
    return this.#stale;
  }

  #begin(deviceId: number, pasid: number, hi: number, lo: number): Translation {
    const t = this.#t;
    t.deviceId = deviceId;
    t.hasPasid = pasid >= 0;
    t.pasid = Math.max(pasid, 0);
    t.iovaHi = hi;
    t.iovaLo = lo;
    t.write = false;
    t.instruction = false;
    t.privileged = false;
    t.begin();
    return t;
  }

  #dte(entry: number, table: TaggedCache): void {
    const deviceId = table.hot[entry * HOT_WORDS]!;
    const t = this.#begin(deviceId, NO_PASID, 0, 0);
    const found = this.#now.devices.fetch(t, null, this.#words);
    if (t.end === End.Unknown || (found && holdsWords(table, entry, this.#words))) return;
    this.#staleDevices.add(deviceId);
    this.#stale.push({ cache: "dte", entry, what: "device table entry", missing: [devtab(deviceId)] });
  }

  #gcr3(entry: number, table: TaggedCache): void {
    const at = entry * HOT_WORDS;
    const [deviceId, pasid] = [table.hot[at]!, table.hot[at + 2]!];
    if (!this.#resolve(deviceId, pasid) && this.#t.end === End.Unknown) return;
    const { config } = this.#caches;
    const { guest, domainId } = this.#config;
    const [rootHi, rootLo] = config.rootOf(entry);
    if (this.#t.end === End.Ok && guest.rootHi === rootHi && guest.rootLo === rootLo) return;
    const missing = [...this.#devtabs(deviceId), everything(domainId, pasid)];
    this.#stale.push({ cache: "gcr3", entry, what: "guest CR3 entry", missing });
  }

  #irte(entry: number, table: TaggedCache): void {
    const [deviceId, index] = [table.hot[entry * HOT_WORDS]!, table.hot[entry * HOT_WORDS + 2]!];
    const t = this.#begin(deviceId, NO_PASID, 0, 0);
    if (!this.#now.devices.fetch(t, null, this.#words)) return;
    const root = DTE.f.InterruptTableRootPtr;
    const bytes = this.#now.controls.gaEn ? IRTE_128.bits / 8 : IRTE.bits / 8;
    const [hi, lo] = [root.addressHi(this.#words, 0), root.addressLo(this.#words, 0) + index * bytes];
    const words = new Uint32Array(table.coldWords);
    for (let word = 0; 4 * word < bytes; word += 2) {
      if (this.#memory.read64((hi + (lo > 0xffffffff ? 1 : 0)) | 0, (lo | 0) + 4 * word) !== MemoryStatus.Ok) return;
      words[word] = bytes === 4 && (lo & 4) !== 0 ? this.#memory.hi : this.#memory.lo;
      if (bytes > 4) words[word + 1] = this.#memory.hi;
    }
    if (holdsWords(table, entry, words)) return;
    const missing: MissingCommand[] = [{ command: "INVALIDATE_INTERRUPT_TABLE", deviceId }];
    this.#stale.push({ cache: "irte", entry, what: "interrupt table entry", missing });
  }

  /** A whole translation: made anew for an access that the entry serves. */
  #translation(entry: number): void {
    const iotlb = this.#caches.iotlb!;
    const { pages } = iotlb;
    const deviceId = iotlb.deviceOf(entry);
    const pasid = pages.pasidOf(entry);
    const rights = iotlb.rightsOf(entry);
    const t = this.#begin(deviceId, pasid, pages.addressHi(entry), pages.addressLo(entry));
    t.write = (rights & Want.Read) === 0 && (rights & Want.Write) !== 0;
    t.instruction = rights === Want.Execute;
    t.privileged = iotlb.isPrivileged(entry);
    this.#now.translate(t, null);
    if (t.end === End.Unknown) return;
    if (t.end === End.Ok && t.domainId === pages.domainOf(entry) && iotlb.agrees(entry, t)) return;
    this.#outdated("iotlb", entry, pages, deviceId, false);
  }

  #host(entry: number): void {
    const host = this.#caches.host!;
    const { pages } = host;
    const deviceId = this.#deviceIn(pages.domainOf(entry));
    if (deviceId < 0 || !this.#resolve(deviceId, NO_PASID)) return;
    const [hi, lo] = [pages.addressHi(entry), pages.addressLo(entry)];
    const found = this.#look(hi, lo);
    if (this.#t.end === End.Unknown) return;
    const { paHi, paLo } = this.#now.host;
    if (found && host.agrees(entry, paHi, paLo, this.#t.permissions2)) return;
    this.#outdated("host", entry, pages, deviceId, false);
  }

  /** A last-level table: walked to anew. */
  #directory(name: "hostWalk" | "guestWalk", entry: number, pages: PageTableCache): void {
    const deviceId = this.#deviceIn(pages.domainOf(entry));
    const pasid = pages.pasidOf(entry);
    if (deviceId < 0 || !this.#resolve(deviceId, pasid)) return;
    const [hi, lo] = [pages.addressHi(entry), pages.addressLo(entry)];
    const t = this.#t;
    if (pasid < 0) this.#look(hi, lo);
    else {
      t.iovaHi = hi;
      t.iovaLo = lo;
      this.#now.guest.translate(t, this.#config, null);
    }
    if (t.end === End.Unknown) return;
    const cursor = pasid < 0 ? this.#now.host.cursor : this.#now.guest.cursor;
    if (this.#caches[name]!.agrees(entry, cursor)) return;
    this.#outdated(name, entry, pages, deviceId, true);
  }

  #look(hi: number, lo: number): boolean {
    return this.#now.host.translate(this.#t, this.#config, null, hi, lo, For.Look);
  }

  /** Find out into {@link #config} what applies to a device now. @returns false where nothing does, or it is unknown */
  #resolve(deviceId: number, pasid: number): boolean {
    return this.#now.resolve(this.#begin(deviceId, pasid, 0, 0), null, this.#config);
  }

  /** A device of a domain, from the cached device table entries; -1 where there is none. */
  #deviceIn(domainId: number): number {
    const { dtes } = this.#caches.config;
    for (let entry = 0; dtes !== null && entry < dtes.entries; entry++) {
      if (!dtes.isValid(entry)) continue;
      if (DTE.f.DomainID.get(dtes.cold, entry * dtes.coldWords) === domainId) return dtes.hot[entry * HOT_WORDS]!;
    }
    return -1;
  }

  #devtabs(deviceId: number): MissingCommand[] {
    return this.#staleDevices.has(deviceId) ? [devtab(deviceId)] : [];
  }

  #outdated(cache: CacheName, entry: number, pages: PageTableCache, deviceId: number, directories: boolean): void {
    const pasid = pages.pasidOf(entry);
    const invalidate: MissingCommand = {
      command: "INVALIDATE_IOMMU_PAGES",
      domainId: pages.domainOf(entry),
      ...(pasid < 0 ? {} : { pasid }),
      addressHi: pages.addressHi(entry) >>> 0,
      addressLo: pages.addressLo(entry) >>> 0,
      sizeLg2: pages.sizeLg2(entry),
      directories,
    };
    this.#stale.push({ cache, entry, what: "page tables", missing: [...this.#devtabs(deviceId), invalidate] });
  }
}

const devtab = (deviceId: number): MissingCommand => ({ command: "INVALIDATE_DEVTAB_ENTRY", deviceId });

/** Every page of an address space, directories too. */
const everything = (domainId: number, pasid: number): MissingCommand => ({
  command: "INVALIDATE_IOMMU_PAGES",
  domainId,
  pasid,
  addressHi: 0,
  addressLo: 0,
  sizeLg2: 64,
  directories: true,
});
