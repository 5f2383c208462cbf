import { execFileSync, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const run = (args: string[], input = "") =>
  spawnSync(process.execPath, ["--import", "@oxc-node/core/register", "src/cli/decode.ts", ...args], {
    cwd: root,
    input,
    encoding: "utf8",
  });

const EVENT = `arm-smmu-v3 2b400000.iommu: event 0x07 received:
arm-smmu-v3 2b400000.iommu: 0x0000030000000007
arm-smmu-v3 2b400000.iommu: 0x0000000000000000
arm-smmu-v3 2b400000.iommu: 0x0000000000000000
arm-smmu-v3 2b400000.iommu: 0x0000000000000000
`;

describe("decode on the command line", () => {
  it("prints entries as one JSON document", () => {
    const r = run(["--json", "-"], EVENT);
    expect(r.status).toBe(0);
    const document = JSON.parse(r.stdout) as { entries: unknown[] };
    expect(document.entries).toMatchObject([
      { type: "smmuv3-event", event: "0x07", name: "F_TRANSL_FORBIDDEN", sid: "0x300" },
    ]);
  });

  it("prints fields with their sections and what it means", () => {
    const r = run(["-"], EVENT);
    expect(r.stdout).toContain("IHI 0070 §7.3.8");
    expect(r.stdout).toMatch(/63:32 +StreamID +0x300/);
    expect(r.stdout).toContain("not:   C_BAD_STREAMID is 0x02");
  });

  it("reads bare words as what it is told", () => {
    const r = run(["--as", "register:CR0", "-"], "0x000000000000001d");
    expect(r.stdout).toMatch(/ATSCHK +0x1 +checked against STE.EATS/);
  });

  it("ends with 1 where nothing is decoded and 2 where it is used wrongly", () => {
    expect(run(["-"], "nothing here").status).toBe(1);
    expect(run([]).status).toBe(2);
    expect(run(["--nonsense", "-"]).stderr).toContain("unknown option");
    const missing = run(["no-such-file.txt"]);
    expect([missing.status, missing.stderr]).toEqual([2, expect.stringContaining("no-such-file.txt")]);
  });

  it("works through npm", () => {
    expect(
      execFileSync("npm", ["run", "-s", "decode", "--", "-"], { cwd: root, input: EVENT, encoding: "utf8" }),
    ).toContain("F_TRANSL_FORBIDDEN");
  });
});
