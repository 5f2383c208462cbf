import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { xorshift32 } from "../base/rng.ts";
import { mutated } from "../base/testing/mutations.ts";
import { adviceFor } from "../decode/advice.ts";
import { decode } from "../decode/decode.ts";
import { describeEntry } from "../decode/describe.ts";
import { sessionOfDump } from "../scenario/dump_session.ts";

const FOLDER = new URL("./data/logs/", import.meta.url);

/** Files of debugfs and traces, in the shape in which each is printed. */
const FILES = [
  "IOMMU: dmar0 Register Base Address: fed90000\nName\t\t\tOffset\t\tContents\nVER             \t0x00\t\t0x0000000000000060\nCAP             \t0x08\t\t0x08d2078c106f0466\nECAP            \t0x10\t\t0x0000000000f020df\nGSTS            \t0x1c\t\t0x00000000c7000000\nRTADDR          \t0x20\t\t0x0000000000727000\nIQA             \t0x90\t\t0x000000010022e000\nIQH             \t0x80\t\t0x0000000000000100\nIQT             \t0x88\t\t0x0000000000000140\n",
  "IOMMU dmar0: Root Table Address: 0x727000\nB.D.F\tRoot_entry\t\t\t\tContext_entry\t\t\t\tPASID\tPASID_table_entry\n00:02.0\t0x0000000000000000:0x0000000000760001\t0x0000000000000402:0x0000000000766001\t-1    \t0x0000000000000000:0x0000000000000000:0x0000000000000000\nDevice 0000:00:02.0 @0x766000\nIOVA_PFN         \tPML5E             \tPML4E             \tPDPE              \tPDE               \tPTE\n0x0000000000010 |\t0x0000000000000000\t0x0000000000898003\t0x0000000000899003\t0x000000000089a003\t0x0000000001951003\n",
  " Entry SrcID   DstID    Vct IRTE_high\t\tIRTE_low\n 1     3a:00.0 00000600 2c  0000000000043a00\t00000600002c0009\n",
  "CMD Buffer Head Offset:1 Tail Offset:3\n  0: 00000000 30000012 00000003 7fffffff\n  1: 00000001 10000000 00000007 00000000\n  2: 00000000 30000012 00000003 7fffffff\n",
  "Offset:0x18 Value:0x0004000000011405\nOffset:0x2020 Value:0x0000000000000018\nOffset:0x10 Value:0x00203040\n",
  "DeviceId 0000:c1:00.1\nIRT[0000] 0000000000000020 0000000000000201\nDeviceId 0000:c1:00.2\nIRT[0003] 00220500\n",
];

const PASTES = [
  ...FILES,
  ...readdirSync(FOLDER).flatMap((name) =>
    readFileSync(new URL(name, FOLDER), "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => (JSON.parse(line) as { readonly text: string }).text),
  ),
];

/** Everything that a page does with a paste. @returns how much was found in it */
function use(text: string): number {
  const { entries, dump } = decode(text);
  const count = text.split(/\r\n|\n|\r/).length;
  for (const entry of entries) {
    expect(entry.summary).toMatch(/\.$/);
    expect(entry.lines[0]).toBeGreaterThanOrEqual(1);
    expect(entry.lines[1]).toBeGreaterThanOrEqual(entry.lines[0]);
    expect(entry.lines[1]).toBeLessThanOrEqual(count);
    expect(describeEntry(entry).name).not.toBe("");
    adviceFor(entry);
  }
  expect(JSON.parse(JSON.stringify(entries))).toHaveLength(entries.length);
  if (dump !== null) expect(dump.words.length).toBeGreaterThan(0);
  sessionOfDump(entries);
  return entries.length;
}

describe("a paste that was spoilt", () => {
  const RUNS = Number(process.env.NESTWALK_RUNS ?? 500);

  it.each([1, 128383])(
    `is decoded to something or nothing, ${RUNS} times from seed %i`,
    { timeout: 600_000 },
    (seed) => {
      const next = xorshift32(seed);
      let found = 0;
      for (let run = 0; run < RUNS; run++) {
        const [text, other] = [PASTES[next() % PASTES.length]!, PASTES[next() % PASTES.length]!];
        const spoilt = mutated(text, other, next);
        try {
          found += use(spoilt);
        } catch (e) {
          throw new Error(`run ${run}: ${JSON.stringify(spoilt.slice(0, 2000))}`, { cause: e });
        }
      }
      // What is left of a paste is mostly still told.
      expect(found).toBeGreaterThan(RUNS);
    },
  );
});
