/**
 * Reads of a walk's trace that the store needs: where stepping stops, and which structure a record read.
 */
import type { StructureKind, StructureQuery, WalkAnswer } from "../protocol/engine.ts";
import { TRACE, TRACE_WORDS, TraceHit, TraceKind, TracePhase, TraceVerdict, traceAddress } from "../protocol/trace.ts";

/** Records of a trace. */
export function recordCount(trace: Uint32Array): number {
  return Math.floor(trace.length / TRACE_WORDS);
}

/** Whether a record is a memory access, or a cache's answer in place of some. */
function isAnswer(trace: Uint32Array, at: number): boolean {
  return TRACE.f.access.get(trace, at) > 0 || TRACE.f.hit.get(trace, at) !== TraceHit.None;
}

/** Whether stepping stops at a record: an access, a cache's answer, or a check that ended the walk. */
function isStop(trace: Uint32Array, record: number): boolean {
  const at = record * TRACE_WORDS;
  return isAnswer(trace, at) || TRACE.f.kind.get(trace, at) === TraceKind.Check;
}

/** Counts of records at which stepping stops, ascending, from 0 to all of them. */
function stepStops(trace: Uint32Array): number[] {
  const count = recordCount(trace);
  const stops: number[] = [];
  for (let record = 0; record < count; record++) if (isStop(trace, record)) stops.push(record);
  if (stops.length === 0) return count === 0 ? [0] : [0, count];
  stops[0] = 0;
  return [...stops, count];
}

/** The number of records shown after one step from `shown`. */
export function stepFrom(trace: Uint32Array, shown: number, by: 1 | -1): number {
  const stops = stepStops(trace);
  if (by === 1) return stops.find((s) => s > shown) ?? recordCount(trace);
  return stops.findLast((s) => s < shown) ?? 0;
}

/** The record that came last with the step to `shown`: the access or check, not what followed from it; null at 0. */
export function currentRecord(trace: Uint32Array, shown: number): number | null {
  for (let record = Math.min(shown, recordCount(trace)) - 1; record >= 0; record--) {
    if (isStop(trace, record)) return record;
  }
  return null;
}

/** Where the walk stands, in accesses of one kind; a cache's answer counts as one. */
export interface Position {
  readonly phase: "configuration" | "tables";
  /** Accesses shown, and accesses in the walk, of this phase. */
  readonly done: number;
  readonly of: number;
}

/** Where a walk stands with `shown` records: in its configuration until the first table was read. */
export function positionOf(trace: Uint32Array, shown: number): Position {
  const made = { config: 0, tables: 0 };
  const all = { config: 0, tables: 0 };
  for (let record = 0; record < recordCount(trace); record++) {
    const at = record * TRACE_WORDS;
    if (!isAnswer(trace, at)) continue;
    const part = TRACE.f.phase.get(trace, at) === TracePhase.Config ? "config" : "tables";
    all[part]++;
    if (record < shown) made[part]++;
  }
  return made.tables > 0 || (all.config === 0 && all.tables > 0)
    ? { phase: "tables", done: made.tables, of: all.tables }
    : { phase: "configuration", done: made.config, of: all.config };
}

/** The record that ended the walk in a fault, or for want of memory; null for none. */
export function failingRecord(trace: Uint32Array): number | null {
  for (let record = recordCount(trace) - 1; record >= 0; record--) {
    const verdict = TRACE.f.verdict.get(trace, record * TRACE_WORDS);
    if (verdict === TraceVerdict.Fault || verdict === TraceVerdict.Unknown) return record;
  }
  return null;
}

/** Kinds of record that read a configuration structure; the structure has the same name. */
const STRUCTURES = new Map<number, StructureKind>(
  Object.entries(TraceKind).flatMap(([name, code]): [number, StructureKind][] =>
    name === "Descriptor" || name === "Output" || name === "Check" ? [] : [[code, name as StructureKind]],
  ),
);

/** log2 of 4 KiB, for a stage the walk did not come to know. */
const SMALLEST_GRANULE = 12;

/** The structure that a record read, or null where nothing was read. */
export function structureOf(walk: WalkAnswer, record: number): StructureQuery | null {
  const at = record * TRACE_WORDS;
  if (record < 0 || record >= recordCount(walk.trace)) return null;
  // What a walk cache or TLB keeps has no place in memory of its own; a cached configuration structure still stands there.
  const kept = TRACE.f.hit.get(walk.trace, at) === TraceHit.Config;
  if (!kept && TRACE.f.access.get(walk.trace, at) === 0) return null;
  const kind = TRACE.f.kind.get(walk.trace, at);
  const pa = traceAddress("pa", walk.trace, record);
  const { sid } = walk.access;
  if (kind === TraceKind.Descriptor) {
    const second = TRACE.f.stage.get(walk.trace, at) === 2;
    const stage = second ? walk.stage2 : walk.stage1;
    return {
      kind: second ? "S2 descriptor" : "S1 descriptor",
      pa,
      level: TRACE.f.level.get(walk.trace, at) - 1,
      granuleLg2: stage?.granuleLg2 ?? SMALLEST_GRANULE,
      sid,
    };
  }
  const name = STRUCTURES.get(kind);
  return name === undefined ? null : { kind: name, pa, level: 0, granuleLg2: SMALLEST_GRANULE, sid };
}

/** Whether two queries ask for the same structure. */
export function sameStructure(a: StructureQuery | null, b: StructureQuery | null): boolean {
  if (a === null || b === null) return a === b;
  return a.kind === b.kind && a.pa === b.pa && a.level === b.level && a.granuleLg2 === b.granuleLg2 && a.sid === b.sid;
}

/** The record of `walk` that read the structure, or null. */
export function recordOf(walk: WalkAnswer, structure: StructureQuery | null): number | null {
  if (structure === null) return null;
  for (let record = 0; record < recordCount(walk.trace); record++) {
    const there = structureOf(walk, record);
    if (there !== null && there.kind === structure.kind && there.pa === structure.pa) return record;
  }
  return null;
}
