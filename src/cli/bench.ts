/**
 * Times the engine: `bench [--json] [--runs N] [--min-ms M] [--pages N] [--only WORK]`.
 *
 * Rows have the shape and the workload names of the native yardstick, so that the two can be laid side by side; the
 * checksums must be equal. Each work is timed in a process of its own, as an app's worker has one engine: with both
 * `--pages` and `--only` it is this one. Of a timeline, `--pages` is the number of actions.
 */
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";
import type { Workload } from "../machine/bench/translations.ts";
import { WORKS } from "../machine/bench/workloads.ts";

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
  /** Further figures of the workload. */
  readonly [figure: string]: number | string;
}

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
const size = values.pages === undefined ? null : Math.max(1, Number(values.pages) | 0);

const hex8 = (n: number): string => n.toString(16).padStart(8, "0");
const round = (ns: number): number => Math.round(ns * 1000) / 1000;

function measure(w: Workload): Row {
  const untimed = w.once === true ? null : w.pass();
  let result = untimed;
  const time = (passes: number): number => {
    const start = performance.now();
    for (let i = 0; i < passes; i++) result = w.pass();
    return performance.now() - start;
  };
  let passes = 1;
  if (w.once !== true) while (time(passes) < minMs && passes < 1 << 28) passes *= 2;
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

/** Time one work of one size in a process of its own. */
function elsewhere(work: string, pages: number): Row[] {
  const options = ["--json", "--runs", `${runs}`, "--min-ms", `${minMs}`, "--only", work, "--pages", `${pages}`];
  const { stdout, status } = spawnSync(process.execPath, [...process.execArgv, process.argv[1]!, ...options], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (status !== 0) throw new Error(`${work} of ${pages} ended with status ${status}`);
  return (JSON.parse(stdout) as { rows: Row[] }).rows;
}

function print(r: Row): void {
  const times = `${r.ns.toFixed(1).padStart(11)} ns  (${r.ns_min.toFixed(1)} to ${r.ns_max.toFixed(1)})`;
  const { work, pages, order, ns: _, ns_min: _min, ns_max: _max, not_ok, sum, ...figures } = r;
  const more = Object.entries(not_ok === 0 ? figures : { not_ok, ...figures }).map(([name, n]) => `  ${name} ${n}`);
  process.stdout.write(
    `${work.padEnd(10)} ${String(pages).padStart(7)} ${order.padEnd(10)} ${times}  ${sum}${more.join("")}\n`,
  );
}

const wanted = WORKS.filter(({ work }) => values.only === undefined || values.only === work);
const sizesOf = (sizes: readonly number[]): readonly number[] => (size === null ? sizes : [size]);
const rows: Row[] = [];
for (const kind of wanted) {
  const { work, sizes } = kind;
  // Growth is seen over all sizes only.
  if (size !== null && values.only === undefined && !sizes.includes(size)) continue;
  for (const n of sizesOf(sizes)) {
    const here = size !== null && values.only !== undefined;
    const timed = here ? kind.make(n).map(measure) : elsewhere(work, n);
    rows.push(...timed);
    if (!values.json) timed.forEach(print);
  }
}
if (values.json) {
  process.stdout.write(`${JSON.stringify({ bench: "nestwalk", runs, min_ms: minMs, clock: "wall", rows }, null, 1)}\n`);
}
