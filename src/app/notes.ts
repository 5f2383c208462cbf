/** Notes to the steps of a session as places to stop at: which one speaks of now, which come before and after. */
import type { SessionSummary } from "../protocol/engine.ts";

/** What there is to read at a step; several notes of one step follow each other after a blank line. */
export interface NoteStop {
  readonly step: number;
  readonly text: string;
}

/** The steps that have notes, ascending. Notes to steps beyond the last action cannot be come to and are left out. */
export function noteStops({ notes, actionCount }: Pick<SessionSummary, "notes" | "actionCount">): readonly NoteStop[] {
  const texts = new Map<number, string>();
  for (const { step, text } of notes) {
    const before = texts.get(step);
    if (step <= actionCount) texts.set(step, before === undefined ? text : `${before}\n\n${text}`);
  }
  return [...texts].map(([step, text]) => ({ step, text })).sort((a, b) => a.step - b.step);
}

/** Index of the stop that speaks of `step`: the newest that is not after it. -1 before the first. */
export function stopAt(stops: readonly NoteStop[], step: number): number {
  return stops.findLastIndex((stop) => stop.step <= step);
}

/** The step of the nearest note after the step of now (1) or before it (-1), or null. */
export function noteStepFrom(
  summary: Pick<SessionSummary, "notes" | "actionCount" | "step"> | null,
  by: 1 | -1,
): number | null {
  if (summary === null) return null;
  const stops = noteStops(summary);
  const found = by === 1 ? stops.find((s) => s.step > summary.step) : stops.findLast((s) => s.step < summary.step);
  return found?.step ?? null;
}
