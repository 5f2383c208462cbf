/**
 * Reading root, context and PASID entries, and ending a request there, with a trace.
 */
import { R } from "../../arch/vtd/reasons.ts";
import type { PageTableFormat } from "../../pagetable/format.ts";
import { type TraceKind, TraceVerdict } from "../../protocol/trace.ts";
import type { TraceRecorder } from "../common/trace_recorder.ts";
import { MemoryStatus, type PhysicalMemory } from "../memory/physical_memory.ts";
import type { ConfigCache } from "./caches/config_cache.ts";
import type { Capabilities } from "./capabilities.ts";
import type { RemappingState } from "./remapping_state.ts";
import type { Translation } from "./translation.ts";

/** What the structures of a requester are read from, and by which rules. */
export interface StructureSource {
  readonly memory: PhysicalMemory;
  readonly state: RemappingState;
  readonly caps: Capabilities;
  readonly secondStage: PageTableFormat;
  /** Entries as they were read; null: they are read every time. */
  readonly cache: ConfigCache | null;
}

/** A table of structures: what they are, their size in bytes (16 to 64), and what an unanswered read is called. */
export interface StructureTable {
  readonly kind: TraceKind;
  readonly bytes: number;
  readonly unreadable: number;
}

/**
 * Read entry number `index` of the table at a host physical address into `into`.
 * @returns false when the request ended here: `t` says how
 */
export function fetchEntry(
  memory: PhysicalMemory,
  t: Translation,
  trace: TraceRecorder | null,
  table: StructureTable,
  tableHi: number,
  tableLo: number,
  index: number,
  into: Uint32Array,
): boolean {
  const lo = (tableLo >>> 0) + index * table.bytes;
  const atLo = lo >>> 0;
  const atHi = (tableHi >>> 0) + (lo > 0xffffffff ? 1 : 0);
  let status: MemoryStatus = MemoryStatus.Ok;
  for (let i = 0; i < table.bytes && status === MemoryStatus.Ok; i += 8) {
    status = memory.read64(atHi, atLo + i);
    into[i >> 2] = memory.lo;
    into[(i >> 2) + 1] = memory.hi;
  }
  const ok = status === MemoryStatus.Ok;
  if (trace !== null) {
    trace.structure(table.kind, index, atHi, atLo, atHi, atLo, ok ? into[1]! : 0, ok ? into[0]! : 0);
  }
  if (ok) return true;
  if (status !== MemoryStatus.Unknown) return blocked(t, trace, table.unreadable);
  if (trace !== null) trace.fail(TraceVerdict.Unknown, R.NONE);
  return t.unknown(atHi, atLo);
}

/** The structure read last blocks the request. @returns false */
export function blocked(t: Translation, trace: TraceRecorder | null, reason: number): false {
  if (trace !== null) trace.fail(TraceVerdict.Fault, reason);
  return t.fault(reason);
}
