/** What a finished walk adds up to: accesses counted, checks in order, and a digest that stands for the picture. */
import type { Reason } from "../../arch/reason.ts";
import { Digest } from "../../base/digest.ts";
import { join } from "../../base/halves.ts";
import type { PciTranslation } from "../../engine/common/pci_request.ts";
import { End } from "../../engine/common/request.ts";
import type { TableRoot } from "../../engine/common/table_root.ts";
import type { Outcome, StageSummary, WalkAnswer } from "../../protocol/engine.ts";
import { TRACE, TRACE_WORDS, TracePhase } from "../../protocol/trace.ts";
import type { Reach } from "../unit.ts";
import { type CheckTerms, checksOf } from "./checks.ts";

/** The outcome of a walk that needed memory which the session lacks. */
export function unknownOutcome(hi: number, lo: number): Outcome {
  const pa = join(hi, lo);
  return { type: "unknown", pa, what: `The session does not hold physical address 0x${pa.toString(16)}.` };
}

/** An access that a rule refuses. */
export const refusedBy = ({ text, section }: Reason): Reach => ({ end: "refused", why: `${text} (${section})` });

/** What a request of a PCI device came to, in brief. */
export function reachOf(t: PciTranslation, reasons: readonly Reason[]): Reach {
  if (t.end === End.Ok) return { end: "ok", pa: join(t.paHi, t.paLo) };
  if (t.end === End.Interrupt) return { end: "ok", pa: null };
  if (t.end === End.Unknown) return { end: "unknown", at: join(t.fetchHi, t.fetchLo) };
  return refusedBy(reasons[t.reason]!);
}

/** Count accesses: to configuration (with stage 2 beneath it), and to tables for the address itself. */
function countsOf(trace: Uint32Array): WalkAnswer["counts"] {
  const { f } = TRACE;
  let [config, stage1, stage2] = [0, 0, 0];
  for (let at = 0; at < trace.length; at += TRACE_WORDS) {
    if (f.access.get(trace, at) === 0) continue;
    if (f.phase.get(trace, at) === TracePhase.Config) config++;
    else if (f.stage.get(trace, at) === 1) stage1++;
    else stage2++;
  }
  return { config, stage1, stage2 };
}

/** Sixteen hexadecimal digits over the records and the outcome: equal digests, equal pictures. */
function digestOf(trace: Uint32Array, outcome: Outcome): string {
  const digest = new Digest().words(trace).text(outcome.type);
  if (outcome.type === "ok") digest.number(Number(outcome.pa)).word(outcome.permissions).word(outcome.sizeLg2);
  if (outcome.type === "fault" || outcome.type === "stalled") digest.words(outcome.event.words).word(outcome.reason);
  if (outcome.type === "abort") digest.word(outcome.reason);
  if (outcome.type === "unknown") digest.number(Number(outcome.pa));
  return digest.hex();
}

/** What a stage was configured as. @param levelOf a level as the architecture numbers it, from that of the format */
export const stageSummary = (
  name: string,
  root: TableRoot,
  base: string,
  levelOf: (level: number) => number,
): StageSummary => ({
  name,
  granuleLg2: root.fmt!.granuleLg2,
  inputBits: root.inputBits,
  startLevel: levelOf(root.level),
  levels: root.level + 1,
  root: join(root.rootHi, root.rootLo),
  concatenated: root.concatenated,
  base,
});

/** What an architecture says of a walk; the rest follows from the trace. */
export type ToldWalk = Omit<WalkAnswer, "counts" | "checks" | "digest">;

/** A walk with everything a picture of it needs. @param also reasons that would have ended it after the one that did */
export const walkAnswer = (told: ToldWalk, also: readonly number[], terms: CheckTerms): WalkAnswer => ({
  ...told,
  counts: countsOf(told.trace),
  checks: checksOf(told.trace, told, also, terms),
  digest: digestOf(told.trace, told.outcome),
});
