/**
 * Every check of the project, one after the other; stops at the first that fails.
 *
 * `npm test` runs them all, `npm test -- types unit` those named. The last line is `N passed, N failed`: unit tests,
 * recorded cases and end-to-end tests together.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import { ensureChromium } from "./chromium.ts";

interface Count {
  readonly passed: number;
  readonly failed: number;
}

interface Stage {
  readonly name: string;
  readonly what: string;
  readonly command: readonly string[];
  /** What must be there before the command can run; an answer is the reason why it is not. */
  readonly prepare?: () => string | undefined;
  /** How many tests ran, told by a report or, where `readsOutput`, by what the command printed. */
  readonly count?: (output: string) => Count;
  readonly readsOutput?: true;
}

const CACHE = "node_modules/.cache/nestwalk";
const UNIT_REPORT = join(CACHE, "unit.json");
const E2E_REPORT = join(CACHE, "e2e.json");
const NO_TESTS: Count = { passed: 0, failed: 0 };

const STAGES: readonly Stage[] = [
  { name: "types", what: "types", command: ["tsc", "-b"] },
  { name: "lint", what: "format and lint", command: ["biome", "ci", "--error-on-warnings", "."] },
  { name: "lint-types", what: "lint with types", command: ["oxlint", "--type-aware", "--deny-warnings"] },
  { name: "imports", what: "import rules", command: ["depcruise", "src", "e2e"] },
  { name: "unused", what: "unused code and packages", command: ["knip"] },
  {
    name: "unit",
    what: "unit and property tests",
    command: ["vitest", "run", "--reporter=default", "--reporter=json", `--outputFile.json=${UNIT_REPORT}`],
    count: () => countUnitTests(readJson(UNIT_REPORT)),
  },
  {
    name: "conformance",
    what: "recorded cases",
    command: ["npm", "run", "-s", "conformance"],
    count: countRecordedCases,
    readsOutput: true,
  },
  { name: "build", what: "production build and its size", command: ["vite", "build"] },
  {
    name: "e2e",
    what: "end-to-end tests",
    command: ["playwright", "test"],
    prepare: prepareBrowser,
    count: () => countEndToEndTests(readJson(E2E_REPORT)),
  },
];

process.exitCode = await main(process.argv.slice(2));

async function main(names: readonly string[]): Promise<number> {
  const unknown = names.filter((name) => !STAGES.some((stage) => stage.name === name));
  if (unknown.length > 0) {
    console.error(`No check named ${unknown.join(", ")}; there are ${STAGES.map(({ name }) => name).join(", ")}.`);
    return 2;
  }
  rmSync(CACHE, { recursive: true, force: true });
  mkdirSync(CACHE, { recursive: true });

  const timings: string[] = [];
  let passed = 0;
  let failed = 0;
  let broken: Stage | undefined;
  for (const stage of STAGES.filter(({ name }) => names.length === 0 || names.includes(name))) {
    console.log(`\n=== ${stage.name}: ${stage.what}`);
    const started = performance.now();
    const obstacle = stage.prepare?.();
    if (obstacle !== undefined) console.error(obstacle);
    const { status, output } = obstacle === undefined ? await run(stage) : { status: 1, output: "" };
    timings.push(`${stage.name} ${((performance.now() - started) / 1000).toFixed(1)} s`);
    const count = stage.count?.(output) ?? NO_TESTS;
    passed += count.passed;
    failed += count.failed;
    if (status === 0 && stage.count !== undefined && count.passed === 0) {
      console.error(`${stage.name} ran no test.`);
      broken = stage;
    }
    if (status !== 0) broken = stage;
    if (broken !== undefined) break;
  }

  console.log(`\n${timings.join(", ")}`);
  if (broken !== undefined) console.log(`FAILED at ${broken.name}: ${broken.what} (${broken.command.join(" ")})`);
  console.log(`${passed} passed, ${failed} failed`);
  return broken === undefined && failed === 0 ? 0 : 1;
}

/** Runs a stage with its output shown, and kept where the stage counts by it. */
function run(stage: Stage): Promise<{ readonly status: number; readonly output: string }> {
  const [command = "", ...args] = stage.command;
  const env = {
    ...process.env,
    PATH: [resolve("node_modules/.bin"), process.env.PATH].join(delimiter),
    NESTWALK_E2E_REPORT: resolve(E2E_REPORT),
  };
  return new Promise((done) => {
    const child = spawn(command, args, {
      env,
      stdio: ["ignore", stage.readsOutput ? "pipe" : "inherit", "inherit"],
      shell: process.platform === "win32",
    });
    let output = "";
    child.stdout?.on("data", (chunk: Buffer) => {
      process.stdout.write(chunk);
      output += chunk.toString();
    });
    child.on("error", (error) => {
      console.error(error.message);
      done({ status: 1, output });
    });
    child.on("close", (status) => done({ status: status ?? 1, output }));
  });
}

function prepareBrowser(): string | undefined {
  const browser = ensureChromium();
  if (!browser.ok) return browser.reason;
  console.log(`Chromium: ${browser.path} (${browser.origin})`);
  return undefined;
}

function readJson(path: string): unknown {
  return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : {};
}

function countUnitTests(report: unknown): Count {
  const { numPassedTests = 0, numFailedTests = 0 } = report as { numPassedTests?: number; numFailedTests?: number };
  return { passed: numPassedTests, failed: numFailedTests };
}

function countEndToEndTests(report: unknown): Count {
  const { stats } = report as { stats?: { expected: number; unexpected: number; flaky: number } };
  return stats === undefined ? NO_TESTS : { passed: stats.expected + stats.flaky, failed: stats.unexpected };
}

function countRecordedCases(output: string): Count {
  const closing = /^(\d+) passed, (\d+) failed$/m.exec(output.trimEnd().split("\n").at(-1) ?? "");
  return closing === null ? NO_TESTS : { passed: Number(closing[1]), failed: Number(closing[2]) };
}
