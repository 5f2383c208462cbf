/**
 * A log of actions as marks in lanes over a line of time: the clock is the number of the action. A mark stands for one
 * action where there is room, else for a run of them, so that there are never more marks than the width can show.
 */
import { scaleLinear } from "d3-scale";

/** The part of the log in view: actions from `from` up to `to`, in numbers that need not be whole. */
export interface LaneView {
  readonly from: number;
  readonly to: number;
}

export interface LaneMark {
  readonly lane: number;
  readonly x: number;
  readonly width: number;
  /** First action of the mark, and how many of this lane it stands for. */
  readonly first: number;
  readonly count: number;
}

export interface LaneTick {
  readonly at: number;
  readonly x: number;
}

interface LaneOptions {
  readonly width: number;
  readonly view: LaneView;
  /** Lanes there are. */
  readonly lanes: number;
}

/** Least width of a mark with the gap after it. */
const LEAST = 3;
/** A mark is no wider than this, for an action has no length. */
const MOST = 26;

export function laneMarks(laneOf: Uint8Array, { width, view, lanes }: LaneOptions): LaneMark[] {
  const span = Math.max(1, view.to - view.from);
  const each = width / span;
  // Several actions to a mark where one would be too narrow to see.
  const run = each >= LEAST ? 1 : Math.ceil(LEAST / each);
  const first = Math.max(0, Math.floor(view.from / run) * run);
  const last = Math.min(laneOf.length, Math.ceil(view.to));
  const counts = new Uint32Array(lanes);
  const marks: LaneMark[] = [];
  for (let at = first; at < last; at += run) {
    counts.fill(0);
    for (let i = at; i < Math.min(at + run, last); i++) counts[laneOf[i]!]!++;
    const x = (at - view.from) * each;
    for (let lane = 0; lane < lanes; lane++) {
      const count = counts[lane]!;
      if (count > 0) marks.push({ lane, x, width: Math.min(MOST, Math.max(2, run * each - 1)), first: at, count });
    }
  }
  return marks;
}

/** Round numbers of actions along the line, at most one for each `apart` pixels. */
export function laneTicks(width: number, view: LaneView, apart = 90): LaneTick[] {
  const scale = scaleLinear().domain([view.from, view.to]).range([0, width]);
  const ticks = scale.ticks(Math.max(1, Math.floor(width / apart))).filter((at) => Number.isInteger(at));
  return ticks.map((at) => ({ at, x: scale(at) }));
}

/** The view scaled by `factor` around `at`, kept within the `count` actions and wide enough to show one. */
export function zoomed(view: LaneView, factor: number, at: number, count: number): LaneView {
  const span = Math.max(Math.min(8, count), Math.min(count, (view.to - view.from) * factor));
  const share = view.to === view.from ? 0.5 : (at - view.from) / (view.to - view.from);
  return within({ from: at - share * span, to: at + (1 - share) * span }, count);
}

/** The view moved so that nothing before the first action or after the last is in it. */
export function within(view: LaneView, count: number): LaneView {
  const span = Math.min(count, view.to - view.from);
  const from = Math.max(0, Math.min(view.from, count - span));
  return { from, to: from + span };
}
