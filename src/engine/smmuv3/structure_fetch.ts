/**
 * Reading a configuration structure of up to 64 bytes: an L1STD, STE, L1CD or CD.
 */
import { R } from "../../arch/smmuv3/reasons.ts";
import { type TraceKind, TraceVerdict } from "../../protocol/trace.ts";
import type { TraceRecorder } from "../common/trace_recorder.ts";
import { MemoryStatus, type PhysicalMemory } from "../memory/physical_memory.ts";
import type { Translation } from "./translation.ts";

/** Which structure, and what becomes of a fetch that gets no answer. */
export interface FetchKind {
  readonly kind: TraceKind;
  /** Size in 64-bit words. */
  readonly words64: number;
  readonly abortEvent: number;
  readonly abortReason: number;
}

/** Where a structure lies: its index in its table, its address as its owner names it, its physical address. */
export class StructurePlace {
  index = 0;
  atHi = 0;
  atLo = 0;
  paHi = 0;
  paLo = 0;
}

/**
 * Fetch a structure into `into`; `t.place` says where it lies.
 * @param atHi address as the structure's owner names it, `paHi` where it lies physically
 * @returns false when the translation ended here: `t` says how
 */
export function fetchStructure(
  memory: PhysicalMemory,
  t: Translation,
  trace: TraceRecorder | null,
  what: FetchKind,
  index: number,
  atHi: number,
  atLo: number,
  paHi: number,
  paLo: number,
  into: Uint32Array,
): boolean {
  const { place } = t;
  place.index = index;
  place.atHi = atHi;
  place.atLo = atLo;
  place.paHi = paHi;
  place.paLo = paLo;
  let status: MemoryStatus = MemoryStatus.Ok;
  for (let i = 0; i < what.words64 && status === MemoryStatus.Ok; i++) {
    status = memory.read64(paHi, (paLo + 8 * i) >>> 0);
    into[2 * i] = memory.lo;
    into[2 * i + 1] = memory.hi;
  }
  const ok = status === MemoryStatus.Ok;
  if (trace !== null) trace.structure(what.kind, index, atHi, atLo, paHi, paLo, ok ? into[1]! : 0, ok ? into[0]! : 0);
  if (ok) return true;
  if (status === MemoryStatus.Unknown) {
    if (trace !== null) trace.fail(TraceVerdict.Unknown, R.NONE);
    return t.unknown(paHi, paLo);
  }
  if (trace !== null) trace.fail(TraceVerdict.Fault, what.abortReason);
  t.fetchHi = paHi;
  t.fetchLo = paLo;
  return t.fault(what.abortEvent, what.abortReason);
}
