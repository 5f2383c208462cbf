import { describe, expect, it } from "vitest";
import { xorshift32 } from "../../base/rng.ts";
import { maskHi, maskLo, NO_PASID, PageTableCache } from "./page_table_cache.ts";

interface Page {
  readonly domain: number;
  readonly pasid: number;
  readonly hi: number;
  readonly lo: number;
  readonly size: number;
}

/** A page of chance among few, so that many are alike; its address is the first. */
function randomPage(next: () => number): Page {
  const size = [12, 12, 13, 21, 30, 34][next() % 6]!;
  const hi = (next() % 2 === 0 ? 0 : 0xffff_8000) | (next() % 4);
  const lo = ((next() % 4) << 29) | ((next() % 4) << 20) | ((next() % 16) << 12);
  const pasid = [NO_PASID, NO_PASID, 0, 5, 0x10005][next() % 5]!;
  return { domain: next() % 3, pasid, hi: hi & maskHi(size), lo: lo & maskLo(size), size };
}

const meets = (a: Page, hi: number, lo: number, size: number): boolean => {
  const wider = Math.max(a.size, size);
  return (((a.hi ^ hi) & maskHi(wider)) | ((a.lo ^ lo) & maskLo(wider))) === 0;
};

describe("PageTableCache", () => {
  it.each([1, 2, 3, 8128, 99991])("finds and drops what a list of pages would, seed %i", (seed) => {
    const next = xorshift32(seed);
    const cache = new PageTableCache({ entries: 512, ways: 512 }, 0);
    let pages: Page[] = [];
    const same = (a: Page, b: Page): boolean => a.domain === b.domain && a.pasid === b.pasid;
    for (let step = 0; step < 400; step++) {
      const p = randomPage(next);
      if (next() % 4 === 0) {
        const size = [12, 13, 15, 16, 21, 64][next() % 6]!;
        cache.dropRange(p.domain, p.pasid, p.hi, p.lo, size);
        pages = pages.filter((own) => !(same(own, p) && meets(own, p.hi, p.lo, size)));
      } else if (!pages.some((own) => same(own, p) && own.size === p.size && own.hi === p.hi && own.lo === p.lo)) {
        const entry = cache.fill(p.domain, p.pasid, p.hi, p.lo, p.size);
        const read = [cache.domainOf(entry), cache.pasidOf(entry), cache.addressHi(entry), cache.addressLo(entry)];
        expect([...read, cache.sizeLg2(entry)]).toEqual([p.domain, p.pasid, p.hi | 0, p.lo | 0, p.size]);
        pages.push(p);
      }
      const q = randomPage(next);
      const found = cache.find(q.domain, q.pasid, q.hi, q.lo | (next() & 0xfff));
      expect(found >= 0).toBe(pages.some((own) => same(own, q) && meets(own, q.hi, q.lo, own.size)));
      expect(cache.table.occupied).toBe(pages.length);
    }
  });

  it("drops what has a PASID and leaves the rest", () => {
    const cache = new PageTableCache({ entries: 16, ways: 4 }, 0);
    for (const pasid of [NO_PASID, 0, 7]) cache.fill(3, pasid, 0, 0x5000, 12);
    cache.fill(4, 7, 0, 0x5000, 12);
    cache.dropGuest(3);
    expect([NO_PASID, 0, 7].map((pasid) => cache.find(3, pasid, 0, 0x5000) >= 0)).toEqual([true, false, false]);
    expect(cache.find(4, 7, 0, 0x5000)).toBeGreaterThanOrEqual(0);
  });
});
