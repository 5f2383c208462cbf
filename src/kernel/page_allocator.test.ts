import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PageAllocator } from "./page_allocator.ts";

const PAGE = 4096;
const FROM = 5 * PAGE;
const PAGES = 40;

describe("Pages of a kernel", () => {
  it("go to one owner at a time, at the lowest place that is aligned to their size, and come back whole", () => {
    const step = fc.oneof(fc.record({ pages: fc.integer({ min: 1, max: 9 }) }), fc.record({ release: fc.nat(PAGES) }));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const allocator = new PageAllocator(FROM, PAGES * PAGE);
        const used = new Set<number>();
        const owned: { at: number; pages: number }[] = [];
        const pagesOf = (at: number, pages: number) => Array.from({ length: pages }, (_, i) => at + i * PAGE);
        for (const one of steps) {
          if ("pages" in one) {
            const alignment = PAGE * 2 ** Math.ceil(Math.log2(one.pages));
            const places = pagesOf(FROM, PAGES - one.pages + 1).filter((at) => at % alignment === 0);
            const free = places.find((at) => pagesOf(at, one.pages).every((page) => !used.has(page)));
            const at = allocator.allocate((one.pages - 1) * PAGE + 1);
            expect(at).toBe(free ?? null);
            if (at === null) continue;
            for (const page of pagesOf(at, one.pages)) used.add(page);
            owned.push({ at, pages: one.pages });
          } else {
            const [gone] = owned.splice(one.release % Math.max(1, owned.length), 1);
            if (gone === undefined) continue;
            allocator.release(gone.at, gone.pages * PAGE);
            for (const page of pagesOf(gone.at, gone.pages)) used.delete(page);
          }
          expect(allocator.free).toBe((PAGES - used.size) * PAGE);
        }
        for (const { at, pages } of owned) allocator.release(at, pages * PAGE);
        // All of it is one again: 8 pages from the first place that is aligned, up to the last.
        expect(allocator.allocate(8 * PAGE)).toBe(8 * PAGE);
        expect(allocator.free).toBe((PAGES - 8) * PAGE);
      }),
    );
  });
});
