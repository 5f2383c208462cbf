/**
 * Reads a walk into the plain steps and shapes that drawings and tables work on.
 */

import type { ArchitectureWords } from "../../arch/architecture_words.ts";
import { WORDS } from "../../arch/words.ts";
import { high, low } from "../../base/halves.ts";
import type { StageSummary, WalkAnswer } from "../../protocol/engine.ts";
import {
  TRACE,
  TRACE_WORDS,
  TraceHit,
  TraceKind,
  TracePhase,
  TraceVerdict,
  traceAddress,
} from "../../protocol/trace.ts";
import type { StageShape, StepHit, StepKind, StepPhase, StepVerdict, TraceStep } from "../geometry/trace_step.ts";
import type { WalkStages } from "../geometry/walk_model.ts";

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
  VMS: "VMS",
  RootEntry: "RootEntry",
  ContextEntry: "ContextEntry",
  PasidDirectoryEntry: "PasidDirectoryEntry",
  PasidEntry: "PasidEntry",
  DTE: "DTE",
  GCR3: "GCR3",
  IRTE: "IRTE",
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
 * Steps of a walk, in order; the same array for the same trace.
 * @throws when a record holds a code the protocol does not define: a mistake of the engine.
 */
export function traceSteps(walk: Pick<WalkAnswer, "arch" | "trace"> | null): readonly TraceStep[] {
  if (walk === null) return EMPTY;
  const { trace } = walk;
  const before = known.get(trace);
  if (before !== undefined) return before;
  const words = WORDS[walk.arch];
  const count = Math.floor(trace.length / TRACE_WORDS);
  const steps = Array.from({ length: count }, (_, record) => readStep(trace, record, words));
  known.set(trace, steps);
  return steps;
}

function stepName(words: ArchitectureWords, kind: StepKind, stage: number, level: number): string {
  const of = words.stageNames[stage === 2 ? 1 : 0];
  switch (kind) {
    case "Descriptor":
      return `${of} ${words.levelName(stage === 2 ? 2 : 1, level)} ${words.entryNoun}`;
    case "Output":
      return "Output address";
    case "Check":
      return stage === 0 ? "Check before any access" : `${of} check before any access`;
    default:
      return kind;
  }
}

const DESCRIPTOR_BYTES = 8;

/** The stages of a walk as geometry has them. */
export function walkStages(walk: Pick<WalkAnswer, "arch" | "stage1" | "stage2">): WalkStages {
  const words = WORDS[walk.arch];
  const shape = (s: StageSummary | null): StageShape | null =>
    s === null
      ? null
      : {
          granuleLg2: s.granuleLg2,
          inputBits: s.inputBits,
          startHeight: words.fromLeaf(s.startLevel),
          levels: s.levels,
        };
  const context = CONTEXTS.find((kind) => Object.hasOwn(words.structureBytes, kind)) ?? "CD";
  return { stage1: shape(walk.stage1), stage2: shape(walk.stage2), context };
}

/** Structures that hold a context of stage 1, in the architectures that fetch them through stage 2. */
const CONTEXTS: readonly StepKind[] = ["CD", "GCR3"];

function isLeaf(words: ArchitectureWords, stage: number, level: number, value: bigint): boolean {
  const lo = low(value);
  const kind = words.entryKind(stage === 1 ? 1 : 2, level, lo, high(value));
  return kind === "block" || kind === "page";
}

function readStep(trace: Uint32Array, record: number, words: ArchitectureWords): TraceStep {
  const at = record * TRACE_WORDS;
  const f = TRACE.f;
  const kind = KINDS[f.kind.get(trace, at)];
  const phase = PHASES[f.phase.get(trace, at)];
  const verdict = VERDICTS[f.verdict.get(trace, at)];
  const hit = HITS[f.hit.get(trace, at)];
  if (kind === undefined || phase === undefined || verdict === undefined || hit === undefined)
    throw new Error(`trace record ${record}: unknown code`);
  const stage = f.stage.get(trace, at);
  const level = f.level.get(trace, at) - 1;
  const value = traceAddress("value", trace, record);
  return {
    record,
    kind,
    phase,
    stage: stage === 1 || stage === 2 ? stage : 0,
    level,
    height: words.fromLeaf(level),
    verdict,
    name: stepName(words, kind, stage, level),
    why: f.reason.get(trace, at) === 0 ? null : (words.reasons[f.reason.get(trace, at)] ?? null),
    access: f.access.get(trace, at),
    row: f.row.get(trace, at),
    leaf: kind === "Descriptor" && isLeaf(words, stage, level, value),
    contiguous: f.contiguous.get(trace, at) === 1,
    write: f.write.get(trace, at) === 1,
    sizeLg2: f.sizeLg2.get(trace, at),
    entry: f.index.get(trace, at),
    input: traceAddress("input", trace, record),
    at: traceAddress("at", trace, record),
    pa: traceAddress("pa", trace, record),
    bytes: f.access.get(trace, at) === 0 ? 0 : (words.structureBytes[kind] ?? DESCRIPTOR_BYTES),
    value,
    out: traceAddress("out", trace, record),
    permissions: f.permissions.get(trace, at),
    hit,
    update: f.update.get(trace, at),
  };
}
