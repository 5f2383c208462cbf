/**
 * Times the engine: `bench [--json] [--runs N] [--min-ms M] [--pages N] [--only WORK]`.
 *
 * Rows have the shape and the workload names of the native yardstick, so that the two can be laid side by side; the
 * checksums must be equal. Each work is timed in a process of its own, as an app's worker has one engine: with both
 * `--pages` and `--only` it is this one. Of a timeline, `--pages` is the number of actions.
 */
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";
import { timeWork } from "../machine/bench/measure.ts";
import { WORKS } from "../machine/bench/workloads.ts";
import { type BenchRow, benchText, furtherFigures } from "../protocol/bench.ts";

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

/** Time one work of one size in a process of its own. */
function elsewhere(work: string, pages: number): readonly BenchRow[] {
  const options = ["--json", "--runs", `${runs}`, "--min-ms", `${minMs}`, "--only", work, "--pages", `${pages}`];
  const { stdout, status } = spawnSync(process.execPath, [...process.execArgv, process.argv[1]!, ...options], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (status !== 0) throw new Error(`${work} of ${pages} ended with status ${status}`);
  return (JSON.parse(stdout) as { rows: BenchRow[] }).rows;
}

function print(r: BenchRow): void {
  const times = `${r.ns.toFixed(1).padStart(11)} ns  (${r.ns_min.toFixed(1)} to ${r.ns_max.toFixed(1)})`;
  const { work, pages, order, sum } = r;
  const more = Object.entries(furtherFigures(r)).map(([name, n]) => `  ${name} ${n}`);
  process.stdout.write(
    `${work.padEnd(10)} ${String(pages).padStart(7)} ${order.padEnd(10)} ${times}  ${sum}${more.join("")}\n`,
  );
}

const wanted = WORKS.filter(({ work }) => values.only === undefined || values.only === work);
const sizesOf = (sizes: readonly number[]): readonly number[] => (size === null ? sizes : [size]);
const rows: BenchRow[] = [];
for (const { work, sizes } of wanted) {
  // Growth is seen over all sizes only.
  if (size !== null && values.only === undefined && !sizes.includes(size)) continue;
  for (const n of sizesOf(sizes)) {
    const here = size !== null && values.only !== undefined;
    const timed = here ? timeWork({ work, size: n, runs, minMs }, () => performance.now()) : elsewhere(work, n);
    rows.push(...timed);
    if (!values.json) timed.forEach(print);
  }
}
if (values.json) process.stdout.write(benchText({ runs, minMs }, rows));
