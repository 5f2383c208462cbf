/**
 * What a trace shows of caches: an answer from the TLB, a leaf that one stage kept, a table that a walk went on from.
 */
import type { Cursor } from "../../../pagetable/walk.ts";
import { TraceHit, TracePhase } from "../../../protocol/trace.ts";
import type { TraceRecorder } from "../../common/trace_recorder.ts";
import type { Translation } from "../translation.ts";
import type { LeafRead } from "./leaf_read.ts";
import { granuleOfSize, levelOfSize } from "./tags.ts";

/** Record in a trace that the TLB answered the transaction. */
export function traceTlbOutput(trace: TraceRecorder, t: Translation): void {
  trace.row(TracePhase.Output, 0);
  const permissions = t.permissions1 & t.permissions2;
  const size = Math.min(t.sizeLg2Stage1, t.sizeLg2Stage2);
  trace.output(t.iovaHi, t.iovaLo, t.paHi, t.paLo, permissions, size);
  trace.fromCache(TraceHit.Tlb);
}

/** Record a leaf that a cache of one stage answered with. */
export function traceLeaf(
  trace: TraceRecorder,
  leaf: LeafRead,
  stage: 1 | 2,
  inputHi: number,
  inputLo: number,
  outHi: number,
  outLo: number,
): void {
  trace.recalled({
    hit: TraceHit.Tlb,
    stage,
    level: levelOfSize(leaf.size),
    index: entryIndex(leaf.atLo, granuleOfSize(leaf.size)),
    inputHi,
    inputLo,
    atHi: leaf.atHi,
    atLo: leaf.atLo,
    paHi: leaf.atHi,
    paLo: leaf.atLo,
    hi: leaf.hi,
    lo: leaf.lo,
    outHi: outHi,
    outLo: outLo,
    sizeLg2: leaf.size,
    permissions: leaf.allow & 7,
  });
}

/** Record in a trace that a walk goes on from the table under a cursor. */
export function traceTable(trace: TraceRecorder, stage: 1 | 2, c: Cursor, inputHi: number, inputLo: number): void {
  trace.recalled({
    hit: TraceHit.Walk,
    stage,
    level: 2,
    index: 0,
    inputHi,
    inputLo,
    atHi: 0,
    atLo: 0,
    paHi: 0,
    paLo: 0,
    hi: 0,
    lo: 0,
    outHi: c.tableHi,
    outLo: c.tableLo,
    sizeLg2: Math.log2(c.rootMask + 1) + 3,
    permissions: 0,
  });
}

/** Index of an entry in its table, from its address. */
const entryIndex = (lo: number, granuleLg2: number): number => (lo & ((1 << granuleLg2) - 1)) >>> 3;
