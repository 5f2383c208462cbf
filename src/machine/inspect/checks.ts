/**
 * The order of checks a translation went through, as lines made from its records: nothing is evaluated again.
 */
import type { CheckLine, StageSummary } from "../../protocol/engine.ts";
import { TRACE, TRACE_WORDS, TraceKind, TracePhase, TraceVerdict } from "../../protocol/trace.ts";

/** What a walk would go through in full. */
export interface Plan {
  readonly stage1: StageSummary | null;
  readonly stage2: StageSummary | null;
}

/** A sentence that is true where the check passed, and who says so. */
export interface Rule {
  readonly text: string;
  /** Document and section. */
  readonly section: string;
}

/** A record in brief. */
export interface LastRecord {
  readonly kind: number;
  readonly phase: number;
  readonly stage: number;
  readonly reason: number;
}

/** The checks of an architecture in words. */
export interface CheckTerms {
  /** For each kind of configuration structure (`TraceKind`): what was checked when it was read. */
  readonly structures: Readonly<Record<number, Rule>>;
  /** The address a finished translation gives. */
  readonly output: Rule;
  /** Stage 2 under a configuration structure. */
  readonly configBeneath: Rule;
  /** Stage 2 for the final address. */
  readonly finalBeneath: Rule;
  /** Tables of stage 1, with this many levels read. */
  readonly tables: (levels: number) => Rule;
  /** The architecture's reasons; index 0 is none. */
  readonly reasons: readonly Rule[];
  /** What the walk did not come to, given its last record: a rule for each. */
  readonly later: (last: LastRecord, plan: Plan) => readonly Rule[];
}

interface Line {
  rule: Rule;
  /** The last record it covers. */
  last: number;
}

const f = TRACE.f;

/**
 * Lines in the order the architecture has it; the failed one, if any, is where the translation ended.
 * @param also reasons that would have ended it after that one
 */
export function checksOf(trace: Uint32Array, plan: Plan, also: readonly number[], terms: CheckTerms): CheckLine[] {
  const lines = linesOf(trace, terms);
  const out = lines.map((line) => checkLine(trace, line, terms));
  if (out.at(-1)?.state !== "failed") return out;
  for (const reason of also) {
    const { text, section } = terms.reasons[reason]!;
    out.push({ state: "would fail too", text, section, record: lines.at(-1)?.last ?? null });
  }
  const at = (trace.length / TRACE_WORDS - 1) * TRACE_WORDS;
  const last: LastRecord = {
    kind: f.kind.get(trace, at),
    phase: f.phase.get(trace, at),
    stage: f.stage.get(trace, at),
    reason: f.reason.get(trace, at),
  };
  for (const { text, section } of terms.later(last, plan)) {
    out.push({ state: "not reached", text, section, record: null });
  }
  return out;
}

function checkLine(trace: Uint32Array, { rule, last }: Line, { reasons }: CheckTerms): CheckLine {
  const verdict = f.verdict.get(trace, last * TRACE_WORDS);
  const { text, section } = rule;
  if (verdict === TraceVerdict.Unknown) {
    return {
      state: "failed",
      text: "The session does not hold the memory that is needed here.",
      section,
      record: last,
    };
  }
  if (verdict !== TraceVerdict.Fault) return { state: "passed", text, section, record: last };
  const index = f.reason.get(trace, last * TRACE_WORDS);
  const broken = index === 0 ? undefined : reasons[index];
  return { state: "failed", text: broken?.text ?? text, section: broken?.section ?? section, record: last };
}

function linesOf(trace: Uint32Array, terms: CheckTerms): Line[] {
  const lines: Line[] = [];
  let current: Line | null = null;
  let key = "";
  for (let i = 0; i * TRACE_WORDS < trace.length; i++) {
    const at = i * TRACE_WORDS;
    const kind = f.kind.get(trace, at);
    const phase = f.phase.get(trace, at);
    const stage = f.stage.get(trace, at);
    const next =
      kind === TraceKind.Descriptor ? `${phase} ${stage === 1 || phase === TracePhase.Table ? 1 : 2}` : `k${i}`;
    if (current === null || next !== key) {
      current = { rule: ruleOf({ kind, phase, stage, reason: f.reason.get(trace, at) }, terms), last: i };
      lines.push(current);
      key = next;
    } else current.last = i;
    if (kind === TraceKind.Descriptor && phase === TracePhase.Table) {
      current.rule = terms.tables(f.row.get(trace, at) + 1);
    }
  }
  return lines;
}

function ruleOf({ kind, phase, stage, reason }: LastRecord, terms: CheckTerms): Rule {
  const structure = terms.structures[kind];
  if (structure !== undefined) return structure;
  if (kind === TraceKind.Check) return terms.reasons[reason] ?? { text: "", section: "" };
  if (kind === TraceKind.Output) return terms.output;
  if (phase === TracePhase.Config) return terms.configBeneath;
  return phase === TracePhase.Output && stage === 2 ? terms.finalBeneath : terms.tables(1);
}
