/**
 * `npm run -s robustness -- [--count N] [--seed S] [--arch A]`: machines made by chance go through N transactions in all
 * (10^6 when left out), with random register, memory and command bytes, or with those of recorded cases and damage done to
 * them. Nothing may throw, hang or grow without bound.
 *
 * Machines run in child processes, some at a time, so that one that hangs is found: `--machines M` is such a child, which
 * writes a line for each machine before and after. Exit status 1 where something failed; each failure names its seed.
 */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { startsOf } from "../conformance/starts.ts";
import type { Start } from "../machine/robustness/chance.ts";
import { ordeal, TRANSACTIONS } from "../machine/robustness/ordeal.ts";
import { loadArchitecture } from "../machine/units.ts";
import { ARCHES, type Arch } from "../protocol/machine.ts";

/** Machines of one child, how long it may take, and how many bytes a machine and a child may hold. */
const MACHINES = 64;
const PATIENCE_MS = 300_000;
const MACHINE_BYTES = 2 ** 26;
const CHILD_BYTES = 2 ** 30;

interface Tally {
  transactions: number;
  records: number;
  failures: number;
}

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "1000000" },
    seed: { type: "string", default: "1" },
    arch: { type: "string" },
    machines: { type: "string" },
  },
});
const count = Math.max(1, Number(values.count) | 0);
const firstSeed = Math.max(1, Number(values.seed) | 0);
const arches = ARCHES.filter((arch) => values.arch === undefined || values.arch === arch);

/** States of the recorded cases of an architecture. */
function recorded(arch: Arch): Start[] {
  const vectors = fileURLToPath(new URL("../conformance/data/vectors/", import.meta.url));
  const files = readdirSync(vectors, { recursive: true, encoding: "utf8" });
  const own = files.filter((name) => name.startsWith(arch) && name.endsWith(".json"));
  return own.sort().flatMap((name) => startsOf(JSON.parse(readFileSync(`${vectors}${name}`, "utf8"))));
}

/** One machine after the other, in this process. */
async function run(arch: Arch, seed: number, machines: number): Promise<void> {
  const architecture = await loadArchitecture(arch);
  if (architecture === null) throw new Error(`${arch} is not modelled`);
  const starts = recorded(arch);
  for (let n = seed; n < seed + machines; n++) {
    process.stdout.write(`seed ${n}\n`);
    try {
      const { transactions, bytes, records } = ordeal(architecture, n, starts);
      const heap = process.memoryUsage().rss;
      if (bytes > MACHINE_BYTES) process.stdout.write(`FAIL ${bytes} bytes of memory\n`);
      if (heap > CHILD_BYTES) process.stdout.write(`FAIL ${heap} bytes in the process\n`);
      process.stdout.write(`done ${transactions} ${records}\n`);
    } catch (error) {
      process.stdout.write(`FAIL ${error instanceof Error ? error.stack : String(error)}\n`);
    }
  }
}

/** The same in a child. */
function child(arch: Arch, seed: number, machines: number, tally: Tally): void {
  const options = ["--arch", arch, "--seed", `${seed}`, "--machines", `${machines}`];
  const { stdout, status, error } = spawnSync(process.execPath, [...process.execArgv, process.argv[1]!, ...options], {
    encoding: "utf8",
    timeout: PATIENCE_MS,
    maxBuffer: 2 ** 26,
    stdio: ["ignore", "pipe", "inherit"],
  });
  let now = "";
  for (const line of stdout.split("\n")) {
    if (line.startsWith("seed ")) now = line;
    const [, transactions = 0, records = 0] = /^done (\d+) (\d+)$/.exec(line) ?? [];
    tally.transactions += Number(transactions);
    tally.records += Number(records);
    if (!line.startsWith("FAIL ")) continue;
    tally.failures++;
    process.stdout.write(`FAIL ${arch} ${now}: ${line.slice(5)}\n`);
  }
  if (status === 0) return;
  tally.failures++;
  process.stdout.write(`FAIL ${arch} ${now}: ${error?.message ?? `the process ended with status ${status}`}\n`);
}

if (values.machines !== undefined) {
  await run(arches[0] ?? "smmuv3", firstSeed, Math.max(1, Number(values.machines) | 0));
} else if (arches.length === 0) {
  process.stderr.write(`robustness: ${values.arch} is none of ${ARCHES.join(", ")}\n`);
  process.exitCode = 2;
} else {
  let failures = 0;
  for (const arch of arches) {
    const tally: Tally = { transactions: 0, records: 0, failures: 0 };
    const machines = Math.ceil(count / arches.length / TRANSACTIONS);
    for (let from = 0; from < machines; from += MACHINES) {
      child(arch, firstSeed + from, Math.min(MACHINES, machines - from), tally);
    }
    const told = `${tally.transactions} transactions of ${machines} machines, ${tally.records} records`;
    process.stdout.write(`${arch}: ${told}, ${tally.failures} failed\n`);
    failures += tally.failures;
  }
  process.exitCode = failures > 0 ? 1 : 0;
}
