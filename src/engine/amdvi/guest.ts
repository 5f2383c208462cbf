/**
 * Stage 1: the guest CR3 table and the guest (version 2) tables, from a guest virtual to a guest physical address.
 * 48882 revision 3.10, §2.2.6 and §2.2.7. Where host tables lie beneath, every structure is read through them.
 *
 * CHOICE(V2_WP): a supervisor's write needs R/W too, as with CR0.WP. CHOICE(V2_SMEP): supervisors may fetch instructions
 * from user pages. CHOICE(V2_NX): without EFR.NXSup bit 63 of an entry is ignored, without EFR.USSup U/S is.
 */
import { GCR3_ENTRY, gcr3PasidBits } from "../../arch/amdvi/gcr3.ts";
import { R } from "../../arch/amdvi/reasons.ts";
import { X86Denied, x86Format } from "../../pagetable/formats/x86_64.ts";
import { Cursor, type TableReader, WalkEnd, walk } from "../../pagetable/walk.ts";
import { TraceKind, TracePhase, TraceVerdict } from "../../protocol/trace.ts";
import { Updates, Want } from "../common/request.ts";
import type { TraceRecorder } from "../common/trace_recorder.ts";
import { MemoryStatus, type PhysicalMemory } from "../memory/physical_memory.ts";
import type { AmdCaches } from "./caches/amd_caches.ts";
import type { Capabilities } from "./capabilities.ts";
import { type DeviceConfig, OUTPUT_BITS } from "./device_config.ts";
import { lacking, Update } from "./entry_update.ts";
import { For, type HostTables, hardwareError, traceResumed, unreadable } from "./host.ts";
import { entryReason } from "./trace_recorder.ts";
import type { Translation } from "./translation.ts";

const GCR3_BYTES = 8;
/** What is kept of each entry of a walk that an update may need: physical and guest physical address, entry, record. */
const Kept = { PaHi: 0, PaLo: 1, GpaHi: 2, GpaLo: 3, Lo: 4, Record: 5 } as const;
const KEPT_WORDS = 6;
const MOST_LEVELS = 5;

/** What a leaf with the levels above it allows, as a set of `Want`. */
export function guestPermissions(lo: number, hi: number, inherited: number, privileged: boolean, caps: Capabilities) {
  const denied = inherited | (~lo & (X86Denied.Write | X86Denied.User)) | (hi & X86Denied.Execute);
  if (caps.usSup && !privileged && (denied & X86Denied.User) !== 0) return 0;
  const write = (denied & X86Denied.Write) === 0 ? Want.Write : 0;
  const execute = caps.nxSup && (denied & X86Denied.Execute) !== 0 ? 0 : Want.Execute;
  return Want.Read | write | execute;
}

export class GuestTables implements TableReader {
  /** The address the last translation gave. */
  outHi = 0;
  outLo = 0;
  /** Entries read by the last walk. */
  reads = 0;
  readonly cursor = new Cursor(1);
  readonly #memory: PhysicalMemory;
  readonly #host: HostTables;
  readonly #caps: Capabilities;
  readonly #caches: AmdCaches | null;
  /** Level that the last walk began at. */
  #top = 0;
  #t: Translation | null = null;
  #config: DeviceConfig | null = null;
  #trace: TraceRecorder | null = null;
  readonly #kept = new Int32Array(MOST_LEVELS * KEPT_WORDS);
  readonly #entry = new Uint32Array(2);

  constructor(memory: PhysicalMemory, host: HostTables, caps: Capabilities, caches: AmdCaches | null = null) {
    this.#memory = memory;
    this.#host = host;
    this.#caps = caps;
    this.#caches = caches;
  }

  /**
   * Read the guest CR3 table for `t.usedPasid`; the root it gives is set in `config.guest`.
   * @returns false when the translation ended here: `t` says how
   */
  enter(t: Translation, config: DeviceConfig, trace: TraceRecorder | null): boolean {
    const pasid = t.usedPasid;
    t.gn = true;
    if (pasid >>> Math.min(gcr3PasidBits(config.glx), this.#caps.pasidBits) !== 0) {
      if (trace !== null) trace.check(1, R.PASID_RANGE, t.iovaHi, t.iovaLo);
      return t.pageFault(R.PASID_RANGE, false, false, false);
    }
    const cache = this.#caches?.config ?? null;
    if (cache?.recallGcr3(t.deviceId, pasid) === true) {
      this.#begin(config, cache.rootHi, cache.rootLo);
      return true;
    }
    let [tableHi, tableLo] = [config.gcr3Hi, config.gcr3Lo];
    for (let level = config.glx; level >= 0; level--) {
      const index = (pasid >>> (9 * level)) & 511;
      const physical = !config.hostOn || (config.gcr3Physical && level === config.glx);
      if (!this.#readGcr3(t, config, trace, index, tableHi, tableLo + index * GCR3_BYTES, physical)) return false;
      tableHi = GCR3_ENTRY.f.Address.addressHi(this.#entry, 0);
      tableLo = GCR3_ENTRY.f.Address.addressLo(this.#entry, 0) | 0;
      if (trace !== null) trace.leadsTo(tableHi, tableLo);
    }
    if (trace !== null) trace.done();
    if (t.updates === Updates.Make) cache?.keepGcr3(t.deviceId, pasid, t.domainId, tableHi, tableLo);
    this.#begin(config, tableHi, tableLo);
    return true;
  }

  #begin({ guest, guestLevels }: DeviceConfig, rootHi: number, rootLo: number): void {
    guest.set(x86Format(guestLevels, true), rootHi, rootLo, guestLevels - 1, 12 + 9 * guestLevels, OUTPUT_BITS, 12);
  }

  #readGcr3(
    t: Translation,
    config: DeviceConfig,
    trace: TraceRecorder | null,
    index: number,
    atHi: number,
    atLo: number,
    physical: boolean,
  ): boolean {
    let [paHi, paLo] = [atHi, atLo];
    if (!physical) {
      if (!this.#host.translate(t, config, trace, atHi, atLo, For.Fetch)) return false;
      [paHi, paLo] = [this.#host.paHi, this.#host.paLo];
    }
    const status = this.#memory.read64(paHi, paLo);
    const ok = status === MemoryStatus.Ok;
    if (ok) [this.#entry[0], this.#entry[1]] = [this.#memory.lo, this.#memory.hi];
    else this.#entry.fill(0);
    const [lo, hi] = [this.#entry[0]!, this.#entry[1]!];
    if (trace !== null) trace.structure(TraceKind.GCR3, index, atHi, atLo, paHi, paLo, hi, lo);
    if (status === MemoryStatus.Unknown) {
      if (trace !== null) trace.fail(TraceVerdict.Unknown, R.NONE);
      return t.unknown(paHi, paLo);
    }
    const reason = !ok ? R.GCR3_FETCH : GCR3_ENTRY.f.V.get(this.#entry, 0) === 0 ? R.GCR3_V : R.NONE;
    if (reason === R.NONE) return true;
    if (trace !== null) trace.fail(TraceVerdict.Fault, reason);
    if (!ok) return hardwareError(t, reason, true, paHi, paLo);
    t.gn = true;
    return t.pageFault(reason, false, false, false);
  }

  /**
   * Translate `t`'s address through the tables that {@link enter} found; the answer is in {@link outHi}, {@link outLo}.
   * @returns false when the translation ended here: `t` says how
   */
  translate(t: Translation, config: DeviceConfig, trace: TraceRecorder | null): boolean {
    const { guest } = config;
    const c = this.cursor;
    this.#t = t;
    this.#config = config;
    this.#trace = trace;
    this.reads = 0;
    t.gn = true;
    guest.start(c, t.iovaHi, t.iovaLo);
    if (!canonical(t.iovaHi, config.guestLevels)) {
      if (trace !== null) trace.row(TracePhase.Table, 0);
      if (trace !== null) trace.check(1, R.GVA_CANONICAL, t.iovaHi, t.iovaLo);
      return t.pageFault(R.GVA_CANONICAL, false, false, false);
    }
    const directories = this.#caches?.guestWalk ?? null;
    if (directories?.resume(c, config.domainId, t.usedPasid) === true && trace !== null) traceResumed(trace, c);
    this.#top = c.level;
    const end = walk(guest.fmt!, this, c, trace);
    if (end !== WalkEnd.Leaf) return this.#badEnd(end);
    if (t.updates === Updates.Make) directories?.walked(c, config.domainId, t.usedPasid);
    const allowed = guestPermissions(c.lo, c.hi, c.inherited, t.privileged, this.#caps);
    if (trace !== null) trace.leaf(allowed, t.write);
    t.permissions1 = allowed;
    t.sizeLg2Stage1 = c.sizeLg2;
    if ((t.want & ~allowed) !== 0) return this.#deny(guestRefusal(t, allowed));
    this.outHi = c.outHi;
    this.outLo = c.outLo;
    return config.guestUpdates === 0 || this.#mark(t, config);
  }

  /** Have the entries of the walk marked accessed, and the leaf dirty for a write, once the access has passed. */
  #mark(t: Translation, config: DeviceConfig): boolean {
    const kept = this.#kept;
    const leaf = this.cursor.level;
    for (let level = this.#top; level >= leaf; level--) {
      const at = level * KEPT_WORDS;
      const wanted = Update.Accessed | (level === leaf && t.write ? Update.Dirty : 0);
      const what = lacking(kept[at + Kept.Lo]!, wanted & config.guestUpdates);
      if (what === 0) continue;
      const record = kept[at + Kept.Record]!;
      if (config.hostOn && !this.#mayUpdate(t, config, kept[at + Kept.GpaHi]!, kept[at + Kept.GpaLo]!)) return false;
      t.pending.add(kept[at + Kept.PaHi]!, kept[at + Kept.PaLo]!, what, record);
    }
    return true;
  }

  /** The host tables let the page of a guest entry be written; what of them that uses is marked. */
  #mayUpdate(t: Translation, config: DeviceConfig, gpaHi: number, gpaLo: number): boolean {
    const host = this.#host;
    if (host.translate(t, config, null, gpaHi, gpaLo, For.Update)) return true;
    return this.#trace !== null && t.reason === R.HOST_UPDATE_WRITE
      ? host.refuseUpdate(t, config, this.#trace, gpaHi, gpaLo)
      : false;
  }

  /** A guest entry lies at a guest physical address where host tables translate. Part of {@link TableReader}. */
  read(c: Cursor, atHi: number, atLo: number): boolean {
    const trace = this.#trace;
    const config = this.#config!;
    const t = this.#t!;
    if (trace !== null) trace.row(TracePhase.Table, this.reads);
    this.reads++;
    let [paHi, paLo] = [atHi, atLo];
    if (config.hostOn) {
      if (!this.#host.translate(t, config, trace, atHi, atLo, For.Fetch)) return false;
      paHi = this.#host.paHi;
      paLo = this.#host.paLo;
      t.gn = true;
    }
    if (trace !== null) {
      trace.paHi = paHi;
      trace.paLo = paLo;
    }
    const status = this.#memory.read64(paHi, paLo);
    if (status !== MemoryStatus.Ok) return unreadable(t, trace, c, config, status, paHi, paLo);
    c.lo = this.#memory.lo;
    c.hi = this.#memory.hi;
    const kept = this.#kept;
    const at = c.level * KEPT_WORDS;
    kept[at + Kept.PaHi] = paHi;
    kept[at + Kept.PaLo] = paLo;
    kept[at + Kept.GpaHi] = atHi;
    kept[at + Kept.GpaLo] = atLo;
    kept[at + Kept.Lo] = c.lo;
    kept[at + Kept.Record] = trace === null ? -1 : trace.count;
    return true;
  }

  #badEnd(end: WalkEnd): false {
    if (end === WalkEnd.Unreadable) return false; // The reader has ended the translation.
    const absent = end === WalkEnd.Empty;
    return this.#t!.pageFault(entryReason(1, end), !absent, false, !absent);
  }

  #deny(reason: number): false {
    if (this.#trace !== null) this.#trace.fail(TraceVerdict.Fault, reason);
    return this.#t!.pageFault(reason, true, true, false);
  }
}

/** Bits [63:47] or [63:56] of the address are all alike. */
function canonical(hi: number, levels: 4 | 5): boolean {
  const top = (hi | 0) >> (levels === 4 ? 15 : 24);
  return top === 0 || top === -1;
}

function guestRefusal(t: Translation, allowed: number): number {
  if ((allowed & Want.Read) === 0) return R.GUEST_USER;
  return t.want === Want.Execute ? R.GUEST_EXECUTE : R.GUEST_WRITE;
}
