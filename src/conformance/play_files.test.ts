import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { mayBePlayed, playFile } from "./play_files.ts";
import { closingLines, reportLines, totals } from "./report_text.ts";

const FOLDER = new URL("../../public/captures/smmuv3-iommufd-nested/", import.meta.url);
const MEMORY = { name: "memory.bin", bytes: Uint8Array.from(readFileSync(new URL("memory.bin", FOLDER))) };

interface RawCapture {
  iommu: string;
  registers: Record<string, unknown>;
  translations: { iova: string; pa: string; write: boolean; read: boolean }[];
  unmapped: { rid: number; iova: string; write?: boolean; mappedReadOnly?: boolean }[];
}

const shipped = (): RawCapture => JSON.parse(readFileSync(new URL("capture.json", FOLDER), "utf8"));
const textFile = (name: string, text: string) => ({ name, bytes: new TextEncoder().encode(text) });

const playCapture = async (change: (c: RawCapture) => void, memory = MEMORY) => {
  const capture = shipped();
  change(capture);
  const file = textFile("capture.json", JSON.stringify(capture));
  const report = await playFile({ file, beside: () => [memory] });
  if (report === null) throw new Error("not played");
  return report;
};

describe("a capture fails by the first differing access", () => {
  it("where a translation was recorded to another address", async () => {
    const report = await playCapture((c) => {
      c.translations[0]!.pa = "0x1000";
    });
    expect(report.passed).toBe(686);
    expect(report.failures).toEqual([
      {
        name: "stream 0x8 iova 0xffdee500 (traced I/O)",
        difference: "read 0xffdee500 by stream 0x8: expected 0x1000; got 0x415bb500",
      },
    ]);
  });

  it("where permissions were recorded otherwise", async () => {
    const report = await playCapture((c) => {
      const row = c.translations.find((t) => t.write && t.read)!;
      row.write = false;
      const other = c.translations.find((t) => t.write && t.read)!;
      other.read = false;
    });
    expect(report.failures.map((f) => f.difference)).toEqual([
      expect.stringMatching(/^write 0x[0-9a-f]+ by stream 0x[0-9a-f]+: expected no translation; got 0x/),
      expect.stringMatching(/^read 0x[0-9a-f]+ by stream 0x[0-9a-f]+: expected no translation; got 0x/),
    ]);
  });

  it("where a mapped address was recorded as unmapped, and a missing one as readable", async () => {
    const report = await playCapture((c) => {
      c.unmapped[0]!.iova = "0xffdee500";
      c.unmapped.find((u) => u.rid === 40 && u.iova === "0x0")!.mappedReadOnly = true;
    });
    expect(report.failures.map((f) => f.difference)).toEqual([
      "read 0xffdee500 by stream 0x8: expected no translation; got 0x415bb500",
      expect.stringMatching(/^read 0x0 by stream 0x28: expected a translation; got none: .+§/),
    ]);
  });

  it("where the memory it needs is not there, which is no miss", async () => {
    const capture = JSON.parse(JSON.stringify(shipped())) as RawCapture & { memory: { index: unknown[] } };
    const report = await playCapture((c) => {
      (c as typeof capture).memory.index.splice(5);
    });
    expect(report.failures.length).toBeGreaterThan(600);
    expect(report.failures[0]!.difference).toContain("unknown: the capture lacks the memory at 0x");
  });
});

describe("files", () => {
  it("are picked by name first", () => {
    expect(["a.json", "b.JSONL", "memory.bin", "dmesg.txt", "README.md"].map(mayBePlayed)).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
  });

  const play = (name: string, text: string) => playFile({ file: textFile(name, text), beside: () => [] });

  it("that hold something else are left alone", async () => {
    expect(await play("package.json", '{"name": "x"}')).toBeNull();
    expect(await play("list.json", "[1]")).toBeNull();
    expect(await play("other.jsonl", '{"transcript": 1}\n')).toBeNull();
  });

  it("that cannot be read are a failure that says where", async () => {
    expect((await play("a.json", "{"))?.failures[0]?.difference).toContain("a.json, line 1, column 2");
    const alone = await play("capture.json", JSON.stringify(shipped()));
    expect(alone?.failures[0]?.difference).toContain("The memory file of this capture is missing.");
    const registers = await playCapture((c) => {
      delete c.registers.CR0;
    });
    expect(registers.failures[0]!.difference).toContain("registers.CR0");
  });

  it("of IOMMUs that are not modelled are a failure of a capture, and not played of vectors", async () => {
    const report = await playCapture((c) => {
      c.iommu = "RISC-V IOMMU";
    });
    expect(report.failures[0]!.difference).toContain("Expected Arm SMMUv3, Intel VT-d or AMD-Vi");
    const vectors = { format: "iommu-vectors/1", arch: "riscv", ram: [], cases: [{}, {}] };
    const played = await play("riscv.json", JSON.stringify(vectors));
    expect(played).toMatchObject({ passed: 0, failures: [], notPlayed: { "riscv is not modelled": 2 } });
  });

  it("of logs count a line as one", async () => {
    const text = "arm-smmu-v3 arm-smmu-v3.0.auto: event 0x10 received:\n";
    const words = ["0x0000018000000010", "0x0000020100000000", "0x00000000ffffe040", "0x0000000000000000"];
    const paste = text + words.map((w) => `arm-smmu-v3 arm-smmu-v3.0.auto: ${w}\n`).join("");
    const line = (id: string, event: string, type = "smmuv3-event") =>
      JSON.stringify({ id, text: paste, expect: [{ type, event, sid: "0x180" }] });
    const corpus = [line("a", "0x10"), "", line("b", "0x13"), line("c", "0x10", "vtd-fault"), "junk"].join("\n");
    const report = await play("logs.jsonl", corpus);
    expect(report).toMatchObject({ passed: 1, notPlayed: {} });
    expect(report?.failures.map((f) => f.name)).toEqual(["b", "c", "line 5"]);
    expect(report?.failures[0]?.difference).toContain("event");
  });
});

describe("reports as text", () => {
  it("have a FAIL line for each failing case and close with the totals", async () => {
    const report = await playCapture((c) => {
      c.translations[0]!.pa = "0x1000";
    });
    const lines = reportLines(report);
    expect(lines.filter((l) => l.startsWith("FAIL"))).toHaveLength(1);
    expect(lines[0]).toMatch(/^FAIL capture.json: stream 0x8 iova 0xffdee500/);
    expect(lines[1]).toBe("capture.json: 686 passed, 1 failed");
    const other = { ...report, apart: [{ tag: "oracle-quirk", cases: 3, agree: 2 }], notPlayed: { ATS: 4 } };
    expect(totals([report, other])).toEqual({ passed: 1372, failed: 2 });
    expect(closingLines([report, other])).toEqual([
      "not played: 4",
      "  ATS: 4",
      "oracle-quirk: 2 of 3 agree (not counted)",
      "1372 passed, 2 failed",
    ]);
  });
});
