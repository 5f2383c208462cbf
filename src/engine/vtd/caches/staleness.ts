/**
 * Which cached entries no longer say what memory says, and which descriptors are missing (VT-d §6.2, §6.5).
 *
 * An entry is compared with what its requester or domain would come to now, read afresh from memory. What rests on memory
 * that the session lacks counts as up to date, and so does an entry of a domain that no cached requester belongs to.
 *
 * Not for hot paths: each entry costs a translation.
 */
import { IRTE_REMAPPED } from "../../../arch/vtd/irte.ts";
import { eachEntry, holdsWords } from "../../common/cache_set.ts";
import { NO_PASID, type PageTableCache } from "../../common/page_table_cache.ts";
import { End, Updates } from "../../common/request.ts";
import { HOT_WORDS, type TaggedCache } from "../../common/tagged_cache.ts";
import { MemoryStatus, type PhysicalMemory } from "../../memory/physical_memory.ts";
import type { ProgrammingInterface } from "../programming_interface.ts";
import { Remapper } from "../remapper.ts";
import { RequestConfig } from "../request_config.ts";
import { Purpose } from "../second_stage.ts";
import { Translation } from "../translation.ts";
import { NO_DOMAIN } from "./config_cache.ts";
import type { CacheName } from "./options.ts";
import type { VtdCaches } from "./vtd_caches.ts";

/** A descriptor with the operands that matter; halves of an address are unsigned. */
interface MissingCommand {
  readonly command: "cc_inv_dsc" | "pc_inv_dsc" | "iotlb_inv_dsc" | "p_iotlb_inv_dsc" | "iec_inv_dsc";
  readonly did?: number;
  readonly sid?: number;
  readonly pasid?: number;
  readonly index?: number;
  readonly addressHi?: number;
  readonly addressLo?: number;
  readonly sizeLg2?: number;
  /** IH: paging-structure caches may stay. */
  readonly leafOnly?: boolean;
}

/** An entry that no longer matches memory. */
export interface StaleEntry {
  readonly cache: CacheName;
  readonly entry: number;
  /** What changed. */
  readonly what: "context entry" | "PASID table entry" | "interrupt remapping entry" | "page tables";
  /** Descriptors that would drop the entry, in the order in which software submits them. */
  readonly missing: readonly MissingCommand[];
}

/** List the stale entries of every cache, in the order of the caches. */
export function staleEntries(remapper: Remapper, control: ProgrammingInterface, memory: PhysicalMemory): StaleEntry[] {
  const { caches } = remapper;
  return caches === null ? [] : new Comparison(remapper, caches, control, memory).run();
}

class Comparison {
  readonly #caches: VtdCaches;
  readonly #control: ProgrammingInterface;
  readonly #memory: PhysicalMemory;
  /** A remapper that reads everything afresh. */
  readonly #now: Remapper;
  readonly #t = new Translation();
  readonly #config = new RequestConfig();
  readonly #stale: StaleEntry[] = [];
  /** Requesters whose cached context entry is stale, and requesters with their PASIDs whose PASID entry is. */
  readonly #staleSids = new Set<number>();
  readonly #stalePasids = new Set<string>();

  constructor(remapper: Remapper, caches: VtdCaches, control: ProgrammingInterface, memory: PhysicalMemory) {
    this.#caches = caches;
    this.#control = control;
    this.#memory = memory;
    this.#now = new Remapper(memory, remapper.state, remapper.caps);
    this.#t.updates = Updates.Show;
  }

  run(): StaleEntry[] {
    const { config, iotlb, firstWalk, secondWalk, interruptEntries } = this.#caches;
    eachEntry(config.contexts, (entry, table) => this.#context(entry, table));
    eachEntry(config.pasids, (entry, table) => this.#pasid(entry, table));
    if (iotlb !== null) eachEntry(iotlb.pages.table, (entry) => this.#translation(entry));
    if (firstWalk !== null)
      eachEntry(firstWalk.pages.table, (entry) => this.#table("firstWalk", entry, firstWalk.pages));
    if (secondWalk !== null)
      eachEntry(secondWalk.pages.table, (entry) => this.#table("secondWalk", entry, secondWalk.pages));
    eachEntry(interruptEntries, (entry, table) => this.#interrupt(entry, table));
    return this.#stale;
  }

  /** Find out into {@link #config} what applies to a requester now. @returns false where nothing does, or it is unknown */
  #resolve(sid: number, pasid: number): boolean {
    const t = this.#t;
    t.sid = sid;
    t.hasPasid = pasid >= 0;
    t.pasid = Math.max(pasid, 0);
    t.iovaHi = 0;
    t.iovaLo = 0;
    t.write = false;
    t.instruction = false;
    t.privileged = false;
    t.begin();
    this.#config.context.fill(0);
    this.#config.entry.fill(0);
    return this.#now.resolve(t, null, this.#config);
  }

  #context(entry: number, table: TaggedCache): void {
    const sid = table.hot[entry * HOT_WORDS]!;
    this.#resolve(sid, NO_PASID);
    if (this.#t.end === End.Unknown || holdsWords(table, entry, this.#config.context)) return;
    this.#staleSids.add(sid);
    const missing = [this.#contextCommand(sid)];
    this.#stale.push({ cache: "context", entry, what: "context entry", missing });
  }

  #pasid(entry: number, table: TaggedCache): void {
    const at = entry * HOT_WORDS;
    const [sid, pasid] = [table.hot[at]!, table.hot[at + 2]!];
    // Requests without a PASID may have brought the entry here.
    if (!this.#resolve(sid, pasid) && !holdsWords(table, entry, this.#config.entry)) this.#resolve(sid, NO_PASID);
    const now = this.#config;
    if (this.#t.end === End.Unknown || (now.pasid === pasid && holdsWords(table, entry, now.entry))) return;
    this.#stalePasids.add(`${sid} ${pasid}`);
    const missing = this.#configCommands(sid, pasid);
    this.#stale.push({ cache: "pasid", entry, what: "PASID table entry", missing });
  }

  /** A whole translation: made anew for a request that the entry serves. */
  #translation(entry: number): void {
    const iotlb = this.#caches.iotlb!;
    const t = this.#t;
    iotlb.describe(entry, t);
    this.#now.translate(t, null);
    if (t.end === End.Unknown || iotlb.agrees(entry, t)) return;
    this.#outdated("iotlb", entry, iotlb.pages, t.sid, true);
  }

  /** A last-level table: walked to anew. */
  #table(name: "firstWalk" | "secondWalk", entry: number, pages: PageTableCache): void {
    const owner = this.#requesterIn(pages.domainOf(entry), pages.pasidOf(entry));
    if (owner === null || !this.#resolve(owner.sid, owner.pasid)) return;
    const t = this.#t;
    const now = this.#now;
    t.iovaHi = pages.addressHi(entry);
    t.iovaLo = pages.addressLo(entry);
    if (name === "firstWalk") {
      if (!this.#config.first) return;
      now.first.translate(t, this.#config, null);
    } else {
      if (!this.#config.second) return;
      now.second.translate(t, this.#config, null, t.iovaHi, t.iovaLo, Purpose.Request);
    }
    if (t.end === End.Unknown) return;
    const { cursor } = name === "firstWalk" ? now.first : now.second;
    if (this.#caches[name]!.agrees(entry, cursor)) return;
    this.#outdated(name, entry, pages, owner.sid, false);
  }

  #interrupt(entry: number, table: TaggedCache): void {
    const index = table.hot[entry * HOT_WORDS]!;
    const { hi, lo } = this.#control.interruptTable;
    const at = (lo >>> 0) + index * (IRTE_REMAPPED.bits / 8);
    const words = new Uint32Array(table.coldWords);
    for (let word = 0; word < words.length; word += 2) {
      const status = this.#memory.read64(hi + (at > 0xffffffff ? 1 : 0), (at >>> 0) + 4 * word);
      if (status === MemoryStatus.Unknown) return;
      if (status !== MemoryStatus.Ok) break;
      words[word] = this.#memory.lo;
      words[word + 1] = this.#memory.hi;
    }
    if (holdsWords(table, entry, words)) return;
    const missing: MissingCommand[] = [{ command: "iec_inv_dsc", index }];
    this.#stale.push({ cache: "interrupt", entry, what: "interrupt remapping entry", missing });
  }

  /** A cached requester of a domain, with its PASID where the tag has one; null for none. */
  #requesterIn(did: number, pasid: number): { readonly sid: number; readonly pasid: number } | null {
    const { pasids, contexts } = this.#caches.config;
    const inPasids = firstOf(pasids, (at, hot) => hot[at + 3] === did && (pasid < 0 || hot[at + 2] === pasid));
    if (inPasids >= 0) return { sid: pasids!.hot[inPasids]!, pasid: pasids!.hot[inPasids + 2]! };
    const inContexts = firstOf(contexts, (at, hot) => pasid < 0 && hot[at + 3] === did);
    return inContexts < 0 ? null : { sid: contexts!.hot[inContexts]!, pasid: NO_PASID };
  }

  #contextCommand(sid: number): MissingCommand {
    const { contexts } = this.#caches.config;
    const at = firstOf(contexts, (place, hot) => hot[place] === sid);
    const did = at < 0 ? NO_DOMAIN : contexts!.hot[at + 3]!;
    return { command: "cc_inv_dsc", sid, ...(did === NO_DOMAIN ? {} : { did }) };
  }

  /** What drops the structures of a requester that are stale. */
  #configCommands(sid: number, pasid: number): MissingCommand[] {
    const commands: MissingCommand[] = this.#staleSids.has(sid) ? [this.#contextCommand(sid)] : [];
    const { pasids } = this.#caches.config;
    const at = firstOf(pasids, (place, hot) => hot[place] === sid && hot[place + 2] === pasid);
    if (at >= 0 && this.#stalePasids.has(`${sid} ${pasid}`)) {
      commands.push({ command: "pc_inv_dsc", did: pasids!.hot[at + 3]!, pasid });
    }
    return commands;
  }

  #outdated(cache: CacheName, entry: number, pages: PageTableCache, sid: number, leafOnly: boolean): void {
    const pasid = pages.pasidOf(entry);
    const invalidate: MissingCommand = {
      command: pasid < 0 ? "iotlb_inv_dsc" : "p_iotlb_inv_dsc",
      did: pages.domainOf(entry),
      ...(pasid < 0 ? {} : { pasid }),
      addressHi: pages.addressHi(entry) >>> 0,
      addressLo: pages.addressLo(entry) >>> 0,
      sizeLg2: pages.sizeLg2(entry),
      leafOnly,
    };
    const missing = [...this.#configCommands(sid, pasid), invalidate];
    this.#stale.push({ cache, entry, what: "page tables", missing });
  }
}

/** Index of the first hot word of the first valid entry that `wanted` takes; -1 for none. */
function firstOf(table: TaggedCache | null, wanted: (at: number, hot: Int32Array) => boolean): number {
  for (let entry = 0; table !== null && entry < table.entries; entry++) {
    if (table.isValid(entry) && wanted(entry * HOT_WORDS, table.hot)) return entry * HOT_WORDS;
  }
  return -1;
}
