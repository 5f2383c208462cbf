/**
 * Measuring the engine: what is asked for, what is answered, and what native code took for the same.
 *
 * Rows and their document have the shape of the native yardstick's, so that the two can be laid side by side.
 */

/** A kind of work, and the sizes it is measured in: mapped pages, or actions of a session. */
export interface BenchWork {
  readonly work: string;
  /** What is timed, in a few words. */
  readonly about: string;
  readonly sizes: readonly number[];
}

/** How carefully work is timed. */
export interface BenchCare {
  /** Timings, of which the median counts; from 1. */
  readonly runs: number;
  /** Milliseconds that a timing takes at least. */
  readonly minMs: number;
}

/** One work in one size. */
export interface BenchJob extends BenchCare {
  readonly work: string;
  readonly size: number;
}

/** One measured workload. */
export interface BenchRow {
  readonly work: string;
  readonly pages: number;
  readonly order: string;
  /** Nanoseconds an operation: median, least and most of the runs. */
  readonly ns: number;
  readonly ns_min: number;
  readonly ns_max: number;
  readonly not_ok: number;
  /** Two 32-bit sums of what was answered, hexadecimal: equal sums, equal answers. */
  readonly sum: string;
  /** Further figures of the workload. */
  readonly [figure: string]: number | string;
}

/** Figures of a row that only some workloads have. */
export function furtherFigures(row: BenchRow): Readonly<Record<string, number | string>> {
  const {
    work: _work,
    pages: _pages,
    order: _order,
    ns: _ns,
    ns_min: _min,
    ns_max: _max,
    not_ok,
    sum: _sum,
    ...more
  } = row;
  return not_ok === 0 ? more : { not_ok, ...more };
}

/** Everything that was measured, as text. */
export function benchText({ runs, minMs }: BenchCare, rows: readonly BenchRow[]): string {
  return `${JSON.stringify({ bench: "nestwalk", runs, min_ms: minMs, clock: "wall", rows }, null, 1)}\n`;
}

/** What the native yardstick (C, -O2) took on one 2.6 GHz core, and its checksum; times of other machines differ. */
export const NATIVE: readonly Pick<BenchRow, "work" | "pages" | "order" | "ns" | "sum">[] = [
  { work: "uncached", pages: 4096, order: "random", ns: 60.5, sum: "0cd50000b855ce80" },
  { work: "cached", pages: 4096, order: "random", ns: 7.1, sum: "0cd50000b855ce80" },
  { work: "tlb", pages: 4096, order: "random", ns: 6.6, sum: "0cd50000b855ce80" },
  { work: "cmdq", pages: 4096, order: "random", ns: 8, sum: "0000003f00000000" },
];
