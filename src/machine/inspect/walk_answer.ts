/** What a finished walk adds up to: accesses counted, and a digest that stands for the picture. */
import { Digest } from "../../base/digest.ts";
import type { Outcome, WalkAnswer } from "../../protocol/engine.ts";
import { TRACE, TRACE_WORDS, TracePhase } from "../../protocol/trace.ts";

/** Count accesses: to configuration (with stage 2 beneath it), and to tables for the address itself. */
export function countsOf(trace: Uint32Array): WalkAnswer["counts"] {
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
export function digestOf(trace: Uint32Array, outcome: Outcome): string {
  const digest = new Digest().words(trace).text(outcome.type);
  if (outcome.type === "ok") digest.number(Number(outcome.pa)).word(outcome.permissions).word(outcome.sizeLg2);
  if (outcome.type === "fault" || outcome.type === "stalled") digest.words(outcome.event.words).word(outcome.reason);
  if (outcome.type === "abort") digest.word(outcome.reason);
  if (outcome.type === "unknown") digest.number(Number(outcome.pa));
  return digest.hex();
}
