import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decode } from "../decode.ts";

const entries = (text: string) => decode(text).entries as readonly Record<string, unknown>[];
const only = (text: string) => {
  const all = entries(text);
  expect(all).toHaveLength(1);
  return all[0]!;
};

describe("a DMAR fault line", () => {
  it("reads its reason as hexadecimal behind 0x and as decimal without", () => {
    const line = (reason: string) =>
      `DMAR: [DMA Read NO_PASID] Request device [01:00.0] fault addr 0x1000 [fault reason ${reason}] x`;
    expect(only(line("0x12")).reason).toBe("0x12");
    expect(only(line("12"))).toMatchObject({ reason: "0x0c", meaning: "reserved field set in paging entry" });
  });

  it("tells a PASID from the mark of older kernels for none", () => {
    const line = (pasid: string) =>
      `DMAR: [DMA Write] Request device [6a:01.0] PASID ${pasid} fault addr 7f0000001000 [fault reason 71] SM: x`;
    expect(only(line("ffffffff")).pasid).toBeNull();
    expect(only(line("1"))).toMatchObject({ pasid: "0x1", addr: "0x7f0000001000", reason: "0x47" });
    expect(
      only("DMAR: [DMA Write PASID 0x2a] Request device [6a:01.0] fault addr 0x1000 [fault reason 0x71] SM: x"),
    ).toMatchObject({ pasid: "0x2a", table: "scalable" });
  });

  it("takes the reason from words where no number was pasted", () => {
    expect(
      only("DMAR: [DMA Write] Request device [00:02.0] fault addr 1000 PTE Write access is not set"),
    ).toMatchObject({
      reason: "0x05",
      reason_from: "text",
    });
  });

  it("does not take the reason of the next fault", () => {
    const text = `DMAR: [DMA Read] Request device [00:02.0] fault addr 1000
DMAR: [DMA Read] Request device [00:03.0] fault addr 2000 [fault reason 06] PTE Read access is not set`;
    expect(entries(text).map((e) => e.reason)).toEqual([null, "0x06"]);
  });

  it("knows no meaning for a reserved reason and says so by leaving it out", () => {
    const e = only("DMAR: [DMA Read NO_PASID] Request device [00:02.0] fault addr 0x1000 [fault reason 0xfe] Unknown");
    expect(e.reason).toBe("0xfe");
    expect("table" in e).toBe(false);
  });
});

describe("a dump of tables", () => {
  it("reads a context entry by the mode of the root entry before it, §9.3, §9.4", () => {
    const text = (mode: string) => `DMAR: ${mode}root entry: hi 0x0, low 0x1000001
DMAR: context entry: hi 0x0000000000000102, low 0x000000010303f005`;
    expect(entries(text("scalable mode "))[1]).toMatchObject({ mode: "scalable", PDTS: 0, DTE: 1 });
    expect(entries(text(""))[1]).toMatchObject({ mode: "legacy", TT: 1, AW: 2, levels: 4, DID: "0x1" });
  });

  it("keeps the levels of a walk together", () => {
    const text = `DMAR: pte level: 4, pte value: 0x0000000012345027
DMAR: pte level: 3, pte value: 0x0000000012346027
DMAR: pte level: 4, pte value: 0x0000000099945027`;
    expect(entries(text).map((e) => (e.levels as unknown[]).length)).toEqual([2, 1]);
  });
});

describe("the invalidation queue", () => {
  it("reads 256-bit descriptors of the debugfs file by their first words, §6.5.2", () => {
    const text = `Invalidation queue on IOMMU: dmar3
 Base: 0x10022e000      Head: 0         Tail: 64
Index           qw0                     qw1                     qw2                     qw3                     status
    0   0000002a00050136        0000000000007000        0000000000000000        0000000000000000        0000000000000000`;
    const all = entries(text);
    expect(all[0]).toMatchObject({ type: "vtd-iq", head: 0, tail: 64 });
    expect(all[1]).toMatchObject({
      kind: "pasid-iotlb",
      granularity: "page",
      did: "0x5",
      pasid: "0x2a",
      addr: "0x7000",
    });
  });

  it("gives a valid reason of a queue error, §11.4.9.9", () => {
    expect(only("DMAR: VT-d detected Invalidation Queue Error: Reason 4")).toMatchObject({
      error: "IQE",
      reason: "0x4",
      reason_valid: true,
    });
  });
});

describe("any text", () => {
  const piece = fc.constantFrom(
    "DMAR: [DMA Read] Request device [",
    "00:02.0]",
    " fault addr ",
    "0x",
    "1000",
    " [fault reason ",
    "0x71]",
    "root entry: 0x1",
    "context entry: hi 0x0, low 0x1",
    "pasid table entry[3]: 0x1",
    "IOVA_PFN PML4E PTE",
    "Device 0000:00:01.0 @0x1000",
    "0x0000000000000001 | 0x0000000000000003",
    "Root Table Address: 0x1000",
    "00:02.0 0x0000000000000000:0x0000000000000001",
    "\n",
    " ",
  );

  it("is decoded without a throw", () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        for (const e of entries(pieces.join(""))) expect(e.summary).toMatch(/\.$/);
      }),
      { numRuns: 400, seed: 20 },
    );
  });

  it("takes time in proportion to its length", () => {
    const row = `root entry: 0x1\ncontext entry: hi 0x0, low 0x1\n00:02.0 0x0000000000000000:0x0000000000000001\n-1 0x0000000000000000:0x0000000000000000:0x0000000000000000\n`;
    const time = (text: string): number => {
      const from = performance.now();
      decode(text);
      return performance.now() - from;
    };
    time(row.repeat(2000));
    const small = time(`Root Table Address: 0x1000\n${row.repeat(1000)}`);
    expect(time(`Root Table Address: 0x1000\n${row.repeat(8000)}`)).toBeLessThan(40 * small + 100);
  });
});
