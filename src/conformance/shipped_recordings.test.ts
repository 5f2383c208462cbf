/** Everything recorded that comes with the project, played as the command line plays it. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { mayBePlayed, playFile } from "./play_files.ts";
import type { FileReport } from "./report.ts";

const PROJECT = fileURLToPath(new URL("../../", import.meta.url));

const below = (folder: string): string[] =>
  readdirSync(join(PROJECT, folder)).flatMap((name) => {
    const path = join(folder, name);
    return statSync(join(PROJECT, path)).isDirectory() ? below(path) : [path];
  });

const read = (path: string) => ({ name: path, bytes: Uint8Array.from(readFileSync(join(PROJECT, path))) });

async function play(path: string): Promise<FileReport> {
  const neighbours = () =>
    readdirSync(join(PROJECT, dirname(path)))
      .filter((name) => name !== basename(path))
      .map((name) => read(join(dirname(path), name)));
  const report = await playFile({ file: read(path), beside: neighbours });
  if (report === null) throw new Error(`${path} is nothing that is played`);
  return report;
}

const DATA = below("src/conformance/data").filter(mayBePlayed);

describe("recordings that come with the project", { timeout: 30_000 }, () => {
  it("are there", () => {
    const files = (folder: string): number => DATA.filter((path) => path.includes(`/vectors/${folder}/`)).length;
    const folders = ["smmuv3", "smmuv3-spec", "vtd", "vtd-spec", "amdvi", "amdvi-spec"];
    expect(folders.map(files)).toEqual([20, 11, 20, 9, 11, 7]);
  });

  it.each(DATA)("%s agrees in every case", async (path) => {
    const { failures, passed, notPlayed, apart } = await play(path);
    expect([failures, notPlayed]).toEqual([[], {}]);
    expect(passed + apart.reduce((sum, { cases }) => sum + cases, 0)).toBeGreaterThan(0);
  });

  it.each([
    ["public/captures/smmuv3-iommufd-nested", 621 + 66, [169, 167]],
    ["src/conformance/data/captures/smmuv3-both-4k", 879 + 61, [52, 52]],
    ["src/conformance/data/captures/smmuv3-s2-4k", 563 + 57, [52, 52]],
    ["src/conformance/data/captures/vtd-legacy-strict", 882 + 55, [52, 52]],
    ["src/conformance/data/captures/vtd-scalable-fs", 567 + 55, [52, 52]],
    ["src/conformance/data/captures/amdvi-v1-strict", 882 + 53, [52, 52]],
  ] as const)("%s: every translation and every unmapped address counts", async (folder, cases, [checks, agree]) => {
    const report = await play(`${folder}/capture.json`);
    expect(report.failures).toEqual([]);
    expect(report.passed).toBe(cases);
    // The page at IOVA 0x17000 was given another IPA during the run, after the guest had noted its first.
    expect(report.asides.find((a) => a.what === "guest mappings")).toMatchObject({ checks, agree });
  });

  it("the answers that notes ascribe to the specification are the model's", async () => {
    for (const path of DATA.filter((p) => p.includes("/vectors/"))) {
      const notes = (await play(path)).asides.filter((a) => a.what.includes("notes"));
      for (const { differences } of notes) expect(differences).toEqual([]);
    }
  });
});
