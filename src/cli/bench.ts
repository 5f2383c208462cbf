/**
 * Times the engine: `bench [--json] [--runs N] [--min-ms M] [--pages N] [--only WORK]`.
 *
 * Rows have the shape and the workload names of the native yardstick, so that the two can be laid side by side; the
 * checksums must be equal.
 */
import { parseArgs } from "node:util";
import { amdviWorkloads } from "../machine/bench/amdvi.ts";
import { vtdWorkloads } from "../machine/bench/vtd.ts";
import { PAGE_COUNTS, type Workload, yardstick } from "../machine/bench/workloads.ts";

/** One measured workload. */
interface Row {
  readonly work: string;
  readonly pages: number;
  readonly order: string;
  /** Nanoseconds an operation: median, least and most of the runs. */
  readonly ns: number;
  readonly ns_min: number;
  readonly ns_max: number;
  readonly not_ok: number;
  readonly sum: string;
}

const hex8 = (n: number): string => n.toString(16).padStart(8, "0");

function measure(w: Workload, runs: number, minMs: number): Row {
  let result = w.pass();
  const time = (passes: number): number => {
    const start = performance.now();
    for (let i = 0; i < passes; i++) result = w.pass();
    return performance.now() - start;
  };
  let passes = 1;
  while (time(passes) < minMs && passes < 1 << 28) passes *= 2;
  const ns = Array.from({ length: runs }, () => (time(passes) * 1e6) / (passes * w.operations)).sort((x, y) => x - y);
  return {
    work: w.work,
    pages: w.pages,
    order: w.order,
    ns: round(ns[ns.length >> 1]!),
    ns_min: round(ns[0]!),
    ns_max: round(ns.at(-1)!),
    not_ok: result.failed,
    sum: hex8(result.a) + hex8(result.b),
  };
}

const round = (ns: number): number => Math.round(ns * 1000) / 1000;

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    runs: { type: "string", default: "7" },
    "min-ms": { type: "string", default: "200" },
    pages: { type: "string" },
    only: { type: "string" },
  },
});
const runs = Math.max(1, Number(values.runs) | 0);
const minMs = Math.max(1, Number(values["min-ms"]) || 1);
const counts = values.pages === undefined ? PAGE_COUNTS : [Math.max(1, Number(values.pages) | 0)];
const wanted = (w: Workload): boolean => values.only === undefined || values.only === w.work;
const rows = counts
  .flatMap((pages) => [...yardstick(pages), ...vtdWorkloads(pages), ...amdviWorkloads(pages)].filter(wanted))
  .map((w) => measure(w, runs, minMs));
if (values.json) {
  process.stdout.write(`${JSON.stringify({ bench: "nestwalk", runs, min_ms: minMs, clock: "wall", rows }, null, 1)}\n`);
} else {
  for (const r of rows) {
    const figures = `${r.ns.toFixed(1).padStart(9)} ns  (${r.ns_min.toFixed(1)} to ${r.ns_max.toFixed(1)})`;
    process.stdout.write(
      `${r.work.padEnd(10)} ${String(r.pages).padStart(6)} ${r.order.padEnd(10)} ${figures}  ${r.sum}\n`,
    );
  }
}
