/**
 * Where two walks part: steps that read other memory, found other bits or came to something else.
 */
import type { TraceStep } from "../geometry/trace_step.ts";

export interface WalkDifference {
  /** Records of the first walk that have no equal in the same place of the other. */
  readonly records: ReadonlySet<number>;
  /** The first step that differs in each; null where that walk had ended. Both null: the walks are equal. */
  readonly first: readonly [TraceStep | null, TraceStep | null];
}

/** Compare step by step, in the order in which they were made. */
export function compareWalks(one: readonly TraceStep[], other: readonly TraceStep[]): WalkDifference {
  const records = new Set<number>();
  let first: WalkDifference["first"] | null = null;
  for (let i = 0; i < Math.max(one.length, other.length); i++) {
    const [a, b] = [one[i] ?? null, other[i] ?? null];
    if (a !== null && b !== null && sameStep(a, b)) continue;
    if (a !== null) records.add(a.record);
    first ??= [a, b];
  }
  return { records, first: first ?? [null, null] };
}

function sameStep(a: TraceStep, b: TraceStep): boolean {
  return (
    a.name === b.name &&
    a.verdict === b.verdict &&
    a.hit === b.hit &&
    a.pa === b.pa &&
    a.value === b.value &&
    a.out === b.out &&
    a.input === b.input &&
    a.permissions === b.permissions
  );
}
