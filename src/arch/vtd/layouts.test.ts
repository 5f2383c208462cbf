import { describe, expect, it } from "vitest";
import { high, low } from "../../base/halves.ts";
import { decodeFields, type Layout } from "../../base/layout.ts";
import { pagingEntryLayout } from "./paging_entries.ts";
import { type PagingLevel, pagingEntryName } from "./paging_names.ts";
import { PASID_DIRECTORY_ENTRY, PASID_TABLE_ENTRY } from "./pasid_entries.ts";
import { R, REASONS } from "./reasons.ts";
import { CONTEXT_ENTRY, ROOT_ENTRY, SM_CONTEXT_ENTRY, SM_ROOT_ENTRY } from "./root_context.ts";

const words = (...quads: bigint[]): Uint32Array => Uint32Array.from(quads.flatMap((q) => [low(q), high(q)]));

const value = (l: Layout, name: string, ...quads: bigint[]): bigint | undefined =>
  decodeFields(l, words(...quads)).find((f) => f.declaration.name === name)?.value;

describe("root and context entries, VT-d §9.1 to §9.4", () => {
  it("places what Linux writes into a legacy context entry: TT 0, AW 2, domain 5", () => {
    const quads = [0x1_2345_6001n, 0x0502n];
    expect(["P", "TT", "SSPTPTR", "AW", "DID"].map((n) => value(CONTEXT_ENTRY, n, ...quads))).toEqual([
      1n,
      0n,
      0x1_2345_6000n,
      2n,
      5n,
    ]);
  });

  it("places both context tables of a scalable-mode root entry", () => {
    const quads = [0x1000_1001n, 0x2000_2001n];
    expect(["LP", "LCTP", "UP", "UCTP"].map((n) => value(SM_ROOT_ENTRY, n, ...quads))).toEqual([
      1n,
      0x1000_1000n,
      1n,
      0x2000_2000n,
    ]);
    expect(value(ROOT_ENTRY, "CTP", ...quads)).toBe(0x1000_1000n);
  });

  it("places a scalable-mode context entry with 2^20 PASIDs, PASIDE and RID_PASID 0x2468", () => {
    const quads = [0x1c8c_ec08n | (7n << 9n) | 1n, 0x2468n, 0n, 0n];
    expect(
      ["P", "PASIDE", "PDTS", "PASIDDIRPTR", "RID_PASID"].map((n) => value(SM_CONTEXT_ENTRY, n, ...quads)),
    ).toEqual([1n, 1n, 7n, 0x1c8c_e000n, 0x2468n]);
  });
});

describe("PASID entries, VT-d §9.5 and §9.6", () => {
  it("places a nested entry: PGTT 3, AW 1, DID 1, 4-level first stage with SRE and WPE", () => {
    const quads = [0x1_fcf5_90c5n, 0x0080_0001n, 0x350c_1211n, 0n, 0n, 0n, 0n, 0n];
    const get = (n: string) => value(PASID_TABLE_ENTRY, n, ...quads);
    expect(["P", "AW", "PGTT", "SSPTPTR", "DID", "PWSNP"].map(get)).toEqual([1n, 1n, 3n, 0x1_fcf5_9000n, 1n, 1n]);
    expect(["SRE", "FSPM", "WPE", "FSPTPTR"].map(get)).toEqual([1n, 0n, 1n, 0x350c_1000n]);
    expect(value(PASID_DIRECTORY_ENTRY, "SMPTBLPTR", 0x26cc_a003n)).toBe(0x26cc_a000n);
  });
});

describe("paging entries, VT-d §9.7 and §9.8", () => {
  const levels: readonly PagingLevel[] = [1, 2, 3, 4, 5];

  it("gives every level a table and, up to 1 GiB, a page layout", () => {
    for (const stage of [1, 2] as const) {
      for (const level of levels) {
        const page = pagingEntryLayout(stage, level, true);
        const table = pagingEntryLayout(stage, level, false);
        expect(page.bits).toBe(64);
        expect(page.name.startsWith(pagingEntryName(stage, level))).toBe(true);
        expect(page === table).toBe(level === 1 || level > 3);
      }
    }
  });

  it("keeps the address bits below a large page reserved, but PAT of the first stage", () => {
    expect(value(pagingEntryLayout(2, 2, true), "ADDR", 0x8020_0083n)).toBe(0x8020_0000n);
    expect(value(pagingEntryLayout(1, 3, true), "PAT", 0x4000_1087n)).toBe(1n);
    expect(value(pagingEntryLayout(1, 1, true), "PAT", 0x4000_0087n)).toBe(1n);
  });
});

describe("fault conditions, VT-d §7.1.3", () => {
  it("gives each a name of its own, and a code that fits the record", () => {
    expect(new Set(REASONS.map((r) => r.id)).size).toBe(REASONS.length);
    for (const r of REASONS) expect(r.code).toBeLessThan(0x100);
    expect(REASONS[R.NONE]?.id).toBe("NONE");
    expect(REASONS[R.SFS_8]?.code).toBe(0x77);
  });

  it("keeps legacy codes below 0x20, interrupts below 0x30 and scalable mode above", () => {
    const wrong = REASONS.filter((r) => {
      if (r.condition.startsWith("L")) return r.code >= 0x10;
      if (r.id.startsWith("IR_")) return r.code >> 4 !== 2;
      return r.condition !== "" && r.code < 0x30;
    });
    expect(wrong).toEqual([]);
  });
});
