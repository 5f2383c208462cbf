/** Timing workloads: passes until a timing is long enough, then as many timings as are asked for. */
import type { BenchCare, BenchJob, BenchRow, BenchWork } from "../../protocol/bench.ts";
import type { Workload } from "./translations.ts";
import { WORKS } from "./workloads.ts";

/** A wall clock in milliseconds, from any start. */
export type Clock = () => number;

/** Passes of a timing are doubled up to so many. */
const MOST_PASSES = 2 ** 28;

const hex8 = (n: number): string => (n >>> 0).toString(16).padStart(8, "0");
const round = (ns: number): number => Math.round(ns * 1000) / 1000;

/** Work that can be timed, in order. */
export const benchWorks = (): readonly BenchWork[] => WORKS.map(({ work, about, sizes }) => ({ work, about, sizes }));

/** Time every workload of a work in one size; none where no work has that name. */
export function timeWork({ work, size, ...care }: BenchJob, now: Clock): readonly BenchRow[] {
  const kind = WORKS.find((known) => known.work === work);
  return kind === undefined ? [] : kind.make(size).map((workload) => measure(workload, care, now));
}

function measure(w: Workload, { runs, minMs }: BenchCare, now: Clock): BenchRow {
  let result = w.once === true ? null : w.pass();
  const time = (passes: number): number => {
    const start = now();
    for (let i = 0; i < passes; i++) result = w.pass();
    return now() - start;
  };
  let passes = 1;
  if (w.once !== true) while (time(passes) < minMs && passes < MOST_PASSES) passes *= 2;
  const times = Array.from({ length: w.once === true ? 1 : runs }, () => time(passes));
  const ns = times.map((ms) => (ms * 1e6) / (passes * w.operations)).sort((x, y) => x - y);
  return {
    work: w.work,
    pages: w.pages,
    order: w.order,
    ns: round(ns[ns.length >> 1]!),
    ns_min: round(ns[0]!),
    ns_max: round(ns.at(-1)!),
    not_ok: result!.failed,
    sum: hex8(result!.a) + hex8(result!.b),
    ...Object.fromEntries(Object.entries(w.figures ?? {}).map(([name, figure]) => [name, round(figure)])),
  };
}
