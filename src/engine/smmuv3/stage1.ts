/**
 * Stage 1: from an input address to an IPA, or to a PA where stage 2 is off (IHI 0070 §3.4.1, §5.4; DDI 0487 §D8).
 *
 * Nesting is here and nowhere else: the reader of stage-1 entries sends their addresses through stage 2.
 */
import { R } from "../../arch/smmuv3/reasons.ts";
import { Cursor, type TableReader, WalkEnd, walk } from "../../pagetable/walk.ts";
import { TracePhase, TraceVerdict } from "../../protocol/trace.ts";
import type { TraceRecorder } from "../common/trace_recorder.ts";
import { MemoryStatus, type PhysicalMemory } from "../memory/physical_memory.ts";
import { traceTable } from "./caches/cache_traces.ts";
import type { SmmuCaches } from "./caches/smmu_caches.ts";
import type { CachedStream } from "./caches/tags.ts";
import { Event } from "./event_record.ts";
import { clean1, clean2, Update } from "./hardware_update.ts";
import { accessed, addressSizeReason, type Stage1Controls, stage1Permissions, stage2Permissions } from "./leaf.ts";
import type { Stage2 } from "./stage2.ts";
import type { StreamConfig, TableBase } from "./stream_config.ts";
import { End, EventClass, type Translation, Updates, Want } from "./translation.ts";

/** What a walk keeps of each entry, for hardware may have to update it: numbers of words, by level. */
const Kept = {
  PaHi: 0,
  PaLo: 1,
  IpaHi: 2,
  IpaLo: 3,
  Lo: 4,
  Record: 5,
  LeafAtHi: 6,
  LeafAtLo: 7,
  LeafHi: 8,
  LeafLo: 9,
} as const;
const KEPT_WORDS = 10;
const MOST_LEVELS = 5;

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
  /** Where the entry read last lies. */
  #entryHi = 0;
  #entryLo = 0;
  readonly #kept = new Int32Array(MOST_LEVELS * KEPT_WORDS);

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
    // A table that is not read has its Access flag set, or nothing could have kept it.
    if (config.haft) this.#kept.fill(-1);
    const refused = inputRefusal(t, base, base === config.ttb1);
    if (refused !== R.NONE) {
      if (trace !== null) trace.row(TracePhase.Table, 0);
      if (trace !== null) trace.check(1, refused, t.iovaHi, t.iovaLo);
      return this.#fault(Event.F_TRANSLATION, refused);
    }
    const c = this.cursor;
    const fmt = base.fmt!;
    base.start(c, t.iovaHi, t.iovaLo);
    const { caches } = config;
    if (caches !== null && this.#recall(caches, t, config as unknown as CachedStream, trace)) return true;
    const end = walk(fmt, this, c, trace);
    if (end !== WalkEnd.Leaf) return this.#badEnd(end);
    if (config.s1AccessFlagFaults && !accessed(c.lo)) return this.#stop(Event.F_ACCESS, R.ACCESS_FLAG);
    const allowed = stage1Permissions(c.lo, c.hi, c.inherited & base.hierarchy, t.privileged, config);
    if (trace !== null) trace.leaf(allowed, t.write);
    t.permissions1 = allowed;
    t.sizeLg2Stage1 = fmt.granuleLg2 + fmt.strideLg2 * c.level;
    if ((allowed & t.want) === 0) return this.#stop(Event.F_PERMISSION, stage1Refusal(t, allowed));
    t.leaf1Hi = c.hi;
    t.leaf1Lo = c.lo;
    if (config.ha && !this.#markUsed(t, config, trace, allowed)) return false;
    if (caches !== null) {
      caches.stages.walked1(t, config as unknown as CachedStream, base, c, this.#entryHi, this.#entryLo);
    }
    this.outHi = c.outHi;
    this.outLo = c.outLo;
    return true;
  }

  /** Take the answer from a cache, or the last-level table to walk on from. @returns whether the answer is there */
  #recall(caches: SmmuCaches, t: Translation, s: CachedStream, trace: TraceRecorder | null): boolean {
    const { stages } = caches;
    if (trace !== null) trace.row(TracePhase.Table, 0);
    if (stages.hit1(t, s)) {
      this.outHi = stages.outHi;
      this.outLo = stages.outLo;
      this.reads = 1;
      if (trace !== null) stages.traceHit(trace, 1, true, t.iovaHi, t.iovaLo);
      return true;
    }
    if (!stages.resume1(t, s, this.#base!, this.cursor)) return false;
    this.reads = 1;
    if (trace !== null) traceTable(trace, 1, this.cursor, t.iovaHi, t.iovaLo);
    return false;
  }

  /**
   * The walk's leaf is used: hardware sets what flags are clear, and marks a page that is written dirty.
   * CHOICE(HTTU_FAULT_ORDER): what stage 2 has against the updates comes before what it has against the output address,
   * and after every fault of stage 1 (DDI 0487 §D8.5.2.1, §D8.15.5).
   */
  #markUsed(t: Translation, config: StreamConfig, trace: TraceRecorder | null, allowed: number): boolean {
    const c = this.cursor;
    let what = accessed(c.lo) ? 0 : Update.Accessed;
    if (config.hd && clean1(c.lo, c.hi)) {
      if (t.write && (allowed & Want.Write) !== 0) what |= Update.Dirty;
      else t.clean |= 1;
    }
    if (t.updates === Updates.Inhibit) return true;
    if (config.haft) {
      for (let level = this.#base!.level; level > c.level; level--) {
        const marked = accessed(this.#kept[level * KEPT_WORDS + Kept.Lo]!);
        if (!marked && !this.#change(t, config, trace, level, Update.Accessed)) return false;
      }
    }
    return what === 0 || this.#change(t, config, trace, c.level, what);
  }

  /** Have an entry updated when the access has passed: a write at stage 2, which has to let it (§3.13.5). */
  #change(t: Translation, config: StreamConfig, trace: TraceRecorder | null, level: number, what: number): boolean {
    const kept = this.#kept;
    const at = level * KEPT_WORDS;
    const record = kept[at + Kept.Record]!;
    if (config.stage2) {
      const [hi, lo] = [kept[at + Kept.LeafHi]!, kept[at + Kept.LeafLo]!];
      if ((stage2Permissions(lo, hi, t.privileged, false, config.s2Hd) & Want.Write) === 0) {
        return this.#stage2.refuseUpdate(t, config, trace, kept[at + Kept.IpaHi]!, kept[at + Kept.IpaLo]!);
      }
      if (clean2(lo, hi)) {
        const [leafHi, leafLo] = [kept[at + Kept.LeafAtHi]!, kept[at + Kept.LeafAtLo]!];
        t.pending.add(2, leafHi, leafLo, config.s2.bigEndian, Update.Dirty, record - 1);
      }
    }
    t.pending.add(1, kept[at + Kept.PaHi]!, kept[at + Kept.PaLo]!, this.#base!.bigEndian, what, record);
    return true;
  }

  /** A stage-1 entry lies at an IPA where stage 2 translates. Part of {@link TableReader}. */
  read(c: Cursor, atHi: number, atLo: number): boolean {
    const trace = this.#trace;
    if (trace !== null) trace.row(TracePhase.Table, this.reads);
    this.reads++;
    let paHi = atHi;
    let paLo = atLo;
    const config = this.#config!;
    if (config.stage2) {
      const stages = config.caches === null ? null : config.caches.stages;
      if (stages?.placed) {
        // The table that the walk went on from: where it lies is part of what was kept.
        paHi = stages.tableHi;
        paLo = stages.tableLo + (c.index << 3);
      } else {
        if (!this.#stage2.translate(this.#t!, config, trace, atHi, atLo, EventClass.TT)) return false;
        paHi = this.#stage2.paHi;
        paLo = this.#stage2.paLo;
      }
    }
    this.#entryHi = paHi;
    this.#entryLo = paLo;
    if (trace !== null) {
      trace.paHi = paHi;
      trace.paLo = paLo;
    }
    const status = this.#memory.read64(paHi, paLo);
    if (status === MemoryStatus.Ok) {
      c.lo = this.#memory.lo;
      c.hi = this.#memory.hi;
      if (this.#base!.bigEndian) c.swapBytes();
      if (this.#config!.ha) this.#keep(c, paHi, paLo);
      return true;
    }
    return this.#unreadable(c, status, paHi, paLo);
  }

  /** Keep what an update of this entry needs to know. */
  #keep(c: Cursor, paHi: number, paLo: number): void {
    const kept = this.#kept;
    const at = c.level * KEPT_WORDS;
    const leaf = this.#stage2.cursor;
    kept[at + Kept.PaHi] = paHi;
    kept[at + Kept.PaLo] = paLo;
    kept[at + Kept.IpaHi] = c.atHi;
    kept[at + Kept.IpaLo] = c.atLo;
    kept[at + Kept.Lo] = c.lo;
    kept[at + Kept.Record] = this.#trace === null ? -1 : this.#trace.count;
    kept[at + Kept.LeafAtHi] = leaf.atHi;
    kept[at + Kept.LeafAtLo] = leaf.atLo;
    kept[at + Kept.LeafHi] = leaf.hi;
    kept[at + Kept.LeafLo] = leaf.lo;
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
    const config = this.#config!;
    // A stall is always recorded, and ends as a command says (§5.5).
    t.stalls = config.s1Stall;
    t.razwi = !config.s1Stall && !config.s1Abort;
    if (!config.s1Stall && !config.s1Record) t.end = End.Abort;
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

/** Why stage 1 refuses what is wanted, by what its leaf allows. */
export function stage1Refusal(t: Translation, allowed: number): number {
  if (t.want === Want.Execute) return R.S1_EXECUTE;
  if ((allowed & Want.Read) === 0) return t.privileged ? R.S1_PAN : R.S1_UNPRIVILEGED;
  return R.S1_READ_ONLY;
}
