import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { IommuDriver, PagingDomain, Protection } from "../drivers/driver.ts";
import type { Status } from "../errno.ts";
import { IoPageTable } from "./io_page_table.ts";
import { ULONG_MAX } from "./ranges.ts";
import type { UserPages } from "./user_pages.ts";

const PAGE = 0x1000n;
const SIZES = { page: PAGE, hugePage: 0x20_0000n };
const BOTH: Protection = { read: true, write: true };

/** A domain that remembers each page that is mapped in it. */
class Remembering implements PagingDomain {
  readonly kind = "paging";
  readonly driver = null as unknown as IommuDriver;
  readonly smallestPage = PAGE;
  readonly pageSizes = PAGE;
  readonly aperture = { start: 0n, last: (1n << 48n) - 1n };
  readonly pages = new Map<bigint, bigint>();
  refuseAt: bigint | null = null;

  map(iova: bigint, pa: bigint, length: bigint): Status {
    if (this.refuseAt !== null && this.refuseAt >= iova && this.refuseAt < iova + length) return "EINVAL";
    for (let at = 0n; at < length; at += PAGE) {
      if (this.pages.has(iova + at)) throw new Error("mapped twice");
      this.pages.set(iova + at, pa + at);
    }
    return null;
  }

  unmap(iova: bigint, length: bigint): void {
    for (let at = 0n; at < length; at += PAGE) {
      if (!this.pages.delete(iova + at)) throw new Error("not mapped");
    }
  }

  enforceCoherency(): boolean {
    return true;
  }

  release(): void {}
}

/** User memory in which every second 64 KiB lies elsewhere; nothing from 16 MiB on. */
const pagesFrom = (base: bigint, writable = true): UserPages => ({
  kind: "user",
  writable,
  base,
  pin: (offset) => {
    const va = base + offset;
    return va >= 1n << 24n ? null : va + (((va >> 16n) & 1n) << 30n);
  },
  unpinnable: "EFAULT",
});

const piece = (base: bigint, length: bigint) => ({ pages: pagesFrom(base), startByte: 0n, length });

/** What the areas of a table say that each page leads to. */
function expected(table: IoPageTable): Map<bigint, bigint> {
  const pages = new Map<bigint, bigint>();
  for (const area of table.areas) {
    for (let at = area.start; at <= area.last; at += PAGE) {
      pages.set(at, area.pages.pin(area.startByte + (at - area.start))!);
    }
  }
  return pages;
}

const step = fc.record({
  what: fc.constantFrom("map", "choose", "unmap", "copy", "join", "leave"),
  at: fc.integer({ min: 0, max: 40 }),
  pages: fc.integer({ min: 1, max: 9 }),
  from: fc.integer({ min: 0, max: 4095 }),
});

describe("the address space of an IOAS", () => {
  it("keeps every domain filled with what is mapped, whatever happens in between", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const table = new IoPageTable(SIZES);
        const domains: Remembering[] = [];
        for (const { what, at, pages, from } of steps) {
          const [iova, length] = [BigInt(at) * PAGE, BigInt(pages) * PAGE];
          const memory = piece(BigInt(from) * PAGE, length);
          if (what === "map") table.map(iova, [memory], BOTH);
          else if (what === "choose") table.map(null, [memory], BOTH);
          else if (what === "unmap") table.unmap(iova, iova + length - 1n);
          else if (what === "copy") {
            const found = table.pieces(iova, length);
            if (found !== null) table.map(null, found, BOTH);
          } else if (what === "leave" && domains.length > 0) table.removeDomain(domains.shift()!);
          else if (what === "join") {
            const domain = new Remembering();
            if (table.addDomain(domain) === null) domains.push(domain);
            else expect(domain.pages.size).toBe(0);
          }
          for (const domain of domains) expect(domain.pages).toEqual(expected(table));
        }
        for (const domain of domains) {
          table.removeDomain(domain);
          expect(domain.pages.size).toBe(0);
        }
        expect(table.usable()).toEqual([{ start: 0n, last: ULONG_MAX }]);
      }),
      { numRuns: 60, seed: 5 },
    );
  });

  it("a mapping that one domain refuses is in none", () => {
    const table = new IoPageTable(SIZES);
    const [first, second] = [new Remembering(), new Remembering()];
    table.addDomain(first);
    table.addDomain(second);
    second.refuseAt = 0x1_2000n;
    expect(table.map(0x1_0000n, [piece(0n, 0x4000n)], BOTH)).toEqual({ ok: false, errno: "EINVAL" });
    expect([first.pages.size, second.pages.size, table.areas.length]).toEqual([0, 0, 0]);
  });

  it("memory that cannot be pinned is EFAULT once a domain needs it, and not before", () => {
    const table = new IoPageTable(SIZES);
    const nowhere = piece(1n << 24n, PAGE);
    expect(table.map(0n, [nowhere], BOTH).ok).toBe(true);
    expect(table.addDomain(new Remembering())).toBe("EFAULT");
    table.unmap(0n, ULONG_MAX);
    table.addDomain(new Remembering());
    expect(table.map(0n, [nowhere], BOTH)).toEqual({ ok: false, errno: "EFAULT" });
  });

  it("a copy with write access of pages that are only readable is EPERM", () => {
    const table = new IoPageTable(SIZES);
    const readOnly = { pages: pagesFrom(0n, false), startByte: 0n, length: PAGE };
    expect(table.map(0n, [readOnly], { read: true, write: false }).ok).toBe(true);
    expect(table.map(PAGE, table.pieces(0n, PAGE)!, BOTH)).toEqual({ ok: false, errno: "EPERM" });
  });

  it("a place that is chosen keeps the low bits of the memory up to a huge page, also for a copy", () => {
    const table = new IoPageTable(SIZES);
    const memory = piece(0x40_1000n, 0x4000n);
    expect(table.map(null, [memory], BOTH)).toEqual({ ok: true, value: 0x1000n });
    expect(table.map(null, table.pieces(0x1000n, 0x4000n)!, BOTH)).toEqual({ ok: true, value: 0x5000n });
    expect(table.map(null, [piece(0x20_0000n, 0x20_0000n)], BOTH)).toEqual({ ok: true, value: 0x20_0000n });
  });

  it("pages that hardware holds cannot be unmapped until it lets go", () => {
    const table = new IoPageTable(SIZES);
    table.map(0n, [piece(0n, 0x4000n)], BOTH);
    const pin = table.pin({ alignment: 1n }, 0x1000n, 0x1000n, false);
    if (!pin.ok) throw new Error(pin.errno);
    expect(pin.value.pages).toEqual([0x1000n]);
    expect(table.unmap(0n, ULONG_MAX)).toEqual({ status: "EBUSY", bytes: 0n });
    table.unpin(pin.value);
    expect(table.unmap(0n, ULONG_MAX)).toEqual({ status: null, bytes: 0x4000n });
  });

  it("10^4 mappings come and go without quadratic cost", () => {
    const table = new IoPageTable(SIZES);
    const domain = new Remembering();
    table.addDomain(domain);
    for (let i = 0n; i < 10_000n; i++) table.map(i * 2n * PAGE, [piece((i % 4096n) * PAGE, PAGE)], BOTH);
    expect(domain.pages.size).toBe(10_000);
    for (let i = 0n; i < 10_000n; i++) table.unmap(i * 2n * PAGE, i * 2n * PAGE + PAGE - 1n);
    expect(domain.pages.size).toBe(0);
  });
});
