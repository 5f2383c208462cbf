/**
 * The first stage: from the address of a request to a guest physical one, or a host physical one where it stands alone
 * (VT-d §3.6), with accessed and dirty bits (§3.6.2).
 *
 * Nesting is here and nowhere else: the reader of entries sends their addresses through the second stage (§3.8).
 * CHOICE(FIRST_STAGE_ORDER): U/S and R/W of an entry are looked at as it is read, before its reserved bits and before
 * the levels below it. CHOICE(ACCESSED): A, and with EAFE EA, is set in each entry once it is found in order, D with
 * that of the leaf; a fault that comes later leaves them set.
 */
import { pagingEntryLayout } from "../../arch/vtd/paging_entries.ts";
import { R } from "../../arch/vtd/reasons.ts";
import { locate } from "../../base/layout.ts";
import { X86Denied } from "../../pagetable/formats/x86_64.ts";
import { Cursor, type TableReader, WalkEnd, walk } from "../../pagetable/walk.ts";
import { TracePhase, TraceVerdict } from "../../protocol/trace.ts";
import { Updates, Want } from "../common/request.ts";
import type { TraceRecorder } from "../common/trace_recorder.ts";
import type { WalkCache } from "../common/walk_cache.ts";
import { MemoryStatus, type PhysicalMemory } from "../memory/physical_memory.ts";
import type { Capabilities } from "./capabilities.ts";
import type { RequestConfig } from "./request_config.ts";
import { Purpose, type SecondStage } from "./second_stage.ts";
import type { Translation } from "./translation.ts";

const PAGE = pagingEntryLayout(1, 1, true);
const P = 1 << locate(PAGE, "P").shift;
const RW = 1 << locate(PAGE, "R_W").shift;
const US = 1 << locate(PAGE, "U_S").shift;
const A = 1 << locate(PAGE, "A").shift;
const D = 1 << locate(PAGE, "D").shift;
const EA = 1 << locate(PAGE, "EA").shift;
/** XD, in the high half. */
const XD = 1 << locate(PAGE, "XD").shift;

/** What hardware changes in an entry, as a trace has it: bit 0 accessed, bit 1 dirty. */
const Change = { Accessed: 1, Dirty: 2 } as const;

/** Whether an address is canonical: bits [63:bits-1] are all alike. `bits` is 48 or 57. */
function isCanonical(hi: number, bits: number): boolean {
  const top = hi >> (bits - 33);
  return top === 0 || top === -1;
}

/** What a first-stage leaf allows, `inherited` being what the entries above it took away. */
export function firstRights(
  lo: number,
  hi: number,
  inherited: number,
  supervisor: boolean,
  config: RequestConfig,
): number {
  const user = (lo & US) !== 0 && (inherited & X86Denied.User) === 0;
  if (!user && !supervisor) return 0;
  const writable = (lo & RW) !== 0 && (inherited & X86Denied.Write) === 0;
  const executable =
    config.ere &&
    !(config.nxe && ((hi & XD) !== 0 || (inherited & X86Denied.Execute) !== 0)) &&
    !(config.smep && supervisor && user);
  // R/W binds a supervisor only with WPE.
  const writes = writable || (supervisor && !config.wpe);
  return Want.Read | (writes ? Want.Write : 0) | (executable ? Want.Execute : 0);
}

export class FirstStage implements TableReader {
  /** The address the last translation gave. */
  outHi = 0;
  outLo = 0;
  /** Entries read by the last translation. */
  reads = 0;
  readonly cursor = new Cursor(1);
  /** Last-level tables that walks may begin at; null for none. */
  walks: WalkCache | null = null;
  readonly #memory: PhysicalMemory;
  readonly #second: SecondStage;
  readonly #erratum772415: boolean;
  /** An entry that has one of the bits due is left alone. */
  readonly #oneIsEnough: boolean;
  #t: Translation | null = null;
  #config: RequestConfig | null = null;
  #trace: TraceRecorder | null = null;
  /** Bits that every entry has to have. */
  #need = 0;
  /** Bits that every entry used gets. */
  #used = A;
  /** Where the entry read last lies, as its owner names it and physically, and its record in the trace. */
  #atHi = 0;
  #atLo = 0;
  #paHi = 0;
  #paLo = 0;
  #record = -1;

  constructor(memory: PhysicalMemory, second: SecondStage, caps: Pick<Capabilities, "erratum772415" | "asQemu">) {
    this.#memory = memory;
    this.#second = second;
    this.#erratum772415 = caps.erratum772415;
    this.#oneIsEnough = caps.asQemu;
  }

  /**
   * Translate the request's address.
   * @returns false when the request ended here: `t` says how
   */
  translate(t: Translation, config: RequestConfig, trace: TraceRecorder | null): boolean {
    this.#t = t;
    this.#config = config;
    this.#trace = trace;
    this.reads = 0;
    const { fs } = config;
    if (!isCanonical(t.iovaHi, fs.inputBits)) {
      if (trace !== null) trace.row(TracePhase.Table, 0);
      if (trace !== null) trace.check(1, R.SGN_1, t.iovaHi, t.iovaLo);
      return t.fault(R.SGN_1);
    }
    const { want, supervisor } = t;
    const user = want !== 0 && !supervisor ? US : 0;
    this.#need = user | (want === Want.Write && (!supervisor || config.wpe) ? RW : 0);
    this.#used = config.eafe ? A | EA : A;
    const c = this.cursor;
    fs.start(c, t.iovaHi, t.iovaLo);
    if (this.walks !== null) this.walks.resume(c, config.did, config.pasid);
    const end = walk(fs.fmt!, this, c, trace);
    if (end !== WalkEnd.Leaf) return this.#badEnd(end);
    const allowed = firstRights(c.lo, c.hi, c.inherited, supervisor, config);
    if (trace !== null) trace.leaf(allowed, t.write);
    if (want === Want.Execute && (allowed & Want.Execute) === 0) return this.#stop(this.#executeReason(c));
    t.permissions = allowed;
    t.sizeLg2First = c.sizeLg2;
    if (!this.#mark(t.write && (allowed & Want.Write) !== 0 ? this.#used | D : this.#used)) return false;
    this.outHi = c.outHi;
    this.outLo = c.outLo;
    if (this.walks !== null && c.inherited === 0) this.walks.walked(c, config.did, config.pasid);
    return true;
  }

  #executeReason(c: Cursor): number {
    const { nxe, smep } = this.#config!;
    const disabled = nxe && ((c.hi & XD) !== 0 || (c.inherited & X86Denied.Execute) !== 0);
    return smep && !disabled ? R.SGN_3_SMEP : R.SGN_3;
  }

  /** An entry lies at a guest physical address where translation is nested. Part of {@link TableReader}. */
  read(c: Cursor, atHi: number, atLo: number): boolean {
    const config = this.#config!;
    const root = this.reads === 0;
    if (!root && !this.#mark(this.#used)) return false;
    const trace = this.#trace;
    if (trace !== null) trace.row(TracePhase.Table, this.reads);
    this.reads++;
    let paHi = atHi;
    let paLo = atLo;
    if (config.second) {
      const purpose = root ? Purpose.RootTable : Purpose.Table;
      const second = this.#second;
      if (!second.translate(this.#t!, config, trace, atHi, atLo, purpose)) return false;
      paHi = second.paHi;
      paLo = second.paLo;
    }
    this.#atHi = atHi;
    this.#atLo = atLo;
    this.#paHi = paHi;
    this.#paLo = paLo;
    if (trace !== null) {
      trace.paHi = paHi;
      trace.paLo = paLo;
      this.#record = trace.count;
    }
    const memory = this.#memory;
    const status = memory.read64(paHi, paLo);
    if (status !== MemoryStatus.Ok) return this.#unreadable(c, status, root);
    c.lo = memory.lo;
    c.hi = memory.hi;
    return (c.lo & P) === 0 || (c.lo & this.#need) === this.#need || this.#refuse(c);
  }

  /** The entry under the cursor lacks a right. @returns false */
  #refuse(c: Cursor): false {
    if (this.#trace !== null) this.#trace.entry(c, this.#config!.fs.fmt!, WalkEnd.Empty);
    return this.#stop((c.lo & this.#need & US) === (this.#need & US) ? R.SGN_6_FIRST : R.SGN_2);
  }

  /** Set bits in the entry read last, which is a write where the second stage has a say. @returns false when this ends it */
  #mark(bits: number): boolean {
    const c = this.cursor;
    const missing = bits & ~c.lo;
    if (missing === 0 || (this.#oneIsEnough && missing !== bits)) return true;
    const t = this.#t!;
    const trace = this.#trace;
    if (this.#config!.second && !this.#mayWrite()) {
      if (trace !== null) trace.check(2, R.SFS_8, this.#atHi, this.#atLo);
      return t.fault(R.SFS_8);
    }
    if (trace !== null) {
      const what = ((missing & this.#used) !== 0 ? Change.Accessed : 0) | ((missing & D) !== 0 ? Change.Dirty : 0);
      trace.updated(this.#record, what);
    }
    c.lo |= missing;
    if (this.#config!.second && !this.#second.written()) return false;
    if (t.updates !== Updates.Make) return true;
    if (this.#memory.write64(this.#paHi, this.#paLo, c.hi, c.lo) === MemoryStatus.Ok) return true;
    return this.#stop(R.SFS_10);
  }

  /** Whether hardware may write where the entry lies; the erratum writes all the same, and the trace says so. */
  #mayWrite(): boolean {
    if ((this.#second.rights & Want.Write) !== 0) return true;
    if (this.#erratum772415 && this.#trace !== null) this.#trace.noted(this.#record, R.ERRATUM_772415);
    return this.#erratum772415;
  }

  #unreadable(c: Cursor, status: MemoryStatus, root: boolean): false {
    const reason = root ? R.SFS_4 : R.SFS_1;
    const unknown = status === MemoryStatus.Unknown;
    if (this.#trace !== null) {
      const verdict = unknown ? TraceVerdict.Unknown : TraceVerdict.Fault;
      const fmt = this.#config!.fs.fmt!;
      this.#trace.unreadable(c, fmt, this.#paHi, this.#paLo, verdict, unknown ? R.NONE : reason);
    }
    return unknown ? this.#t!.unknown(this.#paHi, this.#paLo) : this.#t!.fault(reason);
  }

  #badEnd(end: WalkEnd): false {
    if (end === WalkEnd.Unreadable) return false; // The reader has ended the request.
    return this.#stop(end === WalkEnd.Empty ? R.SFS_2 : R.SFS_3);
  }

  #stop(reason: number): false {
    if (this.#trace !== null) this.#trace.fail(TraceVerdict.Fault, reason);
    return this.#t!.fault(reason);
  }
}
