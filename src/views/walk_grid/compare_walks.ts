/**
 * Where two walks part: steps that read other memory, found other bits or came to something else.
 */
import type { TraceStep } from "../geometry/trace_step.ts";

/** Steps that have the same part in their walks; null where a walk has none for it. */
export type StepPair = readonly [TraceStep | null, TraceStep | null];

export interface WalkDifference {
  /** Records of the first walk that have no equal in the same place of the other. */
  readonly records: ReadonlySet<number>;
  /** The first step that differs in each; null where that walk has none for it. Both null: the walks are equal. */
  readonly first: StepPair;
}

export function compareWalks(one: readonly TraceStep[], other: readonly TraceStep[]): WalkDifference {
  const differing = alignWalks(one, other).filter((pair) => !isSamePair(pair));
  return {
    records: new Set(differing.flatMap(([step]) => (step === null ? [] : [step.record]))),
    first: differing[0] ?? [null, null],
  };
}

/**
 * Put two walks beside each other in the order in which their steps were made, so that as many as can be stand beside a
 * step with the same part: the same structure, or a table of the same stage, row and height.
 */
export function alignWalks(one: readonly TraceStep[], other: readonly TraceStep[]): StepPair[] {
  const width = other.length + 1;
  // How well what is left of both fits, from each pair of places on.
  const fits = new Int32Array((one.length + 1) * width);
  const fitFrom = (i: number, j: number): number => fits[i * width + j]!;
  for (let i = one.length - 1; i >= 0; i--) {
    for (let j = other.length - 1; j >= 0; j--) {
      const likeness = likenessOf(one[i]!, other[j]!);
      const beside = likeness === 0 ? 0 : likeness + fitFrom(i + 1, j + 1);
      fits[i * width + j] = Math.max(beside, fitFrom(i + 1, j), fitFrom(i, j + 1));
    }
  }
  const pairs: StepPair[] = [];
  for (let [i, j] = [0, 0]; i < one.length || j < other.length; ) {
    const [a, b] = [one[i] ?? null, other[j] ?? null];
    const likeness = a === null || b === null ? 0 : likenessOf(a, b);
    const isBeside = likeness > 0 && fitFrom(i, j) === likeness + fitFrom(i + 1, j + 1);
    const isLeft = !isBeside && a !== null && (b === null || fitFrom(i, j) === fitFrom(i + 1, j));
    pairs.push([isBeside || isLeft ? a : null, isLeft ? null : b]);
    if (isBeside || isLeft) i++;
    if (!isLeft) j++;
  }
  return pairs;
}

/** 0 for steps with nothing in common, most for those of one name. */
function likenessOf(a: TraceStep, b: TraceStep): number {
  if (a.phase !== b.phase || a.stage !== b.stage || a.row !== b.row) return 0;
  if (a.name === b.name) return 3;
  // Of two architectures, or of tables that begin at other levels.
  if (a.phase === "config") return 1;
  return a.height === b.height && a.kind === b.kind ? 2 : 0;
}

/** Whether both steps are there and came to the same. */
export function isSamePair([a, b]: StepPair): boolean {
  return (
    a !== null &&
    b !== null &&
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
