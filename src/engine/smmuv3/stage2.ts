/**
 * Stage 2: from an IPA to a PA (IHI 0070 §3.4, §5.2; DDI 0487 §D8).
 *
 * Serves three purposes, which the CLASS of a fault tells apart: the fetch of a CD, the fetch of a stage-1 descriptor,
 * and the address of the transaction itself.
 */
import { R } from "../../arch/smmuv3/reasons.ts";
import { Cursor, type TableReader, WalkEnd, walk } from "../../pagetable/walk.ts";
import { TraceVerdict } from "../../protocol/trace.ts";
import type { TraceRecorder } from "../common/trace_recorder.ts";
import { MemoryStatus, type PhysicalMemory } from "../memory/physical_memory.ts";
import { traceTable } from "./caches/cache_traces.ts";
import type { SmmuCaches } from "./caches/smmu_caches.ts";
import type { CachedStream } from "./caches/tags.ts";
import { Event } from "./event_record.ts";
import { clean2, Update, update } from "./hardware_update.ts";
import { accessed, addressSizeReason, isTableType, stage2IsDevice, stage2Permissions } from "./leaf.ts";
import type { StreamConfig } from "./stream_config.ts";
import { End, EventClass, type Translation, Updates, Want } from "./translation.ts";

/** Most tables above a leaf. */
const MOST_TABLES = 5;

export class Stage2 implements TableReader {
  /** The address the last translation gave. */
  paHi = 0;
  paLo = 0;
  readonly cursor = new Cursor(2);
  readonly #memory: PhysicalMemory;
  readonly #executeByPrivilege: boolean;
  #t: Translation | null = null;
  #config: StreamConfig | null = null;
  #trace: TraceRecorder | null = null;
  #class: EventClass = EventClass.IN;
  /** Tables of this walk whose Access flag is clear: address and trace record of each. */
  #unmarked = 0;
  readonly #tables = new Int32Array(3 * MOST_TABLES);

  /** @param executeByPrivilege IDR3.XNX: stage 2 tells privileged from unprivileged execution */
  constructor(memory: PhysicalMemory, executeByPrivilege: boolean) {
    this.#memory = memory;
    this.#executeByPrivilege = executeByPrivilege;
  }

  /**
   * Translate an IPA; the answer is in {@link paHi} and {@link paLo}.
   * @param forClass what the address is for; CD and TT are read as data, IN as the transaction asks
   * @returns false when the translation ended here: `t` says how
   */
  translate(
    t: Translation,
    config: StreamConfig,
    trace: TraceRecorder | null,
    ipaHi: number,
    ipaLo: number,
    forClass: EventClass,
  ): boolean {
    const base = config.s2;
    const fmt = base.fmt!;
    const c = this.cursor;
    this.#class = forClass;
    this.#t = t;
    this.#config = config;
    this.#trace = trace;
    if (((ipaHi & base.overHi) | (ipaLo & base.overLo)) !== 0) {
      if (trace !== null) trace.check(2, R.IPA_RANGE, ipaHi, ipaLo);
      return this.#fault(Event.F_TRANSLATION, R.IPA_RANGE, ipaHi, ipaLo);
    }
    this.#unmarked = 0;
    base.start(c, ipaHi, ipaLo);
    const { caches } = config;
    if (caches !== null && this.#recall(caches, t, config as CachedStream, trace, ipaHi, ipaLo)) return true;
    const end = walk(fmt, this, c, trace);
    if (end !== WalkEnd.Leaf) return this.#badEnd(end);
    const lo = c.lo;
    if (config.s2AccessFlagFaults && !accessed(lo)) return this.#stop(Event.F_ACCESS, R.ACCESS_FLAG);
    const allowed = stage2Permissions(lo, c.hi, t.privileged, this.#executeByPrivilege, config.s2Hd);
    if (trace !== null) trace.leaf(allowed, forClass === EventClass.IN && t.write);
    if (forClass === EventClass.IN) {
      t.permissions2 = allowed;
      t.sizeLg2Stage2 = fmt.granuleLg2 + fmt.strideLg2 * c.level;
      if ((allowed & t.want) === 0) return this.#refuse(stage2Refusal(t.want));
      t.leaf2Hi = c.hi;
      t.leaf2Lo = lo;
    } else {
      if ((allowed & Want.Read) === 0) return this.#refuse(R.S2_FETCH_READ);
      if (config.s2ProtectWalks && stage2IsDevice(lo, config.s2Fwb)) return this.#refuse(R.S2PTW);
    }
    if (config.s2Ha) this.#markUsed(t, config, trace);
    if (caches !== null) caches.stages.walked2(t, config as CachedStream, c, forClass === EventClass.IN);
    this.paHi = c.outHi;
    this.paLo = c.outLo;
    return true;
  }

  /** Take the answer from a cache, or the last-level table to walk on from. @returns whether the answer is there */
  #recall(
    caches: SmmuCaches,
    t: Translation,
    s: CachedStream,
    trace: TraceRecorder | null,
    ipaHi: number,
    ipaLo: number,
  ): boolean {
    const { stages } = caches;
    const own = this.#class === EventClass.IN;
    if (stages.hit2(t, s, this.cursor, ipaHi, ipaLo, own)) {
      this.paHi = stages.outHi;
      this.paLo = stages.outLo;
      if (trace !== null) stages.traceHit(trace, 2, own, ipaHi, ipaLo);
      return true;
    }
    if (stages.resume2(t, s, this.cursor) && trace !== null) traceTable(trace, 2, this.cursor, ipaHi, ipaLo);
    return false;
  }

  /**
   * End the translation: hardware has to update the stage-1 descriptor at an IPA, and may not write there (§3.13.5).
   * @returns false
   */
  refuseUpdate(t: Translation, config: StreamConfig, trace: TraceRecorder | null, ipaHi: number, ipaLo: number): false {
    this.#class = EventClass.TT;
    this.#t = t;
    this.#config = config;
    if (trace !== null) trace.check(2, R.S2_UPDATE_WRITE, ipaHi, ipaLo);
    this.#fault(Event.F_PERMISSION, R.S2_UPDATE_WRITE, ipaHi, ipaLo);
    t.ttWrite = true;
    return false;
  }

  /** The access has passed every stage: make the updates that waited for it, as `t.updates` says. */
  finishUpdates(t: Translation, trace: TraceRecorder | null): void {
    const writable = (t.permissions1 & t.permissions2 & Want.Write) !== 0;
    if (t.pending.finish(this.#memory, t.updates === Updates.Make, writable, trace)) t.clean |= 1;
  }

  /** The walk's leaf is used: hardware sets what flags are clear, and marks a page that is written dirty. */
  #markUsed(t: Translation, config: StreamConfig, trace: TraceRecorder | null): void {
    const c = this.cursor;
    const forAccess = this.#class === EventClass.IN;
    let what = accessed(c.lo) ? 0 : Update.Accessed;
    if (config.s2Hd && forAccess && clean2(c.lo, c.hi)) {
      if (t.write && (t.permissions1 & t.permissions2 & Want.Write) !== 0) what |= Update.Dirty;
      else t.clean |= 2;
    }
    if (t.updates === Updates.Inhibit) return;
    for (let i = 0; i < this.#unmarked; i += 3) {
      this.#change(t, trace, this.#tables[i]!, this.#tables[i + 1]!, Update.Accessed, this.#tables[i + 2]!);
    }
    if (what !== 0) this.#change(t, trace, c.atHi, c.atLo, what, trace === null ? -1 : trace.count - 1);
  }

  /** What the access itself needs waits for it to pass; what a fetch for it used is changed at once. */
  #change(t: Translation, trace: TraceRecorder | null, hi: number, lo: number, what: number, record: number): void {
    const { bigEndian } = this.#config!.s2;
    if (this.#class === EventClass.IN) {
      t.pending.add(2, hi, lo, bigEndian, what, record);
      return;
    }
    if (trace !== null) trace.updated(record, what);
    if (t.updates === Updates.Make) update(this.#memory, 2, hi, lo, bigEndian, what);
  }

  /** Stage-2 tables are read at physical addresses. Part of {@link TableReader}. */
  read(c: Cursor, atHi: number, atLo: number): boolean {
    const status = this.#memory.read64(atHi, atLo);
    if (status === MemoryStatus.Ok) {
      c.lo = this.#memory.lo;
      c.hi = this.#memory.hi;
      const config = this.#config!;
      if (config.s2.bigEndian) c.swapBytes();
      if (config.s2Haft && c.level > 0 && isTableType(c.lo) && !accessed(c.lo)) this.#noteTable(c);
      return true;
    }
    return this.#unreadable(c, status);
  }

  /** A table's Access flag is clear; the walk's success will set it. */
  #noteTable(c: Cursor): void {
    const at = this.#unmarked;
    this.#tables[at] = c.atHi;
    this.#tables[at + 1] = c.atLo;
    this.#tables[at + 2] = this.#trace === null ? -1 : this.#trace.count;
    this.#unmarked = at + 3;
  }

  #unreadable(c: Cursor, status: MemoryStatus): false {
    const t = this.#t!;
    const fmt = this.#config!.s2.fmt!;
    const unknown = status === MemoryStatus.Unknown;
    if (this.#trace !== null) {
      const verdict = unknown ? TraceVerdict.Unknown : TraceVerdict.Fault;
      this.#trace.unreadable(c, fmt, c.atHi, c.atLo, verdict, unknown ? R.NONE : R.WALK_ABORT);
    }
    if (unknown) return t.unknown(c.atHi, c.atLo);
    t.stage = 2;
    t.class = this.#class;
    t.fetchHi = c.atHi;
    t.fetchLo = c.atLo;
    return t.fault(Event.F_WALK_EABT, R.WALK_ABORT);
  }

  #badEnd(end: WalkEnd): false {
    const c = this.cursor;
    switch (end) {
      case WalkEnd.Empty:
        return this.#stop(Event.F_TRANSLATION, R.INVALID);
      case WalkEnd.Reserved:
        return this.#stop(Event.F_TRANSLATION, R.RESERVED_TYPE);
      case WalkEnd.AddressSize:
        return this.#stop(Event.F_ADDR_SIZE, addressSizeReason(c));
      default:
        return false; // The reader has ended the translation.
    }
  }

  #refuse(reason: number): false {
    return this.#stop(Event.F_PERMISSION, reason);
  }

  #stop(event: number, reason: number): false {
    if (this.#trace !== null) this.#trace.fail(TraceVerdict.Fault, reason);
    return this.#fault(event, reason, this.cursor.vaHi, this.cursor.vaLo);
  }

  #fault(event: number, reason: number, ipaHi: number, ipaLo: number): false {
    const t = this.#t!;
    t.stage = 2;
    t.class = this.#class;
    t.ipaHi = ipaHi;
    t.ipaLo = ipaLo;
    t.fault(event, reason);
    const config = this.#config!;
    // Translation faults of stage 2 stall or are recorded as S2S and S2R say; F_WALK_EABT is not one of them (§5.5).
    t.stalls = config.s2Stall;
    if (!config.s2Stall && !config.s2Record) t.end = End.Abort;
    return false;
  }
}

/** Why stage 2 refuses what is wanted. */
export const stage2Refusal = (want: number): number =>
  want === Want.Write ? R.S2_WRITE : want === Want.Execute ? R.S2_EXECUTE : R.S2_READ;
