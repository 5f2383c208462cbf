/**
 * Reads a walk's trace into the plain steps that drawings and tables work on.
 */
import { descriptorKind } from "../../arch/smmuv3/descriptors.ts";
import {
  TRACE,
  TRACE_WORDS,
  TraceHit,
  TraceKind,
  TracePhase,
  TraceVerdict,
  traceAddress,
} from "../../protocol/trace.ts";
import type { StepHit, StepKind, StepPhase, StepVerdict, TraceStep } from "../geometry/trace_step.ts";

/** Codes of a record field by number, from the protocol's name-to-code table. */
function byCode<Name extends string>(
  codes: Readonly<Record<string, number>>,
  names: Readonly<Record<string, Name>>,
): Name[] {
  const list: Name[] = [];
  for (const [key, name] of Object.entries(names)) list[codes[key]!] = name;
  return list;
}

const KINDS = byCode<StepKind>(TraceKind, {
  L1STD: "L1STD",
  STE: "STE",
  L1CD: "L1CD",
  CD: "CD",
  Descriptor: "Descriptor",
  Output: "Output",
  Check: "Check",
});
const PHASES = byCode<StepPhase>(TracePhase, { Config: "config", Table: "table", Output: "output" });
const VERDICTS = byCode<StepVerdict>(TraceVerdict, { Next: "next", Done: "done", Fault: "fault", Unknown: "unknown" });
const HITS = byCode<StepHit>(TraceHit, { None: "none", Config: "config", Walk: "walk", Tlb: "tlb" });

const EMPTY: readonly TraceStep[] = [];
const known = new WeakMap<Uint32Array, readonly TraceStep[]>();

/**
 * Steps of a trace, in order; the same array for the same trace.
 * @throws when a record holds a code the protocol does not define: a mistake of the engine.
 */
export function traceSteps(trace: Uint32Array | null | undefined): readonly TraceStep[] {
  if (trace === null || trace === undefined) return EMPTY;
  const before = known.get(trace);
  if (before !== undefined) return before;
  const steps = Array.from({ length: Math.floor(trace.length / TRACE_WORDS) }, (_, record) => readStep(trace, record));
  known.set(trace, steps);
  return steps;
}

function isLeaf(lo: number, level: number): boolean {
  const kind = descriptorKind(lo, level);
  return kind === "block" || kind === "page";
}

function readStep(trace: Uint32Array, record: number): TraceStep {
  const at = record * TRACE_WORDS;
  const f = TRACE.f;
  const kind = KINDS[f.kind.get(trace, at)];
  const phase = PHASES[f.phase.get(trace, at)];
  const verdict = VERDICTS[f.verdict.get(trace, at)];
  const hit = HITS[f.hit.get(trace, at)];
  if (kind === undefined || phase === undefined || verdict === undefined || hit === undefined)
    throw new Error(`trace record ${record}: unknown code`);
  const stage = f.stage.get(trace, at);
  return {
    record,
    kind,
    phase,
    stage: stage === 1 || stage === 2 ? stage : 0,
    level: f.level.get(trace, at) - 1,
    verdict,
    reason: f.reason.get(trace, at),
    access: f.access.get(trace, at),
    row: f.row.get(trace, at),
    leaf: kind === "Descriptor" && isLeaf(f.value.get(trace, at), f.level.get(trace, at) - 1),
    contiguous: f.contiguous.get(trace, at) === 1,
    write: f.write.get(trace, at) === 1,
    sizeLg2: f.sizeLg2.get(trace, at),
    entry: f.index.get(trace, at),
    input: traceAddress("input", trace, record),
    at: traceAddress("at", trace, record),
    pa: traceAddress("pa", trace, record),
    value: traceAddress("value", trace, record),
    out: traceAddress("out", trace, record),
    permissions: f.permissions.get(trace, at),
    hit,
    update: f.update.get(trace, at),
  };
}
