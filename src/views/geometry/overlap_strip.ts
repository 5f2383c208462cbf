/**
 * The overlap strip: ranges of memory that are reached in several ways from left to right, a lane for each context, a cell
 * where the context reaches the range. Ranges that do not touch have a gap between them; widths grow with the logarithm
 * of the bytes.
 */
import type { OverlapReach, OverlapRow } from "../../protocol/overlaps.ts";
import type { MapView } from "./table_map.ts";

/** A context's part in a range, or in ranges too narrow to tell apart. */
interface OverlapCell {
  readonly lane: number;
  /** Index of the first range, and number of ranges. */
  readonly first: number;
  readonly count: number;
  readonly x: number;
  readonly width: number;
  /** Rights that any of its ways there has. */
  readonly permissions: number;
  /** Most ways that lead there with the same rights. */
  readonly ways: number;
}

export interface OverlapStripPlan {
  /** Indices of contexts: the chosen one first, then those with most ranges. */
  readonly lanes: readonly number[];
  /** Contexts that there is no lane for. */
  readonly hidden: number;
  /** Part of 0 to 1 for each range. */
  readonly from: Float64Array;
  readonly to: Float64Array;
}

const PAGE_LG2 = 12;
/** Between ranges that do not touch: a part of the weight of a page. */
const GAP = 0.3;

/** Lay out all ranges. @param most lanes */
export function planOverlaps(rows: readonly OverlapRow[], most: number): OverlapStripPlan {
  const counts = new Map<number, number>();
  for (const { reaches } of rows) {
    for (const context of contextsOf(reaches)) counts.set(context, (counts.get(context) ?? 0) + 1);
  }
  const order = [...counts].sort(([a, m], [b, n]) => Number(b === 0) - Number(a === 0) || n - m || a - b);
  const from = new Float64Array(rows.length);
  const to = new Float64Array(rows.length);
  let at = 0;
  for (const [i, row] of rows.entries()) {
    if (i > 0 && rows[i - 1]!.to !== row.from) at += GAP;
    from[i] = at;
    at += 1 + Math.max(0, Math.log2(Number(row.to - row.from)) - PAGE_LG2);
    to[i] = at;
  }
  const part = (x: number): number => x / (at || 1);
  return {
    lanes: order.slice(0, most).map(([context]) => context),
    hidden: Math.max(0, order.length - most),
    from: from.map(part),
    to: to.map(part),
  };
}

const contextsOf = (reaches: readonly OverlapReach[]): Set<number> => new Set(reaches.map(({ context }) => context));

/** Narrowest cell drawn by itself, px. */
const LEAST = 2;

/** Two cells of a lane follow on each other, and neither is wide enough to stand alone. */
const joins = (before: OverlapCell, cell: OverlapCell): boolean =>
  cell.width < LEAST && before.width < 4 * LEAST && cell.x - before.x - before.width < 1;

const joined = (before: OverlapCell, cell: OverlapCell): OverlapCell => ({
  ...before,
  count: cell.first + 1 - before.first,
  width: cell.x + cell.width - before.x,
  permissions: before.permissions | cell.permissions,
  ways: Math.max(before.ways, cell.ways),
});

/** What is in view. Cells of a lane under 2 px wide are joined with their neighbours. */
export function overlapCells(rows: readonly OverlapRow[], plan: OverlapStripPlan, view: MapView): OverlapCell[] {
  const unit = view.width / (view.to - view.from);
  const laneOf = new Map(plan.lanes.map((context, lane) => [context, lane]));
  /** Of each lane, the index of its last cell. */
  const last: (number | undefined)[] = [];
  const cells: OverlapCell[] = [];
  const put = (cell: OverlapCell): void => {
    const at = last[cell.lane] ?? -1;
    const before = cells[at];
    if (before !== undefined && joins(before, cell)) cells[at] = joined(before, cell);
    else last[cell.lane] = cells.push(cell) - 1;
  };
  for (const [first, { reaches }] of rows.entries()) {
    if (plan.to[first]! <= view.from || plan.from[first]! >= view.to) continue;
    const x = Math.max(0, (plan.from[first]! - view.from) * unit);
    const width = Math.min(view.width, (plan.to[first]! - view.from) * unit) - x;
    for (const context of contextsOf(reaches)) {
      const lane = laneOf.get(context);
      if (lane === undefined) continue;
      const own = reaches.filter((reach) => reach.context === context);
      const permissions = own.reduce((all, reach) => all | reach.permissions, 0);
      put({ lane, first, count: 1, x, width, permissions, ways: Math.max(...own.map(({ count }) => count)) });
    }
  }
  return cells;
}

/** Ranges of input in ascending order, as numbers: multiples of a page are exact. */
export interface MarkedRanges {
  readonly from: Float64Array;
  readonly to: Float64Array;
}

export const markedRanges = (marks: readonly (readonly [bigint, bigint])[]): MarkedRanges => ({
  from: Float64Array.from(marks, ([from]) => Number(from)),
  to: Float64Array.from(marks, ([, to]) => Number(to)),
});

/** Most parts of one box that are told apart. */
const MOST_PARTS = 32;

/** Parts of the input from `from` to `to` that are marked, 0 to 1; more than can be told apart are one. */
export function markedParts(
  { from, to }: MarkedRanges,
  start: number,
  end: number,
): readonly (readonly [number, number])[] {
  let low = 0;
  let high = to.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (to[middle]! <= start) low = middle + 1;
    else high = middle;
  }
  const parts: [number, number][] = [];
  const part = (at: number): number => Math.min(1, Math.max(0, (at - start) / (end - start)));
  for (let i = low; i < from.length && from[i]! < end; i++) {
    if (parts.length === MOST_PARTS) return [[0, 1]];
    parts.push([part(from[i]!), part(to[i]!)]);
  }
  return parts;
}
