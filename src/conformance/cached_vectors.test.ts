/**
 * Recorded cases on units with every cache they can have: software that invalidates as it must gets the answers of memory.
 */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import * as amdvi from "../engine/amdvi/caches/options.ts";
import * as smmuv3 from "../engine/smmuv3/caches/options.ts";
import * as vtd from "../engine/vtd/caches/options.ts";
import { loadArchitecture } from "../machine/units.ts";
import type { Arch, CacheSize } from "../protocol/machine.ts";
import { playVectors } from "./play_vectors.ts";
import type { FileReport } from "./report.ts";

const DATA = fileURLToPath(new URL("data/vectors/", import.meta.url));
const FILES = readdirSync(DATA, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".json"));

const sizes = (all: object): Record<string, CacheSize> =>
  Object.fromEntries(Object.entries(all).filter(([, size]) => typeof size === "object"));

const CACHES: Readonly<Record<Arch, Record<string, CacheSize>>> = {
  smmuv3: sizes(smmuv3.EVERY_CACHE),
  vtd: sizes(vtd.EVERY_CACHE),
  amdvi: sizes(amdvi.EVERY_CACHE),
};

/** Cases whose software invalidates less than it must, recorded on a unit to which that makes no difference. */
const CARELESS: readonly string[] = [
  // These unmap a global page and invalidate by ASID, which no global entry has to heed (IHI 0070 §4.4.2.2).
  "flow-0-001-nested",
  "flow-0-007-nested",
];

async function play(name: string): Promise<FileReport> {
  const json = JSON.parse(readFileSync(`${DATA}${name}`, "utf8")) as { arch: Arch };
  const architecture = await loadArchitecture(json.arch);
  const { make } = architecture;
  const caches = CACHES[json.arch];
  return playVectors(json, name, { ...architecture, make: (d, memory) => make({ ...d, caches }, memory) });
}

describe("recorded cases with every cache", () => {
  it.each(FILES)("%s agrees in every case that invalidates as it must", async (name) => {
    const { failures, passed, notPlayed, apart } = await play(name);
    expect(failures.filter(({ name: failed }) => !CARELESS.includes(failed))).toEqual([]);
    expect(passed + Object.keys(notPlayed).length + apart.length).toBeGreaterThan(0);
  });
});
