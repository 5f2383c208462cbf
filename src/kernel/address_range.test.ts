import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { alignedRange, atsRange, rangeOfAts } from "./address_range.ts";

const PAGE = 4096n;
const pages = fc.tuple(fc.bigInt({ min: 0n, max: 2n ** 52n - 1n }), fc.bigInt({ min: 1n, max: 2n ** 40n }));

describe("A naturally aligned range", () => {
  it("is the smallest power of two of pages that covers another one, up to the end of 64 bits", () => {
    fc.assert(
      fc.property(pages, ([first, count]) => {
        const last = first + count - 1n < 2n ** 52n ? first + count - 1n : 2n ** 52n - 1n;
        const { at, pagesLg2 } = alignedRange(Number(first * PAGE), Number((last - first + 1n) * PAGE));
        const lg2 = BigInt(pagesLg2);
        expect([first >> lg2, last >> lg2]).toEqual([(BigInt(at) / PAGE) >> lg2, (BigInt(at) / PAGE) >> lg2]);
        expect(BigInt(at) % (PAGE << lg2)).toBe(0n);
        if (pagesLg2 > 0) expect(first >> (lg2 - 1n)).not.toBe(last >> (lg2 - 1n));
      }),
    );
  });

  it("is told by the lowest clear bit of its address where a device is asked, and everything by none", () => {
    expect(atsRange(alignedRange(0x5000, 4096))).toEqual({ S: 0, address: 0x5000 });
    expect(atsRange(alignedRange(0x4000, 0x2000))).toEqual({ S: 1, address: 0x4000 });
    expect(atsRange(alignedRange(0x8000, 0x4000))).toEqual({ S: 1, address: 0x9000 });
    const all = { S: 1, address: 2 ** 63 - 4096 };
    expect([atsRange(null), atsRange(alignedRange(0, 2 ** 64))]).toEqual([all, all]);
  });

  it("come back out of what ATS has them as", () => {
    for (let pagesLg2 = 0; pagesLg2 < 51; pagesLg2++) {
      for (const n of [0, 1, 3]) {
        const range = { at: n * 2 ** (12 + pagesLg2), pagesLg2 };
        const { S, address } = atsRange(range);
        expect(rangeOfAts(S, address)).toEqual(range);
      }
    }
    const { S, address } = atsRange(null);
    expect(rangeOfAts(S, address)).toBeNull();
  });
});
