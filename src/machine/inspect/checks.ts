/**
 * The order of checks a translation went through, as lines made from its records: nothing is evaluated again.
 */
import { R, REASONS } from "../../arch/smmuv3/reasons.ts";
import type { CheckLine, StageSummary } from "../../protocol/engine.ts";
import { TRACE, TRACE_WORDS, TraceKind, TracePhase, TraceVerdict } from "../../protocol/trace.ts";

/** What a walk would go through in full. */
export interface Plan {
  readonly stage1: StageSummary | null;
  readonly stage2: StageSummary | null;
}

interface Line {
  text: string;
  section: string;
  /** First and last record it covers; -1 for none. */
  first: number;
  last: number;
}

const f = TRACE.f;

const STRUCTURES: Readonly<Record<number, Pick<Line, "text" | "section">>> = {
  [TraceKind.L1STD]: { text: "Level-1 stream table descriptor covers the StreamID", section: "IHI 0070 §5.1" },
  [TraceKind.STE]: { text: "STE is there, legal, and lets traffic pass", section: "IHI 0070 §5.2.2" },
  [TraceKind.L1CD]: { text: "Level-1 context descriptor is valid", section: "IHI 0070 §5.3" },
  [TraceKind.CD]: { text: "CD is there and legal", section: "IHI 0070 §5.4.2" },
};

const SECTION_TABLES = "DDI 0487 §D8.2";

/**
 * Lines in the order the architecture has it; the failed one, if any, is where the translation ended.
 * @param also reasons that would have ended it after that one
 */
export function checksOf(trace: Uint32Array, plan: Plan, also: readonly number[]): CheckLine[] {
  const lines = linesOf(trace);
  const out: CheckLine[] = lines.map((line): CheckLine => {
    const verdict = line.last < 0 ? TraceVerdict.Done : f.verdict.get(trace, line.last * TRACE_WORDS);
    const stopped = verdict === TraceVerdict.Fault || verdict === TraceVerdict.Unknown;
    if (!stopped) return { state: "passed", text: line.text, section: line.section, record: line.last };
    const reason = REASONS[f.reason.get(trace, line.last * TRACE_WORDS)];
    const known = reason !== undefined && reason.id !== "NONE";
    return {
      state: "failed",
      text: known ? reason.text : "The session does not hold the memory that is needed here.",
      section: known ? reason.section : line.section,
      record: line.last,
    };
  });
  if (out.at(-1)?.state !== "failed") return out;
  for (const reason of also) {
    const { text, section } = REASONS[reason]!;
    out.push({ state: "would fail too", text, section, record: lines.at(-1)?.last ?? null });
  }
  out.push(...notReached(trace, plan));
  return out;
}

function linesOf(trace: Uint32Array): Line[] {
  const lines: Line[] = [];
  let current: Line | null = null;
  let key = "";
  for (let i = 0; i * TRACE_WORDS < trace.length; i++) {
    const at = i * TRACE_WORDS;
    const kind = f.kind.get(trace, at);
    const phase = f.phase.get(trace, at);
    const stage = f.stage.get(trace, at);
    const row = f.row.get(trace, at);
    const next =
      kind === TraceKind.Descriptor ? `${phase} ${stage === 1 || phase === TracePhase.Table ? 1 : 2}` : `k${i}`;
    if (current === null || next !== key) {
      current = { ...lineFor(kind, phase, stage, f.reason.get(trace, at)), first: i, last: i };
      lines.push(current);
      key = next;
    } else current.last = i;
    if (kind === TraceKind.Descriptor && phase === TracePhase.Table) {
      current.text = `Stage 1 tables, ${row + 1} ${row === 0 ? "level" : "levels"}, give a leaf that allows the access`;
    }
  }
  return lines;
}

function lineFor(kind: number, phase: number, stage: number, reason: number): Pick<Line, "text" | "section"> {
  const structure = STRUCTURES[kind];
  if (structure !== undefined) return structure;
  if (kind === TraceKind.Check) return { text: REASONS[reason]?.text ?? "", section: REASONS[reason]?.section ?? "" };
  if (kind === TraceKind.Output)
    return { text: "The output address lies within the output size", section: "IHI 0070 §3.4" };
  if (phase === TracePhase.Config) return { text: "Stage 2 reaches the context descriptor", section: "IHI 0070 §5.4" };
  if (phase === TracePhase.Output && stage === 2) {
    return { text: "Stage 2 maps the final address and allows the access", section: SECTION_TABLES };
  }
  return { text: "Stage 1 tables give a leaf that allows the access", section: SECTION_TABLES };
}

function notReached(trace: Uint32Array, { stage1, stage2 }: Plan): CheckLine[] {
  const last = (trace.length / TRACE_WORDS - 1) * TRACE_WORDS;
  const kind = f.kind.get(trace, last);
  const phase = f.phase.get(trace, last);
  const reason = f.reason.get(trace, last);
  const later: string[] = [];
  if (phase === TracePhase.Config && kind !== TraceKind.CD && kind !== TraceKind.Check) {
    if (stage1 !== null || kind === TraceKind.L1STD) later.push("CD fetch and its checks");
  }
  const inConfig = phase === TracePhase.Config && !(kind === TraceKind.Check && f.stage.get(trace, last) > 0);
  if (inConfig && reason !== R.STE_ABORT) later.push("Translation of the address");
  if (phase === TracePhase.Table && stage2 !== null) later.push("Stage 2 for the final address");
  return later.map((text) => ({ state: "not reached", text, section: SECTION_TABLES, record: null }));
}
