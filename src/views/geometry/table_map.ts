/**
 * Table maps: the tables of one stage as an icicle. A row for each level and a last one for pages; a table stands over
 * what hangs below it; widths follow the leaves beneath, and a gap stands for a hole, however large it is. x runs from 0
 * to 1 before zooming.
 */
import type { MapNodeKind, TableMapColumns } from "../../protocol/engine.ts";

const LEAVES: typeof MapNodeKind.Leaves = 1;
const BAD: typeof MapNodeKind.Bad = 2;

/** Where every node of a map stands; index as in the map's columns. */
export interface TableMapPlan {
  readonly rows: number;
  readonly row: Uint8Array;
  readonly from: Float64Array;
  readonly to: Float64Array;
  /** Of nodes that a hole lies before, the neighbour beyond it; -1 of others. */
  readonly beyond: Int32Array;
}

/** What a hole weighs, where the least leaf weighs 1. */
const HOLE = 0.6;

/** How widths grow with leaves. */
export type MapScale = "leaves" | "even";

/** A run of `n` leaves weighs `n` by leaves; evenly, a doubling of leaves adds as much as one leaf. */
function runWeight(leaves: number, scale: MapScale): number {
  return scale === "leaves" ? Math.max(1, leaves) : 1 + Math.log2(Math.max(1, leaves));
}

/** Place all nodes. Parents come before children in the columns. */
export function planTableMap(map: TableMapColumns, scale: MapScale): TableMapPlan {
  const n = map.count;
  const weight = new Float64Array(n);
  const row = new Uint8Array(n);
  const from = new Float64Array(n);
  const to = new Float64Array(n);
  let rows = 0;
  for (let i = 0; i < n; i++) {
    const parent = map.parent[i]!;
    row[i] = parent < 0 ? 0 : row[parent]! + 1;
    rows = Math.max(rows, row[i]! + 1);
  }
  const beyond = neighboursBeyondHoles(map);
  const gap = (i: number): number => (beyond[i]! < 0 ? 0 : HOLE);
  let whole = 0;
  for (let i = n - 1; i >= 0; i--) {
    const own = map.kind[i] === LEAVES ? runWeight(map.used[i]!, scale) : 1;
    weight[i] = Math.max(weight[i]!, own);
    const parent = map.parent[i]!;
    if (parent >= 0) weight[parent]! += weight[i]! + gap(i);
    else whole += weight[i]! + gap(i);
  }
  // `free` is where the next child of a node begins; of the roots, where the next root begins.
  const free = new Float64Array(n);
  let freeRoot = 0;
  for (let i = 0; i < n; i++) {
    const parent = map.parent[i]!;
    const unit = parent < 0 ? 1 / whole : (to[parent]! - from[parent]!) / weight[parent]!;
    from[i] = (parent < 0 ? freeRoot : free[parent]!) + gap(i) * unit;
    to[i] = from[i]! + weight[i]! * unit;
    free[i] = from[i]!;
    if (parent < 0) freeRoot = to[i]!;
    else free[parent] = to[i]!;
  }
  return { rows, row, from, to, beyond };
}

/** Of each node, the one of the same table before it where something between them is not mapped, else -1. */
function neighboursBeyondHoles(map: TableMapColumns): Int32Array {
  const beyond = new Int32Array(map.count).fill(-1);
  /** The last node so far below each node, plus 1; the first place is of the roots. */
  const last = new Int32Array(map.count + 1);
  for (let i = 0; i < map.count; i++) {
    const parent = map.parent[i]! + 1;
    const before = last[parent]! - 1;
    last[parent] = i + 1;
    if (before < 0) continue;
    const [hi, lo] = [map.fromHi[i]!, map.fromLo[i]!];
    if (hi > map.toHi[before]! || (hi === map.toHi[before]! && lo > map.toLo[before]!)) beyond[i] = before;
  }
  return beyond;
}

/** A box to draw: one node, or neighbours too narrow to tell apart. */
export interface MapBox {
  readonly first: number;
  /** Nodes in it. */
  readonly count: number;
  readonly row: number;
  readonly x: number;
  readonly width: number;
  /** One of them is a pointer that cannot be followed. */
  readonly bad: boolean;
}

/** Part of the plan in view: `from` and `to` of 0 to 1, drawn over `width` px. */
export interface MapView {
  readonly from: number;
  readonly to: number;
  readonly width: number;
}

/** Narrowest node drawn by itself, px. */
const LEAST = 2;

/** What is in view, each row from left to right. Nodes under 2 px wide are joined with their neighbours. */
export function mapBoxes(map: TableMapColumns, plan: TableMapPlan, view: MapView): MapBox[] {
  const unit = view.width / (view.to - view.from);
  const boxes: MapBox[] = [];
  const joined = new Map<number, { first: number; count: number; x: number; end: number; bad: boolean }>();
  const flush = (row: number): void => {
    const j = joined.get(row);
    if (j === undefined) return;
    joined.delete(row);
    boxes.push({ first: j.first, count: j.count, row, x: j.x, width: Math.max(LEAST, j.end - j.x), bad: j.bad });
  };
  for (let i = 0; i < map.count; i++) {
    if (plan.to[i]! <= view.from || plan.from[i]! >= view.to) continue;
    const x = Math.max(0, (plan.from[i]! - view.from) * unit);
    const end = Math.min(view.width, (plan.to[i]! - view.from) * unit);
    const row = plan.row[i]!;
    const bad = map.kind[i] === BAD;
    const open = joined.get(row);
    if (end - x >= LEAST) {
      flush(row);
      boxes.push({ first: i, count: 1, row, x, width: end - x, bad });
    } else if (open !== undefined && x - open.end < 1 && end - open.x < 4 * LEAST) {
      open.count++;
      open.end = end;
      open.bad ||= bad;
    } else {
      flush(row);
      joined.set(row, { first: i, count: 1, x, end, bad });
    }
  }
  for (const row of joined.keys()) flush(row);
  return boxes;
}

/** A hole that can be seen: input addresses that nothing is mapped at, between two nodes of a table. */
export interface MapHole {
  readonly row: number;
  readonly x: number;
  readonly width: number;
  readonly from: bigint;
  /** One past the last. */
  readonly to: bigint;
}

/** Narrowest hole that is drawn, px. */
const LEAST_HOLE = 4;

/** The holes before boxes in view, where they are wide enough to be seen. */
export function mapHoles(map: TableMapColumns, plan: TableMapPlan, boxes: readonly MapBox[], view: MapView): MapHole[] {
  const unit = view.width / (view.to - view.from);
  return boxes.flatMap(({ first, row }): MapHole[] => {
    const before = plan.beyond[first]!;
    if (before < 0) return [];
    const x = Math.max(0, (plan.to[before]! - view.from) * unit);
    const width = (plan.from[first]! - view.from) * unit - x;
    if (width < LEAST_HOLE) return [];
    return [{ row, x, width, from: nodeRange(map, before).to, to: nodeRange(map, first).from }];
  });
}

const wide = (hi: Uint32Array, lo: Uint32Array, i: number): bigint => (BigInt(hi[i]!) << 32n) | BigInt(lo[i]!);

/** First input address of a node, and one past its last. */
export function nodeRange(map: TableMapColumns, i: number): { readonly from: bigint; readonly to: bigint } {
  const from = wide(map.fromHi, map.fromLo, i);
  const to = wide(map.toHi, map.toLo, i);
  // One past the end of the 64-bit space does not fit its two words.
  return { from, to: to === 0n && from > 0n ? 1n << 64n : to };
}

/** Address of a table, or output of a run's first leaf. */
export function nodeTarget(map: TableMapColumns, i: number): bigint {
  return wide(map.atHi, map.atLo, i);
}

/** Nodes that cover one of the input addresses: the path of a walk through the tables. */
export function walkedNodes(map: TableMapColumns, inputs: readonly bigint[]): ReadonlySet<number> {
  const walked = new Set<number>();
  for (let i = 0; i < map.count; i++) {
    const { from, to } = nodeRange(map, i);
    if (inputs.some((a) => a >= from && a < to)) walked.add(i);
  }
  return walked;
}
