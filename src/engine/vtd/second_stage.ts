/**
 * The second stage: from a guest physical address, or the address of a request, to a host physical one (VT-d §3.7).
 *
 * It serves the request itself and, where translation is nested, the fetch of each first-stage entry (§3.8).
 * CHOICE(SECOND_STAGE_ORDER): an entry's rights are looked at as it is read, before its reserved bits and before the
 * levels below it. CHOICE(NOT_PRESENT): in scalable mode an entry that allows neither reading nor writing is SSS.2.
 */
import { pagingEntryLayout } from "../../arch/vtd/paging_entries.ts";
import { R } from "../../arch/vtd/reasons.ts";
import { locate } from "../../base/layout.ts";
import { SecondDenied } from "../../pagetable/formats/vtd_second.ts";
import { Cursor, type TableReader, WalkEnd, walk } from "../../pagetable/walk.ts";
import { TraceVerdict } from "../../protocol/trace.ts";
import { NO_PASID } from "../common/page_table_cache.ts";
import { Updates, Want } from "../common/request.ts";
import type { TraceRecorder } from "../common/trace_recorder.ts";
import type { WalkCache } from "../common/walk_cache.ts";
import { MemoryStatus, type PhysicalMemory } from "../memory/physical_memory.ts";
import type { RequestConfig } from "./request_config.ts";
import type { Translation } from "./translation.ts";

/** What an address is translated for. */
export const Purpose = {
  /** The request. */
  Request: 0,
  /** An entry of the first-stage root table. */
  RootTable: 1,
  /** An entry of another first-stage table. */
  Table: 2,
} as const;
export type Purpose = (typeof Purpose)[keyof typeof Purpose];

const PAGE = pagingEntryLayout(2, 1, true);
const A = 1 << locate(PAGE, "A").shift;
const D = 1 << locate(PAGE, "D").shift;
const RIGHTS = Want.Read | Want.Write;

/** What hardware changes in an entry, as a trace has it: bit 0 accessed, bit 1 dirty. */
const Change = { Accessed: 1, Dirty: 2 } as const;

/** What a second-stage leaf allows, `inherited` being what the entries above it took away; who may read may execute. */
export function secondRights(lo: number, inherited: number): number {
  const rights = lo & ~(inherited & (SecondDenied.Read | SecondDenied.Write)) & RIGHTS;
  return (rights & Want.Read) === 0 ? rights : rights | Want.Execute;
}

export class SecondStage implements TableReader {
  /** The address the last translation gave. */
  paHi = 0;
  paLo = 0;
  /** Set of {@link Want} that the leaf of the last translation allows. */
  rights = 0;
  readonly cursor = new Cursor(2);
  /** Last-level tables that walks may begin at; null for none. */
  walks: WalkCache | null = null;
  readonly #memory: PhysicalMemory;
  #t: Translation | null = null;
  #config: RequestConfig | null = null;
  #trace: TraceRecorder | null = null;
  #purpose: Purpose = Purpose.Request;
  /** Bits that every entry has to have. */
  #need = 0;
  /** An entry of this walk was read. */
  #started = false;
  /** Where the entry read last lies, and its record in the trace. */
  #atHi = 0;
  #atLo = 0;
  #record = -1;

  constructor(memory: PhysicalMemory) {
    this.#memory = memory;
  }

  /**
   * Translate an address; the answer is in {@link paHi}, {@link paLo} and {@link rights}.
   * @param hi address of the request, or of a first-stage entry, which is read
   * @returns false when the request ended here: `t` says how
   */
  translate(
    t: Translation,
    config: RequestConfig,
    trace: TraceRecorder | null,
    hi: number,
    lo: number,
    purpose: Purpose,
  ): boolean {
    this.#t = t;
    this.#config = config;
    this.#trace = trace;
    this.#purpose = purpose;
    const { ss } = config;
    if (((hi & ss.overHi) | (lo & ss.overLo)) !== 0) {
      const reason = this.#overReason();
      if (trace !== null) trace.check(2, reason, hi, lo);
      return t.fault(reason);
    }
    const { want } = t;
    this.#need = purpose !== Purpose.Request || want === Want.Execute ? Want.Read : want;
    const c = this.cursor;
    ss.start(c, hi, lo);
    this.#started = false;
    if (this.walks !== null) this.walks.resume(c, config.did, NO_PASID);
    const end = walk(ss.fmt!, this, c, trace);
    if (end !== WalkEnd.Leaf) return this.#badEnd(end);
    this.rights = secondRights(c.lo, c.inherited);
    const writes = purpose === Purpose.Request && t.write;
    if (trace !== null) trace.leaf(this.rights, writes);
    if (config.ssade && !this.#mark(writes && (this.rights & Want.Write) !== 0 ? A | D : A)) return false;
    this.paHi = c.outHi;
    this.paLo = c.outLo;
    // A table is worth keeping where nothing above it takes rights away: those are looked at as entries are read.
    if (this.walks !== null && c.inherited === 0) this.walks.walked(c, config.did, NO_PASID);
    return true;
  }

  /** The page just translated is written by hardware itself. @returns false when the request ended here */
  written(): boolean {
    return !this.#config!.ssade || this.#mark(A | D);
  }

  /** Second-stage tables are read at host physical addresses. Part of {@link TableReader}. */
  read(c: Cursor, atHi: number, atLo: number): boolean {
    const { ssade } = this.#config!;
    if (ssade && this.#started && !this.#mark(A)) return false;
    this.#started = true;
    const memory = this.#memory;
    const status = memory.read64(atHi, atLo);
    if (status !== MemoryStatus.Ok) return this.#unreadable(c, status);
    c.lo = memory.lo;
    c.hi = memory.hi;
    this.#atHi = atHi;
    this.#atLo = atLo;
    this.#record = this.#trace === null ? -1 : this.#trace.count;
    return (c.lo & this.#need) === this.#need || this.#refuse(c);
  }

  /** Set bits in the entry read last. @returns false when the request ended here */
  #mark(bits: number): boolean {
    const c = this.cursor;
    const missing = bits & ~c.lo;
    if (missing === 0) return true;
    const trace = this.#trace;
    if (trace !== null) {
      const what = ((missing & A) !== 0 ? Change.Accessed : 0) | ((missing & D) !== 0 ? Change.Dirty : 0);
      trace.updated(this.#record, what);
    }
    c.lo |= missing;
    if (this.#t!.updates !== Updates.Make) return true;
    if (this.#memory.write64(this.#atHi, this.#atLo, c.hi, c.lo) === MemoryStatus.Ok) return true;
    return this.#stop(R.SSS_6);
  }

  /** The entry under the cursor lacks a right. @returns false */
  #refuse(c: Cursor): false {
    const trace = this.#trace;
    if (trace !== null) trace.entry(c, this.#config!.ss.fmt!, WalkEnd.Empty);
    return this.#stop(this.#rightsReason(c.lo));
  }

  #rightsReason(lo: number): number {
    const { scalable } = this.#config!;
    const write = this.#need === Want.Write;
    if (!scalable) return write ? R.LGN_2 : R.LGN_3;
    if ((lo & RIGHTS) === 0) return R.SSS_2;
    if (this.#purpose === Purpose.RootTable) return R.SFS_6;
    if (this.#purpose === Purpose.Table) return R.SFS_7;
    return write ? R.SGN_6 : R.SGN_7;
  }

  #overReason(): number {
    if (!this.#config!.scalable) return R.LGN_1;
    if (this.#purpose === Purpose.RootTable) return R.SFS_5_ROOT;
    return this.#purpose === Purpose.Table ? R.SFS_5 : R.SGN_5;
  }

  #unreadable(c: Cursor, status: MemoryStatus): false {
    const { ss, scalable } = this.#config!;
    const root = c.level === ss.level;
    const reason = scalable ? (root ? R.SSS_4 : R.SSS_1) : root ? R.LCT_4_ROOT : R.LSS_1;
    const unknown = status === MemoryStatus.Unknown;
    if (this.#trace !== null) {
      const verdict = unknown ? TraceVerdict.Unknown : TraceVerdict.Fault;
      this.#trace.unreadable(c, ss.fmt!, c.atHi, c.atLo, verdict, unknown ? R.NONE : reason);
    }
    return unknown ? this.#t!.unknown(c.atHi, c.atLo) : this.#t!.fault(reason);
  }

  #badEnd(end: WalkEnd): false {
    if (end === WalkEnd.Unreadable) return false; // The reader has ended the request.
    if (end === WalkEnd.Empty) return this.#stop(this.#rightsReason(0));
    return this.#stop(this.#config!.scalable ? R.SSS_3 : R.LSS_2);
  }

  #stop(reason: number): false {
    if (this.#trace !== null) this.#trace.fail(TraceVerdict.Fault, reason);
    return this.#t!.fault(reason);
  }
}
