/**
 * What a user sees of a walk at one moment: the position of the step, the selection, and what is tied to either.
 */
import type { Action } from "../../protocol/machine.ts";
import type { TraceStep } from "../geometry/trace_step.ts";

export interface WalkView {
  /** How many records are shown. */
  readonly shown: number;
  /** The access or check that came last with them; null before the first. */
  readonly current: number | null;
  readonly selected: number | null;
  /** Record under the keyboard's cursor. */
  readonly cursor: number | null;
  /** Records that concern the same thing as the selection. */
  readonly linked: ReadonlySet<number>;
  /** Records that read memory changed by an action. */
  readonly edited: ReadonlySet<number>;
}

/** Records that read bytes which one of the actions wrote. */
export function editedRecords(steps: readonly TraceStep[], actions: readonly Action[]): ReadonlySet<number> {
  const writes = actions.flatMap((a) => {
    if (a.do === "toggle") return [{ from: a.at, to: a.at + 8n }];
    return a.do === "write" ? [{ from: a.at, to: a.at + BigInt(a.bytes.length) }] : [];
  });
  const touched = (s: TraceStep): boolean => writes.some((w) => w.from < s.pa + BigInt(s.bytes) && s.pa < w.to);
  return new Set(steps.filter((s) => s.access > 0 && touched(s)).map((s) => s.record));
}

/** Records other than `selected` that read the physical address `pa`. */
export function linkedRecords(
  steps: readonly TraceStep[],
  selected: number | null,
  pa: bigint | null,
): ReadonlySet<number> {
  if (pa === null) return new Set();
  return new Set(steps.filter((s) => s.access > 0 && s.record !== selected && s.pa === pa).map((s) => s.record));
}

/** The step a reader's eye is on: the selected one, else the last one shown. */
export function focusStep(steps: readonly TraceStep[], view: Pick<WalkView, "current" | "selected">): TraceStep | null {
  return steps[view.selected ?? view.current ?? -1] ?? null;
}

/** The IPA that stage 2 is translating at `step`, or null where it translates nothing there. */
export function currentIpa(steps: readonly TraceStep[], step: TraceStep | null, hasStage2: boolean): bigint | null {
  if (step === null || !hasStage2) return null;
  if (step.kind === "Descriptor") return step.stage === 2 ? step.input : step.at;
  // What stage 2 lies beneath is read at an address of its own and at a physical one.
  if (step.kind !== "Output" && step.kind !== "Check") return step.at === step.pa ? null : step.at;
  if (step.kind === "Output") return steps.findLast((s) => s.stage === 2 && s.kind === "Descriptor")?.input ?? null;
  return step.kind === "Check" && step.stage === 2 ? step.input : null;
}
