import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const PROJECT = fileURLToPath(new URL("../../", import.meta.url));
const SCRIPT: string = JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8")).scripts.conformance;
const GOOD = "src/conformance/data/vectors/smmuv3/nested-basic.json";

/** Runs the script as npm would. */
const run = (...args: string[]) => {
  const [command = "", ...rest] = SCRIPT.split(" ");
  const done = spawnSync(command, [...rest, ...args], { cwd: PROJECT, encoding: "utf8" });
  return { status: done.status, lines: done.stdout.trimEnd().split("\n"), errors: done.stderr };
};

describe("npm run conformance", { timeout: 30_000 }, () => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "nestwalk-"));
    const file = JSON.parse(readFileSync(join(PROJECT, GOOD), "utf8"));
    for (const step of file.cases[0].steps) if (step.expect?.ok) step.expect.pa = "0x123";
    writeFileSync(join(folder, "bad.json"), JSON.stringify(file));
    writeFileSync(join(folder, "other.json"), "{}");
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it("closes with the totals and status 0 where everything agrees", () => {
    const { status, lines } = run("src/conformance/data/captures", GOOD);
    expect(lines.filter((l) => l.startsWith("FAIL"))).toEqual([]);
    expect(lines.at(-1)).toMatch(/^\d{4} passed, 0 failed$/);
    expect(
      lines.some((l) => l.startsWith("src/conformance/data/captures/smmuv3-both-4k/capture.json: 940 passed")),
    ).toBe(true);
    expect(status).toBe(0);
  });

  it("has a FAIL line for a failing case and status 1", () => {
    const { status, lines } = run(folder);
    expect(lines.filter((l) => l.startsWith("FAIL"))).toEqual([
      expect.stringMatching(/^FAIL .*bad\.json: [^:]+: step \d+: .*expected physical address 0x123; got 0x/),
    ]);
    expect(lines.at(-1)).toMatch(/^\d+ passed, 1 failed$/);
    expect(status).toBe(1);
  });

  it("prints one JSON document with --json", () => {
    const { status, lines } = run("--json", GOOD, folder);
    const document = JSON.parse(lines.join("\n"));
    expect(document).toMatchObject({ failed: 1, files: [{ file: GOOD, failures: [] }, { failures: [{}] }] });
    expect(status).toBe(1);
  });

  it("takes a path with nothing to play, or none at all, as a failure", () => {
    const { status, lines } = run("no/such/folder", join(folder, "other.json"));
    expect(lines.filter((l) => l.startsWith("FAIL"))).toHaveLength(2);
    expect(lines.at(-1)).toBe("0 passed, 2 failed");
    expect(status).toBe(1);
  });

  it("refuses an option it does not know", () => {
    expect(run("--fast")).toMatchObject({ status: 2, errors: expect.stringContaining("--fast is no option") });
  });
});
