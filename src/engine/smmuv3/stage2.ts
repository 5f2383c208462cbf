/**
 * Stage 2: from an IPA to a PA (IHI 0070 §3.4, §5.2; DDI 0487 §D8).
 *
 * Serves three purposes, which the CLASS of a fault tells apart: the fetch of a CD, the fetch of a stage-1 descriptor,
 * and the address of the transaction itself.
 */
import { R } from "../../arch/smmuv3/reasons.ts";
import { Cursor, type TableReader, WalkEnd, walk } from "../../pagetable/walk.ts";
import { TraceVerdict } from "../../protocol/trace.ts";
import { MemoryStatus, type PhysicalMemory } from "../memory/physical_memory.ts";
import { Event } from "./event_record.ts";
import { accessed, addressSizeReason, stage2IsDevice, stage2Permissions } from "./leaf.ts";
import type { StreamConfig } from "./stream_config.ts";
import type { TraceRecorder } from "./trace_recorder.ts";
import { End, EventClass, type Translation, Want } from "./translation.ts";

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
    base.start(c, ipaHi, ipaLo);
    const end = walk(fmt, this, c, trace);
    if (end === WalkEnd.Leaf) {
      const lo = c.lo;
      if (accessed(lo) || !config.s2AccessFlagFaults) {
        const allowed = stage2Permissions(lo, c.hi, t.privileged, this.#executeByPrivilege);
        if (trace !== null) trace.leaf(allowed, forClass === EventClass.IN && t.write);
        if (forClass === EventClass.IN) {
          t.permissions2 = allowed;
          t.sizeLg2Stage2 = fmt.granuleLg2 + fmt.strideLg2 * c.level;
          if ((allowed & t.want) === 0) return this.#refuse(refusalOf(t.want));
        } else {
          if ((allowed & Want.Read) === 0) return this.#refuse(R.S2_FETCH_READ);
          if (config.s2ProtectWalks && stage2IsDevice(lo, config.s2Fwb)) return this.#refuse(R.S2PTW);
        }
        this.paHi = c.outHi;
        this.paLo = c.outLo;
        return true;
      }
      return this.#stop(Event.F_ACCESS, R.ACCESS_FLAG);
    }
    return this.#badEnd(end);
  }

  /** Stage-2 tables are read at physical addresses. Part of {@link TableReader}. */
  read(c: Cursor, atHi: number, atLo: number): boolean {
    const status = this.#memory.read64(atHi, atLo);
    if (status === MemoryStatus.Ok) {
      c.lo = this.#memory.lo;
      c.hi = this.#memory.hi;
      if (this.#config!.s2.bigEndian) c.swapBytes();
      return true;
    }
    return this.#unreadable(c, status);
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
    // Translation faults of stage 2 are recorded as S2R says; F_WALK_EABT is not one of them (§5.5).
    if (!this.#config!.s2Record) t.end = End.Abort;
    return false;
  }
}

const refusalOf = (want: number): number =>
  want === Want.Write ? R.S2_WRITE : want === Want.Execute ? R.S2_EXECUTE : R.S2_READ;
