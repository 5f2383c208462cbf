import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { meetsBlock, TlbiOp } from "./maintenance.ts";

const half = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });

describe("addresses of a TLB invalidation, IHI 0070 §4.4", () => {
  it("meet a block exactly where the two ranges of addresses overlap", () => {
    const join = (hi: number, lo: number): bigint => (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
    const property = fc.property(
      half,
      half,
      half,
      half,
      half,
      half,
      fc.integer({ min: 0, max: 64 }),
      (aHi, aLo, bHi, bLo, hi, lo, lg2) => {
        const op = new TlbiOp();
        const swap = join(aHi, aLo) > join(bHi, bLo);
        Object.assign(
          op,
          swap
            ? { firstHi: bHi, firstLo: bLo, lastHi: aHi, lastLo: aLo }
            : { firstHi: aHi, firstLo: aLo, lastHi: bHi, lastLo: bLo },
        );
        const size = 1n << BigInt(lg2);
        const start = (join(hi, lo) / size) * size;
        const expected = start <= join(op.lastHi, op.lastLo) && start + size > join(op.firstHi, op.firstLo);
        expect(meetsBlock(op, hi, lo, lg2)).toBe(expected);
      },
    );
    fc.assert(property, { seed: 7, numRuns: 2000 });
  });

  it("meet the block that holds a single address, and its neighbours not", () => {
    const op = Object.assign(new TlbiOp(), { firstHi: 1, firstLo: 0x5000, lastHi: 1, lastLo: 0x5000 });
    expect([0x4000, 0x5fff, 0x6000].map((lo) => meetsBlock(op, 1, lo, 12))).toEqual([false, true, false]);
    expect([0, 1, 2].map((hi) => meetsBlock(op, hi, 0, 32))).toEqual([false, true, false]);
    expect(meetsBlock(op, 0x7fff_ffff, 0, 64)).toBe(true);
  });
});
