/**
 * From a StreamID to its STE: linear and two-level stream tables (IHI 0070 §3.3.1, §5.1, §6.3.24, §6.3.25).
 */
import { R } from "../../arch/smmuv3/reasons.ts";
import { L1STD, STE } from "../../arch/smmuv3/ste.ts";
import { highHalf } from "../../base/address.ts";
import { TraceKind, TraceVerdict } from "../../protocol/trace.ts";
import type { TraceRecorder } from "../common/trace_recorder.ts";
import type { PhysicalMemory } from "../memory/physical_memory.ts";
import type { Capabilities } from "./capabilities.ts";
import { Event } from "./event_record.ts";
import type { RegisterFile } from "./register_file.ts";
import { type FetchKind, fetchStructure } from "./structure_fetch.ts";
import type { Translation } from "./translation.ts";

const STE_BYTES_LG2 = Math.log2(STE.bits / 8);
const L1STD_BYTES_LG2 = Math.log2(L1STD.bits / 8);

/** Where a stream table stands, as STRTAB_BASE and STRTAB_BASE_CFG say. */
export interface StreamTable {
  readonly baseHi: number;
  readonly baseLo: number;
  /** Effective LOG2SIZE: StreamIDs from 2^log2Size on are out of range. */
  readonly log2Size: number;
  /** StreamID bits that index a level-2 array, or null for a linear table. */
  readonly split: number | null;
}

/** Read the registers; the base comes out aligned as the SMMU aligns it, by the literal LOG2SIZE. */
export function readStreamTable(regs: RegisterFile, caps: Capabilities): StreamTable {
  const literal = regs.field("SMMU_STRTAB_BASE_CFG", "LOG2SIZE");
  const twoLevel = caps.twoLevelStreamTable && regs.field("SMMU_STRTAB_BASE_CFG", "FMT") === 1;
  const code = regs.field("SMMU_STRTAB_BASE_CFG", "SPLIT");
  const split = code === 8 || code === 10 ? code : 6;
  const alignLg2 = twoLevel ? Math.max(6, literal - split + L1STD_BYTES_LG2) : literal + STE_BYTES_LG2;
  // Bits [55:6] of the address, the width the register's layout gives them.
  const at = regs.at("SMMU_STRTAB_BASE");
  const [lo, hi] = [regs.words[at]! & ~63, regs.words[at + 1]! & 0x00ffffff];
  return {
    baseHi: alignLg2 <= 32 ? hi : alignLg2 >= 64 ? 0 : (hi & (-1 << (alignLg2 - 32))) >>> 0,
    baseLo: alignLg2 >= 32 ? 0 : (lo & (-1 << alignLg2)) >>> 0,
    log2Size: Math.min(literal, caps.sidSize),
    split: twoLevel ? split : null,
  };
}

const FETCH_L1STD: FetchKind = {
  kind: TraceKind.L1STD,
  words64: 1,
  abortEvent: Event.F_STE_FETCH,
  abortReason: R.STE_FETCH,
};
const FETCH_STE: FetchKind = {
  kind: TraceKind.STE,
  words64: STE.bits / 64,
  abortEvent: Event.F_STE_FETCH,
  abortReason: R.STE_FETCH,
};

const scratch = new Uint32Array(2);

/**
 * Fetch the STE of `t.sid` into `ste` (16 words). Its validity is not looked at.
 * @param recordBad CR2.RECINVSID: a StreamID out of range is recorded
 * @returns false when the translation ended here: `t` says how
 */
export function fetchSte(
  memory: PhysicalMemory,
  table: StreamTable,
  recordBad: boolean,
  t: Translation,
  trace: TraceRecorder | null,
  ste: Uint32Array,
): boolean {
  const sid = t.sid;
  if (table.log2Size < 32 && sid >>> table.log2Size !== 0) {
    if (trace !== null) trace.check(0, R.SID_RANGE, 0, sid);
    return badStream(t, recordBad, R.SID_RANGE);
  }
  if (table.split === null) {
    const [hi, lo] = at(table.baseHi, table.baseLo, sid, STE_BYTES_LG2);
    return fetchStructure(memory, t, trace, FETCH_STE, sid, hi, lo, hi, lo, ste);
  }
  const index = sid >>> table.split;
  const below = sid & (2 ** table.split - 1);
  const [l1Hi, l1Lo] = at(table.baseHi, table.baseLo, index, L1STD_BYTES_LG2);
  if (!fetchStructure(memory, t, trace, FETCH_L1STD, index, l1Hi, l1Lo, l1Hi, l1Lo, scratch)) return false;
  const reason = spanReason(L1STD.f.Span.get(scratch, 0), below, table.split);
  if (reason !== R.NONE) {
    if (trace !== null) trace.fail(TraceVerdict.Fault, reason);
    return badStream(t, recordBad, reason);
  }
  const [arrayHi, arrayLo] = level2Array(scratch, 0);
  if (trace !== null) trace.leadsTo(arrayHi, arrayLo);
  const [hi, lo] = at(arrayHi, arrayLo, below, STE_BYTES_LG2);
  return fetchStructure(memory, t, trace, FETCH_STE, below, hi, lo, hi, lo, ste);
}

/** Why an L1STD with this Span does not reach the STE number `below` of its array; R.NONE if it does (§5.1). */
export function spanReason(span: number, below: number, split: number): number {
  if (span === 0 || span > 11 || span > split + 1) return R.L1STD_SPAN;
  return below >= 2 ** (span - 1) ? R.L1STD_BEYOND : R.NONE;
}

/** Address of the array an L1STD points to; the SMMU aligns it to its size (§5.1). */
export function level2Array(words: Uint32Array, i: number): [hi: number, lo: number] {
  const alignLg2 = STE_BYTES_LG2 + Math.max(0, L1STD.f.Span.get(words, i) - 1);
  return [L1STD.f.L2Ptr.addressHi(words, i), (L1STD.f.L2Ptr.addressLo(words, i) & (-1 << alignLg2)) >>> 0];
}

function badStream(t: Translation, record: boolean, reason: number): false {
  return record ? t.fault(Event.C_BAD_STREAMID, reason) : t.abort(reason);
}

/** Address of entry `index` of an array of entries of 2^lg2 bytes. */
function at(hi: number, lo: number, index: number, lg2: number): [hi: number, lo: number] {
  const sum = lo + index * 2 ** lg2;
  return [(hi + highHalf(sum)) >>> 0, sum >>> 0];
}
