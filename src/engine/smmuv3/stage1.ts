/**
 * Stage 1: from an input address to an IPA, or to a PA where stage 2 is off (IHI 0070 §3.4.1, §5.4; DDI 0487 §D8).
 *
 * Nesting is here and nowhere else: the reader of stage-1 entries sends their addresses through stage 2.
 */
import { R } from "../../arch/smmuv3/reasons.ts";
import { Cursor, type TableReader, WalkEnd, walk } from "../../pagetable/walk.ts";
import { TracePhase, TraceVerdict } from "../../protocol/trace.ts";
import { MemoryStatus, type PhysicalMemory } from "../memory/physical_memory.ts";
import { Event } from "./event_record.ts";
import { accessed, addressSizeReason, type Stage1Controls, stage1Permissions } from "./leaf.ts";
import type { Stage2 } from "./stage2.ts";
import type { StreamConfig, TableBase } from "./stream_config.ts";
import type { TraceRecorder } from "./trace_recorder.ts";
import { End, EventClass, type Translation, Want } from "./translation.ts";

export class Stage1 implements TableReader {
  /** The address the last translation gave. */
  outHi = 0;
  outLo = 0;
  /** Stage-1 entries read by the last translation. */
  reads = 0;
  readonly cursor = new Cursor(1);
  readonly #memory: PhysicalMemory;
  readonly #stage2: Stage2;
  #t: Translation | null = null;
  #config: StreamConfig | null = null;
  #base: TableBase | null = null;
  #trace: TraceRecorder | null = null;

  constructor(memory: PhysicalMemory, stage2: Stage2) {
    this.#memory = memory;
    this.#stage2 = stage2;
  }

  /**
   * Translate the transaction's input address.
   * @returns false when the translation ended here: `t` says how
   */
  translate(t: Translation, config: StreamConfig & Stage1Controls, trace: TraceRecorder | null): boolean {
    const base = config.twoHalves && (t.iovaHi & 0x00800000) !== 0 ? config.ttb1 : config.ttb0;
    this.#t = t;
    this.#config = config;
    this.#base = base;
    this.#trace = trace;
    this.reads = 0;
    const refused = inputRefusal(t, base, base === config.ttb1);
    if (refused !== R.NONE) {
      if (trace !== null) trace.row(TracePhase.Table, 0);
      if (trace !== null) trace.check(1, refused, t.iovaHi, t.iovaLo);
      return this.#fault(Event.F_TRANSLATION, refused);
    }
    const c = this.cursor;
    const fmt = base.fmt!;
    base.start(c, t.iovaHi, t.iovaLo);
    const end = walk(fmt, this, c, trace);
    if (end !== WalkEnd.Leaf) return this.#badEnd(end);
    if (!accessed(c.lo) && config.s1AccessFlagFaults) return this.#stop(Event.F_ACCESS, R.ACCESS_FLAG);
    const allowed = stage1Permissions(c.lo, c.hi, c.inherited & base.hierarchy, t.privileged, config);
    if (trace !== null) trace.leaf(allowed, t.write);
    t.permissions1 = allowed;
    t.sizeLg2Stage1 = fmt.granuleLg2 + fmt.strideLg2 * c.level;
    if ((allowed & t.want) === 0) return this.#stop(Event.F_PERMISSION, refusalOf(t, allowed));
    this.outHi = c.outHi;
    this.outLo = c.outLo;
    return true;
  }

  /** A stage-1 entry lies at an IPA where stage 2 translates. Part of {@link TableReader}. */
  read(c: Cursor, atHi: number, atLo: number): boolean {
    const trace = this.#trace;
    if (trace !== null) trace.row(TracePhase.Table, this.reads);
    this.reads++;
    let paHi = atHi;
    let paLo = atLo;
    if (this.#config!.stage2) {
      if (!this.#stage2.translate(this.#t!, this.#config!, trace, atHi, atLo, EventClass.TT)) return false;
      paHi = this.#stage2.paHi;
      paLo = this.#stage2.paLo;
    }
    if (trace !== null) {
      trace.paHi = paHi;
      trace.paLo = paLo;
    }
    const status = this.#memory.read64(paHi, paLo);
    if (status === MemoryStatus.Ok) {
      c.lo = this.#memory.lo;
      c.hi = this.#memory.hi;
      if (this.#base!.bigEndian) c.swapBytes();
      return true;
    }
    return this.#unreadable(c, status, paHi, paLo);
  }

  #unreadable(c: Cursor, status: MemoryStatus, paHi: number, paLo: number): false {
    const t = this.#t!;
    const unknown = status === MemoryStatus.Unknown;
    if (this.#trace !== null) {
      const verdict = unknown ? TraceVerdict.Unknown : TraceVerdict.Fault;
      this.#trace.unreadable(c, this.#base!.fmt!, paHi, paLo, verdict, unknown ? R.NONE : R.WALK_ABORT);
    }
    if (unknown) return t.unknown(paHi, paLo);
    // The descriptor's own fetch got no answer: stage 1, CLASS TT (§7.3.12).
    t.stage = 1;
    t.class = EventClass.TT;
    t.fetchHi = paHi;
    t.fetchLo = paLo;
    return t.fault(Event.F_WALK_EABT, R.WALK_ABORT);
  }

  #badEnd(end: WalkEnd): false {
    switch (end) {
      case WalkEnd.Empty:
        return this.#stop(Event.F_TRANSLATION, R.INVALID);
      case WalkEnd.Reserved:
        return this.#stop(Event.F_TRANSLATION, R.RESERVED_TYPE);
      case WalkEnd.AddressSize:
        return this.#stop(Event.F_ADDR_SIZE, addressSizeReason(this.cursor));
      default:
        return false; // The reader has ended the translation.
    }
  }

  #stop(event: number, reason: number): false {
    if (this.#trace !== null) this.#trace.fail(TraceVerdict.Fault, reason);
    return this.#fault(event, reason);
  }

  #fault(event: number, reason: number): false {
    const t = this.#t!;
    t.stage = 1;
    t.class = EventClass.IN;
    t.fault(event, reason);
    t.razwi = !this.#config!.s1Abort;
    if (!this.#config!.s1Record) t.end = End.Abort;
    return false;
  }
}

/** Why an input address is not walked for; R.NONE when it is. */
function inputRefusal(t: Translation, base: TableBase, upper: boolean): number {
  let hi = upper ? ~t.iovaHi : t.iovaHi;
  const lo = upper ? ~t.iovaLo : t.iovaLo;
  if (base.topByteIgnored) hi &= 0x00ffffff;
  if (base.disabled) return R.EPD;
  if (base.e0pd && !t.privileged) return R.E0PD;
  return ((hi & base.overHi) | (lo & base.overLo)) === 0 ? R.NONE : R.VA_RANGE;
}

function refusalOf(t: Translation, allowed: number): number {
  if (t.want === Want.Execute) return R.S1_EXECUTE;
  if ((allowed & Want.Read) === 0) return t.privileged ? R.S1_PAN : R.S1_UNPRIVILEGED;
  return R.S1_READ_ONLY;
}
