import { describe, expect, it } from "vitest";
import { high, low } from "../../base/halves.ts";
import { Kind } from "../format.ts";
import { type ScanPlace, scan } from "../scan.ts";
import { Cursor, type TableReader, WalkEnd, walk } from "../walk.ts";
import { AMD_V1, AMD_V1_LOOSE, V1_READ, V1_WRITE } from "./amdv1.ts";

const RW = V1_READ | V1_WRITE;

/** Entries by address; everything else is zero. */
class Tables implements TableReader {
  readonly entries = new Map<number, bigint>();
  lo = 0;
  hi = 0;

  put(at: number, address: bigint, nextLevel: number, rights: number = RW): void {
    this.entries.set(at, address | (BigInt(nextLevel) << 9n) | (BigInt(rights) << 32n) | 1n);
  }

  read(c: Cursor, atHi: number, atLo: number): boolean {
    this.readEntry((atHi >>> 0) * 2 ** 32 + (atLo >>> 0));
    [c.lo, c.hi] = [this.lo, this.hi];
    return true;
  }

  readEntry(at: number): number {
    const value = this.entries.get(at) ?? 0n;
    [this.lo, this.hi] = [low(value) | 0, high(value) | 0];
    return 0;
  }
}

function find(
  tables: Tables,
  root: number,
  mode: number,
  va: bigint,
  fmt = AMD_V1,
): { end: WalkEnd; out: bigint; c: Cursor } {
  const c = new Cursor(2);
  c.tableLo = root;
  c.level = mode - 1;
  c.rootMask = mode === 6 ? 127 : 511;
  c.vaHi = high(va) | 0;
  c.vaLo = low(va) | 0;
  const end = walk(fmt, tables, c, null);
  return { end, out: (BigInt(c.outHi >>> 0) << 32n) | BigInt(c.outLo >>> 0), c };
}

/** The address field of a page whose size is coded in it. */
const coded = (address: bigint, sizeLg2: number): bigint => address | ((1n << BigInt(sizeLg2 - 1)) - 0x1000n);

describe("AMD-Vi host tables, §2.2.3", () => {
  it.each([1, 2, 3, 4, 5, 6])("finds a page through a table of mode %i", (mode) => {
    const tables = new Tables();
    const va = 0xfe80_4020_1008_0400n & ((1n << BigInt(Math.min(64, 12 + 9 * mode))) - 1n);
    let at = 0x10000;
    const root = at;
    for (let level = mode; level > 0; level--) {
      const index = Number((va >> BigInt(3 + 9 * level)) & 511n);
      tables.put(at + 8 * index, level === 1 ? 0xf_ffff_ffff_f000n : BigInt(at + 0x1000), level - 1);
      at += 0x1000;
    }
    const { end, out } = find(tables, root, mode, va);
    expect([end, out]).toEqual([WalkEnd.Leaf, 0xf_ffff_ffff_f000n | (va & 0xfffn)]);
  });

  it.each([
    [1, [12, 13, 17, 20]],
    [2, [21, 22, 29]],
    [3, [30, 31, 32, 33, 38]],
    [4, [39, 40, 47]],
    [5, [48, 50]],
  ])("reads the size of a page at level %i from its address", (level, sizes) => {
    for (const size of sizes) {
      const tables = new Tables();
      const out = 1n << 51n;
      if (size === 12) tables.put(0x10000, 0x5000n, 0);
      else tables.put(0x10000, coded(out, size), 7);
      const va = (1n << BigInt(Math.min(size, 12 + 9 * (level - 1)))) - 4n;
      const found = find(tables, 0x10000, level, va);
      const want = size === 12 ? 0x5000n | va : out | va;
      expect([found.end, found.out, found.c.sizeLg2]).toEqual([WalkEnd.Leaf, want, size]);
    }
  });

  it("keeps the bits of the address inside a page of several entries", () => {
    const tables = new Tables();
    for (let i = 0; i < 16; i++) tables.put(0x10000 + 8 * i, coded(0x7_0000n, 16), 7);
    expect(find(tables, 0x10000, 1, 0xb7a7n).out).toBe(0x7_b7a7n);
  });

  it("refuses sizes that are not of the level, and levels that do not go down", () => {
    const kind = (level: number, address: bigint, next: number): number => {
      const t = new Tables();
      t.put(0, address, next);
      t.readEntry(0);
      return AMD_V1.kindOf(t.lo, t.hi, level - 1);
    };
    expect(kind(1, coded(0n, 21), 7)).toBe(Kind.Reserved);
    expect(kind(2, coded(0n, 20), 7)).toBe(Kind.Reserved);
    expect(kind(3, 0xf_ffff_ffff_f000n, 7)).toBe(Kind.Reserved);
    expect(kind(6, 0n, 0)).toBe(Kind.Reserved);
    expect(kind(3, 0n, 3)).toBe(Kind.Reserved);
    expect(kind(3, 0n, 6)).toBe(Kind.Reserved);
    expect(kind(3, 0n, 1)).toBe(Kind.Table);
  });

  it("skips levels whose address bits are zero, and says so where they are not", () => {
    const tables = new Tables();
    tables.put(0x10000, 0x20000n, 1);
    tables.put(0x20018, 0x9000n, 0);
    expect(find(tables, 0x10000, 4, 0x3123n)).toMatchObject({ end: WalkEnd.Leaf, out: 0x9123n });
    for (const bit of [21n, 29n, 31n, 32n, 38n]) {
      const va = 0x3123n | (1n << bit);
      expect([bit, find(tables, 0x10000, 4, va).end]).toEqual([bit, WalkEnd.Skipped]);
      expect(find(tables, 0x10000, 4, va, AMD_V1_LOOSE)).toMatchObject({ end: WalkEnd.Leaf, out: 0x9123n });
    }
  });

  it("gathers what the levels above deny", () => {
    const tables = new Tables();
    tables.put(0x10000, 0x20000n, 2, V1_READ);
    tables.put(0x20000, 0x30000n, 1, RW);
    tables.put(0x30000, 0x9000n, 0, V1_WRITE);
    expect(find(tables, 0x10000, 3, 0n).c.inherited).toBe(V1_WRITE);
  });

  it("scans what it walks", () => {
    const tables = new Tables();
    tables.put(0x10008, 0x20000n, 1);
    for (let i = 4; i < 8; i++) tables.put(0x20000 + 8 * i, coded(0x7_0000n, 14), 7);
    tables.put(0x10010, coded(1n << 40n, 31), 7);
    const leaves: Pick<ScanPlace, "va" | "out">[] = [];
    const root = { fmt: AMD_V1, at: 0x10000, level: 2, entries: 512, outputBits: 52 };
    const visitor = {
      enter: () => {},
      leave: () => {},
      bad: () => {},
      leaf: (p: ScanPlace) => leaves.push({ va: p.va, out: p.out }),
    };
    expect(scan(root, tables, visitor, { tables: 9, leaves: 99, entries: 9999 })).toBe(true);
    expect(leaves).toEqual([
      { va: 0x4000_4000, out: 0x7_0000 },
      { va: 0x4000_5000, out: 0x7_1000 },
      { va: 0x4000_6000, out: 0x7_2000 },
      { va: 0x4000_7000, out: 0x7_3000 },
      { va: 0x8000_0000, out: 2 ** 40 },
    ]);
    for (const { va, out } of leaves) expect(Number(find(tables, 0x10000, 3, BigInt(va)).out)).toBe(out);
  });
});
