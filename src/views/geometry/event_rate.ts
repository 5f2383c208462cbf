/**
 * How often each kind of event comes: a lane for each of the most frequent kinds, cut into buckets over the stream of
 * records, with the count of each bucket as a height.
 */
import { scaleLinear, scaleSqrt } from "d3-scale";

interface RateBucket {
  readonly x: number;
  readonly width: number;
  /** Height of the bar, of the lane's full height 1. */
  readonly height: number;
  readonly count: number;
  /** Records [from, to) it stands for. */
  readonly from: number;
  readonly to: number;
}

export interface RateLane {
  /** Index of the kind. */
  readonly kind: number;
  readonly count: number;
  readonly buckets: readonly RateBucket[];
}

/** Narrowest bar with the gap after it. */
const LEAST = 4;

/**
 * @param kindOf kind of each record, an index below `kinds`; a record that is `kinds` or above is left out
 * @param most lanes at most, the most frequent kinds
 */
export function eventRate(kindOf: Uint16Array, kinds: number, width: number, most: number): RateLane[] {
  const total = kindOf.length;
  if (total === 0 || width < LEAST) return [];
  const bars = Math.max(1, Math.min(total, Math.floor(width / LEAST)));
  const counts = new Uint32Array(kinds * bars);
  const sums = new Uint32Array(kinds);
  for (let i = 0; i < total; i++) {
    const kind = kindOf[i]!;
    if (kind >= kinds) continue;
    counts[kind * bars + Math.floor((i * bars) / total)]!++;
    sums[kind]!++;
  }
  const x = scaleLinear().domain([0, bars]).range([0, width]);
  // The square root keeps a single event in view beside a burst.
  const height = scaleSqrt()
    .domain([0, counts.reduce((a, b) => Math.max(a, b), 1)])
    .range([0, 1]);
  const lane = (kind: number): RateLane => ({
    kind,
    count: sums[kind]!,
    buckets: Array.from({ length: bars }, (_, bar) => bar)
      .filter((bar) => counts[kind * bars + bar]! > 0)
      .map((bar) => ({
        x: x(bar),
        width: Math.max(1, x(1) - 1),
        height: height(counts[kind * bars + bar]!),
        count: counts[kind * bars + bar]!,
        from: Math.ceil((bar * total) / bars),
        to: Math.ceil(((bar + 1) * total) / bars),
      })),
  });
  return [...sums.keys()]
    .filter((kind) => sums[kind]! > 0)
    .sort((a, b) => sums[b]! - sums[a]! || a - b)
    .slice(0, most)
    .map(lane);
}
