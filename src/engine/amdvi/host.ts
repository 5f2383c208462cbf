/**
 * Stage 2: host (version 1) tables, from a guest physical or an untranslated device address to a system physical one.
 * 48882 revision 3.10, §2.2.3 (tables), §2.2.7 (beneath guest tables), §2.5.3 and §2.5.5 (events).
 *
 * CHOICE(NESTED_HOST_FAULT): a fault of the host tables beneath guest tables is recorded with the guest physical address
 * and the domain (GN 0). CHOICE(RIGHTS_LAST): rights are looked at once the leaf is there: an entry that is not present
 * comes before rights that are missing above it.
 */
import { EventCode, HardwareErrorType } from "../../arch/amdvi/events.ts";
import { R } from "../../arch/amdvi/reasons.ts";
import { V1_FORCE_COHERENT, V1_READ, V1_WRITE } from "../../pagetable/formats/amdv1.ts";
import { Cursor, type TableReader, WalkEnd, walk } from "../../pagetable/walk.ts";
import { TraceHit, TraceVerdict } from "../../protocol/trace.ts";
import { NO_PASID } from "../common/page_table_cache.ts";
import { Updates, Want } from "../common/request.ts";
import type { TraceRecorder } from "../common/trace_recorder.ts";
import { TABLE_LG2 } from "../common/walk_cache.ts";
import { MemoryStatus, type PhysicalMemory } from "../memory/physical_memory.ts";
import type { AmdCaches } from "./caches/amd_caches.ts";
import type { HostCache } from "./caches/host_cache.ts";
import type { DeviceConfig } from "./device_config.ts";
import { lacking, Update, update } from "./entry_update.ts";
import { amdLevel, entryReason } from "./trace_recorder.ts";
import type { Translation } from "./translation.ts";

/** What an address is translated for. */
export const For = {
  /** The request itself. */
  Access: 0,
  /** A guest structure that is read. */
  Fetch: 1,
  /** A guest structure that is read and updated. */
  Update: 2,
  /** Somebody who wants to see what rights there are. */
  Look: 3,
} as const;
export type For = (typeof For)[keyof typeof For];

/** Most entries of one walk. */
const MOST_ENTRIES = 6;

/** What a leaf allows beneath what `inherited` denies (bits of the high half), as a set of `Want`. */
export function hostPermissions(hi: number, inherited: number): number {
  const rights = hi & ~inherited;
  return ((rights & V1_READ) !== 0 ? Want.Read | Want.Execute : 0) | ((rights & V1_WRITE) !== 0 ? Want.Write : 0);
}

export class HostTables implements TableReader {
  /** The address the last translation gave. */
  paHi = 0;
  paLo = 0;
  readonly cursor = new Cursor(2);
  readonly #memory: PhysicalMemory;
  readonly #caches: AmdCaches | null;
  #t: Translation | null = null;
  #config: DeviceConfig | null = null;
  #trace: TraceRecorder | null = null;
  #for: For = For.Access;
  /** Entries of this walk whose Accessed bit is clear: address and trace record of each. */
  #unmarked = 0;
  readonly #entries = new Int32Array(3 * MOST_ENTRIES);

  constructor(memory: PhysicalMemory, caches: AmdCaches | null = null) {
    this.#memory = memory;
    this.#caches = caches;
  }

  /**
   * Translate an address through the host tables of `config`; the answer is in {@link paHi} and {@link paLo}.
   * @returns false when the translation ended here: `t` says how
   */
  translate(
    t: Translation,
    config: DeviceConfig,
    trace: TraceRecorder | null,
    hi: number,
    lo: number,
    use: For,
  ): boolean {
    const { host } = config;
    const c = this.cursor;
    this.#for = use;
    this.#t = t;
    this.#config = config;
    this.#trace = trace;
    this.#unmarked = 0;
    host.start(c, hi, lo);
    if (((hi & host.overHi) | (lo & host.overLo)) !== 0) {
      if (trace !== null) trace.check(2, R.HOST_RANGE, hi, lo);
      return this.#fault(R.HOST_RANGE, false, false);
    }
    const cache = config.usesGuest && use !== For.Look ? (this.#caches?.host ?? null) : null;
    if (cache !== null && this.#recall(cache, t, config, hi, lo)) return true;
    const directories = this.#caches?.hostWalk ?? null;
    if (directories?.resume(c, config.domainId, NO_PASID) === true && trace !== null) traceResumed(trace, c);
    const end = walk(host.fmt!, this, c, trace);
    if (end !== WalkEnd.Leaf) return this.#badEnd(end);
    const allowed = hostPermissions(c.hi, c.inherited) & config.grants;
    if (trace !== null) trace.leaf(allowed, use === For.Update || (use === For.Access && t.write));
    if (use === For.Access) {
      t.permissions2 = allowed;
      t.sizeLg2Stage2 = c.sizeLg2;
      t.forceCoherent = (c.hi & V1_FORCE_COHERENT) !== 0;
      if ((t.want & ~allowed) !== 0) return this.#deny(t.want === Want.Write ? R.HOST_WRITE : R.HOST_READ);
    } else if (use === For.Look) t.permissions2 = allowed;
    else {
      if ((allowed & Want.Read) === 0) return this.#deny(R.HOST_FETCH_READ);
      if (use === For.Update && (allowed & Want.Write) === 0) return this.#deny(R.HOST_UPDATE_WRITE);
    }
    if (config.hostUpdates !== 0) this.#markUsed(t, config);
    this.paHi = c.outHi;
    this.paLo = c.outLo;
    if (t.updates === Updates.Make) {
      directories?.walked(c, config.domainId, NO_PASID);
      if (cache !== null) this.#keep(cache, t, config, allowed);
    }
    return true;
  }

  /** Rights that the use at hand needs, a set of `Want`, and whether the page will be written. */
  #needs(t: Translation): number {
    return this.#for === For.Access ? t.want : this.#for === For.Update ? Want.Read | Want.Write : Want.Read;
  }
  #writes(t: Translation): boolean {
    return this.#for === For.Update || (this.#for === For.Access && t.write);
  }

  /** Translate from the cache of host translations. */
  #recall(cache: HostCache, t: Translation, config: DeviceConfig, hi: number, lo: number): boolean {
    const needs = this.#needs(t);
    // Devices of a domain share what is cached, and each has rights of its own.
    if ((needs & ~config.grants) !== 0) return false;
    if (!cache.find(config.domainId, hi, lo, needs, this.#writes(t))) return false;
    this.paHi = cache.paHi;
    this.paLo = cache.paLo;
    if (this.#for === For.Access) {
      t.permissions2 = cache.rights & config.grants;
      t.sizeLg2Stage2 = cache.sizeLg2;
      t.forceCoherent = cache.coherent;
    }
    if (this.#trace !== null) {
      this.#trace.output(hi, lo, this.paHi, this.paLo, cache.rights, cache.sizeLg2);
      this.#trace.fromCache(TraceHit.Tlb);
    }
    return true;
  }

  #keep(cache: HostCache, t: Translation, config: DeviceConfig, allowed: number): void {
    const c = this.cursor;
    cache.paHi = this.paHi;
    cache.paLo = this.paLo;
    cache.rights = allowed;
    cache.sizeLg2 = c.sizeLg2;
    cache.coherent = (c.hi & V1_FORCE_COHERENT) !== 0;
    const clean = (config.hostUpdates & Update.Dirty) !== 0 && !this.#writes(t);
    cache.keep(config.domainId, c.vaHi, c.vaLo, clean);
  }

  /** Host entries are read at system physical addresses. Part of {@link TableReader}. */
  read(c: Cursor, atHi: number, atLo: number): boolean {
    const status = this.#memory.read64(atHi, atLo);
    if (status === MemoryStatus.Ok) {
      c.lo = this.#memory.lo;
      c.hi = this.#memory.hi;
      if (this.#config!.hostUpdates !== 0 && lacking(c.lo, Update.Accessed) !== 0) this.#noteEntry(c);
      return true;
    }
    return unreadable(this.#t!, this.#trace, c, this.#config!, status, atHi, atLo);
  }

  /** End the translation: a guest entry at a guest physical address has to be updated, and may not be. @returns false */
  refuseUpdate(t: Translation, config: DeviceConfig, trace: TraceRecorder | null, hi: number, lo: number): false {
    this.#t = t;
    this.#config = config;
    this.#for = For.Update;
    config.host.start(this.cursor, hi, lo);
    if (trace !== null) trace.check(2, R.HOST_UPDATE_WRITE, hi, lo);
    return this.#fault(R.HOST_UPDATE_WRITE, true, true);
  }

  #noteEntry(c: Cursor): void {
    const at = this.#unmarked;
    this.#entries[at] = c.atHi;
    this.#entries[at + 1] = c.atLo;
    this.#entries[at + 2] = this.#trace === null ? -1 : this.#trace.count;
    this.#unmarked = at + 3;
  }

  /** The walk's entries are used: their Accessed bits are set, and the leaf's Dirty bit where the page is written. */
  #markUsed(t: Translation, config: DeviceConfig): void {
    const c = this.cursor;
    for (let i = 0; i < this.#unmarked; i += 3) {
      this.#change(t, this.#entries[i]!, this.#entries[i + 1]!, Update.Accessed, this.#entries[i + 2]!);
    }
    const dirty = this.#writes(t) ? lacking(c.lo, config.hostUpdates & Update.Dirty) : 0;
    if (dirty !== 0) this.#change(t, c.atHi, c.atLo, dirty, this.#trace === null ? -1 : this.#trace.count - 1);
  }

  /** What the access itself needs waits for it to pass; what a fetch for it used is changed at once. */
  #change(t: Translation, hi: number, lo: number, what: number, record: number): void {
    if (this.#for === For.Access) {
      t.pending.add(hi, lo, what, record);
      return;
    }
    if (this.#trace !== null) this.#trace.updated(record, what);
    if (t.updates === Updates.Make) update(this.#memory, hi, lo, what);
  }

  #badEnd(end: WalkEnd): false {
    if (end === WalkEnd.Unreadable) return false; // The reader has ended the translation.
    return this.#fault(entryReason(2, end), end !== WalkEnd.Empty, false);
  }

  #deny(reason: number): false {
    if (this.#trace !== null) this.#trace.fail(TraceVerdict.Fault, reason);
    return this.#fault(reason, true, true);
  }

  #fault(reason: number, present: boolean, denied: boolean): false {
    const t = this.#t!;
    t.gn = false;
    t.addressHi = this.cursor.vaHi;
    t.addressLo = this.cursor.vaLo;
    return t.pageFault(reason, present, denied, false);
  }
}

/** A walk begins at a cached table: show that in place of the entries above it. */
export function traceResumed(trace: TraceRecorder, c: Cursor): void {
  trace.recalled({
    hit: TraceHit.Walk,
    stage: c.stage === 1 ? 1 : 2,
    level: amdLevel(c.level + 1),
    index: 0,
    inputHi: c.vaHi,
    inputLo: c.vaLo,
    atHi: 0,
    atLo: 0,
    paHi: 0,
    paLo: 0,
    hi: 0,
    lo: 0,
    outHi: c.tableHi,
    outLo: c.tableLo,
    sizeLg2: TABLE_LG2,
    permissions: 0,
  });
}

/**
 * An entry of either stage's tables cannot be read: end the translation, PAGE_TAB_HARDWARE_ERROR where nothing answers.
 * @returns false
 */
export function unreadable(
  t: Translation,
  trace: TraceRecorder | null,
  c: Cursor,
  config: DeviceConfig,
  status: MemoryStatus,
  paHi: number,
  paLo: number,
): false {
  const unknown = status === MemoryStatus.Unknown;
  if (trace !== null) {
    const verdict = unknown ? TraceVerdict.Unknown : TraceVerdict.Fault;
    const fmt = c.stage === 1 ? config.guest.fmt! : config.host.fmt!;
    trace.unreadable(c, fmt, paHi, paLo, verdict, unknown ? R.NONE : R.TABLE_FETCH);
  }
  return unknown ? t.unknown(paHi, paLo) : hardwareError(t, R.TABLE_FETCH, c.stage === 1, paHi, paLo);
}

/** End with PAGE_TAB_HARDWARE_ERROR at a system physical address; `guest` where a guest's structure lies there. */
export function hardwareError(t: Translation, reason: number, guest: boolean, paHi: number, paLo: number): false {
  t.gn = guest;
  t.type = HardwareErrorType.MasterAbort;
  t.addressHi = paHi;
  t.addressLo = paLo;
  return t.fault(EventCode.PAGE_TAB_HARDWARE_ERROR, reason);
}
