import { describe, expect, it } from "vitest";
import { xorshift32 } from "../base/rng.ts";
import { entrySizeLg2, Kind, type PageTableFormat } from "./format.ts";
import { VMSAV8_FORMATS } from "./formats/vmsav8.ts";
import { descriptor, isWide, SparseStore, spanOf, TableBuilder } from "./testing/table_builder.ts";
import { Cursor, type TableReader, WalkEnd, walk } from "./walk.ts";

const high = (at: number): number => Math.floor(at / 2 ** 32) | 0;
const low = (at: number): number => at | 0;
const join = (hi: number, lo: number): number => (hi >>> 0) * 2 ** 32 + (lo >>> 0);

/** Bits of the half of an address at or above bit `bits`, as `Cursor.beyondHi` wants them. */
const beyond = (bits: number): number => (bits >= 64 ? 0 : -1 << (bits - 32));

const readerOf = (store: SparseStore): TableReader => ({
  read(c, atHi, atLo) {
    store.load(join(atHi, atLo));
    [c.lo, c.hi] = [store.lo, store.hi];
    return true;
  },
});

interface Found {
  readonly end: WalkEnd;
  readonly out: number;
  readonly level: number;
  readonly cursor: Cursor;
}

/** Walk the tables of a builder for an address given as halves. */
function find(tables: TableBuilder, vaHi: number, vaLo: number, outputBits = 52): Found {
  const c = new Cursor(1);
  c.tableHi = high(tables.root);
  c.tableLo = low(tables.root);
  c.level = tables.level;
  c.rootMask = tables.entries - 1;
  c.beyondHi = beyond(outputBits);
  c.vaHi = vaHi | 0;
  c.vaLo = vaLo | 0;
  const end = walk(tables.fmt, readerOf(tables.store as SparseStore), c, null);
  return { end, out: join(c.outHi, c.outLo), level: c.level, cursor: c };
}

const findAt = (tables: TableBuilder, va: number, outputBits = 52): Found =>
  find(tables, high(va), low(va), outputBits);

/** A whole number with one bit changed. */
const flip = (x: number, bit: number): number => (Math.floor(x / 2 ** bit) % 2 === 0 ? x + 2 ** bit : x - 2 ** bit);

const levelsOf = (fmt: PageTableFormat): number[] => Array.from({ length: fmt.topLevel + 1 }, (_, level) => level);

/** Levels that may hold blocks, as the architecture lists them (DDI 0487 §D8.3.1), counted from the pages. */
function blockLevels(fmt: PageTableFormat): number[] {
  if (fmt.granuleLg2 === 12) return isWide(fmt) ? [1, 2, 3] : [1, 2];
  return isWide(fmt) ? [1, 2] : [1];
}

const addressBits = (fmt: PageTableFormat): number => (isWide(fmt) ? 52 : 48);

/** Every shape of root: a part of a table, a whole one, and 2 to 16 side by side. */
const rootsOf = (fmt: PageTableFormat): { level: number; rootBits: number }[] =>
  levelsOf(fmt).flatMap((level) =>
    [1, 2, fmt.strideLg2 - 1, fmt.strideLg2, fmt.strideLg2 + 1, fmt.strideLg2 + 4]
      .filter((rootBits) => entrySizeLg2(fmt, level) + rootBits <= 52)
      .map((rootBits) => ({ level, rootBits })),
  );

describe.each(VMSAV8_FORMATS)("walk of $id", (fmt) => {
  const top = 2 ** addressBits(fmt);

  it("has roots of every level and shape to walk from", () => {
    expect(new Set(rootsOf(fmt).map((r) => r.level))).toEqual(new Set(levelsOf(fmt)));
  });

  describe.each(rootsOf(fmt))("from level $level, $rootBits bits of index in the root", ({ level, rootBits }) => {
    const inputBits = entrySizeLg2(fmt, level) + rootBits;

    it.each([1, 128383])("finds every mapped page and no other, seed %i", (seed) => {
      const next = xorshift32(seed);
      const number = (below: number): number => Math.floor((next() / 2 ** 32) * below);
      const tables = new TableBuilder(fmt, new SparseStore(0x4_0000_0000), 1, level, inputBits);
      const page = spanOf(fmt, 0);
      const pages = new Map<number, number>();
      for (let i = 0; i < 12; i++) {
        const va = number(2 ** inputBits / page) * page;
        // A page alone, or with its neighbour in a pair.
        for (const each of next() % 2 === 0 ? [va] : [va, flip(va, fmt.granuleLg2)]) {
          pages.set(each, number(top / page) * page);
          tables.map(each, 0, pages.get(each)!);
        }
      }
      const wrong: unknown[] = [];
      for (const [va, out] of pages) {
        for (const offset of [0, 1, page - 1, number(page)]) {
          const found = findAt(tables, va + offset);
          if (found.end !== WalkEnd.Leaf || found.out !== out + offset || found.level !== 0) wrong.push([va, found]);
        }
        for (let bit = fmt.granuleLg2; bit < inputBits; bit++) {
          const other = flip(va, bit);
          if (!pages.has(other) && findAt(tables, other).end !== WalkEnd.Empty) wrong.push([va, other]);
        }
      }
      expect(wrong).toEqual([]);
    });

    it("takes no notice of address bits above the root's index: an upper range has ones there", () => {
      const tables = new TableBuilder(fmt, new SparseStore(), 1, level, inputBits);
      const va = 2 ** inputBits - spanOf(fmt, 0);
      tables.map(va, 0, 0x7000_0000);
      const ones = inputBits >= 32 ? [-1 << (inputBits - 32), 0] : [-1, -1 << inputBits];
      const found = find(tables, high(va) | ones[0]!, low(va) | ones[1]! | 0x123);
      expect([found.end, found.out]).toEqual([WalkEnd.Leaf, 0x7000_0123]);
    });
  });

  it.each(blockLevels(fmt))("gives every bit of the offset into a block at level %i its place", (level) => {
    const size = spanOf(fmt, level);
    const inputBits = Math.min(52, entrySizeLg2(fmt, level) + fmt.strideLg2);
    const tables = new TableBuilder(fmt, new SparseStore(), 1, level, inputBits);
    const va = 2 ** inputBits - 2 * size;
    // All the address bits that a block of this size can have.
    const out = top - size;
    tables.map(va, level, out);
    expect(findAt(tables, va).out).toBe(out);
    for (let bit = 0; 2 ** bit < size; bit++) {
      expect([findAt(tables, va + 2 ** bit).out, bit]).toEqual([out + 2 ** bit, bit]);
    }
    expect(findAt(tables, va + size - 1).out).toBe(out + size - 1);
    expect(findAt(tables, va - 1).end).toBe(WalkEnd.Empty);
    expect(findAt(tables, va + size).end).toBe(WalkEnd.Empty);
  });

  it.each(blockLevels(fmt).filter((level) => entrySizeLg2(fmt, level) > 17))(
    "takes address bits below the size of a block at level %i from the input, whatever the descriptor has there",
    (level) => {
      const tables = new TableBuilder(fmt, new SparseStore(), 1, level, entrySizeLg2(fmt, level) + 1);
      const at = tables.map(0, level, 0);
      const size = spanOf(fmt, level);
      const [lo, hi] = descriptor(fmt, 1, "block", size - 2 ** 17);
      // nT, bit 16, too.
      tables.store.write(at, [lo | 0x10000, hi]);
      expect(findAt(tables, 0x345).out).toBe(0x345);
    },
  );

  it.each(levelsOf(fmt))("at level %i knows tables, leaves, and types that level does not have, §D8.3.1", (level) => {
    const block = blockLevels(fmt).includes(level);
    expect(fmt.kindOf(0b11, 0, level)).toBe(level === 0 ? Kind.Leaf : Kind.Table);
    expect(fmt.kindOf(0b01, 0, level)).toBe(block ? Kind.Leaf : Kind.Reserved);
    expect(fmt.kindOf(0b00, -1, level)).toBe(Kind.Empty);
    expect(fmt.kindOf(0b10, -1, level)).toBe(Kind.Empty);
    const tables = new TableBuilder(fmt, new SparseStore(), 1, level, Math.min(52, entrySizeLg2(fmt, level) + 2));
    tables.put(tables.place(0, level), [0b01, 0]);
    expect(findAt(tables, 0)).toMatchObject({ end: block ? WalkEnd.Leaf : WalkEnd.Reserved, level });
  });

  it("refuses a table or leaf address at or beyond the output size, and takes the last below it", () => {
    const sizes = [32, 36, 40, 42, 44, 48, 52].filter((bits) => bits <= addressBits(fmt));
    for (const bits of sizes) {
      for (const level of [0, ...blockLevels(fmt)]) {
        const size = spanOf(fmt, level);
        const tables = new TableBuilder(fmt, new SparseStore(), 1, level, entrySizeLg2(fmt, level) + 1);
        if (size < 2 ** bits) {
          tables.map(0, level, 2 ** bits - size);
          expect([findAt(tables, size - 1, bits).end, bits, level]).toEqual([WalkEnd.Leaf, bits, level]);
        }
        if (bits === addressBits(fmt)) continue;
        tables.map(size, level, Math.max(2 ** bits, size));
        expect([findAt(tables, size, bits).end, bits, level]).toEqual([WalkEnd.AddressSize, bits, level]);
      }
      const tables = new TableBuilder(fmt, new SparseStore(), 1, 1, entrySizeLg2(fmt, 1) + 1);
      tables.put(tables.place(0, 1), descriptor(fmt, 1, "table", 2 ** bits - 2 ** fmt.granuleLg2));
      expect(findAt(tables, 0, bits)).toMatchObject({ end: WalkEnd.Empty, level: 0 });
      if (bits === addressBits(fmt)) continue;
      tables.put(tables.place(0, 1), descriptor(fmt, 1, "table", 2 ** bits));
      expect(findAt(tables, 0, bits)).toMatchObject({ end: WalkEnd.AddressSize, level: 1 });
    }
  });

  it("leaves the address that is too large in the cursor, of a table as of a leaf", () => {
    for (const [level, kind] of [
      [1, "table"],
      [0, "page"],
    ] as const) {
      const tables = new TableBuilder(fmt, new SparseStore(), 1, level, entrySizeLg2(fmt, level) + 1);
      const address = 2 ** 40 + 3 * spanOf(fmt, 0);
      tables.put(tables.place(0, level), descriptor(fmt, 1, kind, address));
      expect(findAt(tables, 0, 40)).toMatchObject({ end: WalkEnd.AddressSize, out: address });
    }
  });

  it("carries each address bit of a leaf from where the descriptor keeps it", () => {
    const tables = new TableBuilder(fmt, new SparseStore(), 1, 0, fmt.granuleLg2 + 1);
    for (let bit = fmt.granuleLg2; bit < addressBits(fmt); bit++) {
      tables.map(0, 0, 2 ** bit);
      expect(findAt(tables, 5).out).toBe(2 ** bit + 5);
    }
  });

  it.each([3, 4, 5])("adds up what every table on the way imposes, not the leaf's own bits, seed %i", (seed) => {
    const next = xorshift32(seed);
    const tables = new TableBuilder(fmt, new SparseStore(), 1, fmt.topLevel, entrySizeLg2(fmt, fmt.topLevel) + 1);
    for (let i = 0; i < 40; i++) {
      const va = (next() % 2 ** fmt.strideLg2) * spanOf(fmt, 0) + (i % 2) * spanOf(fmt, fmt.topLevel);
      const leaf = tables.place(va, 0);
      tables.put(leaf, [0b11, 0xffff0000]);
      let expected = 0;
      for (let level = fmt.topLevel; level > 0; level--) {
        const at = tables.place(va, level);
        const bits = next() & next() & 0xf8000000;
        const [lo, hi] = tables.store.read(at);
        tables.put(at, [lo, (hi & 0x07ffffff) | bits]);
        expected |= bits;
      }
      expect(findAt(tables, va).cursor.inherited).toBe(expected | 0);
    }
  });

  it("tells a sink of every entry in order, and answers the same with and without one", () => {
    const tables = new TableBuilder(fmt, new SparseStore(), 1, fmt.topLevel, entrySizeLg2(fmt, fmt.topLevel) + 1);
    const va = spanOf(fmt, fmt.topLevel) + 5 * spanOf(fmt, 0);
    tables.map(va, 0, 0x1234_0000);
    const quiet = findAt(tables, va + 3).cursor;
    const told: (readonly number[])[] = [];
    const c = new Cursor(1);
    Object.assign(c, { tableHi: high(tables.root), tableLo: low(tables.root), level: tables.level });
    Object.assign(c, { rootMask: tables.entries - 1, beyondHi: beyond(52), vaHi: high(va + 3), vaLo: low(va + 3) });
    const end = walk(fmt, readerOf(tables.store as SparseStore), c, {
      entry: (at, _fmt, entryEnd) => told.push([at.level, at.index, join(at.atHi, at.atLo), entryEnd]),
    });
    expect(end).toBe(WalkEnd.Leaf);
    expect(c).toEqual(quiet);
    const expected = levelsOf(fmt)
      .reverse()
      .map((level) => {
        const at = tables.place(va, level);
        const index = level === fmt.topLevel ? 1 : level === 0 ? 5 : 0;
        return [level, index, at, level === 0 ? WalkEnd.Leaf : -1];
      });
    expect(told).toEqual(expected);
  });

  it("stops where an entry cannot be read, at that entry", () => {
    const tables = new TableBuilder(fmt, new SparseStore(), 1, fmt.topLevel, entrySizeLg2(fmt, fmt.topLevel) + 1);
    tables.map(0, 0, 0);
    const lost = tables.place(0, 1);
    const inner = readerOf(tables.store as SparseStore);
    const c = new Cursor(1);
    Object.assign(c, { tableHi: high(tables.root), tableLo: low(tables.root), level: tables.level, rootMask: 1 });
    const end = walk(fmt, { read: (at, hi, lo) => join(hi, lo) !== lost && inner.read(at, hi, lo) }, c, null);
    expect([end, c.level, join(c.atHi, c.atLo)]).toEqual([WalkEnd.Unreadable, 1, lost]);
  });

  it("knows the length of contiguous runs, §D8.7.1", () => {
    const expected: Readonly<Record<number, readonly number[]>> = { 12: [16, 16, 16], 14: [128, 32], 16: [32, 32] };
    const runs = expected[fmt.granuleLg2]!.map((n) => Math.log2(n));
    for (const [level, lg2] of runs.entries()) {
      expect(fmt.runLg2(1, 1 << 20, level)).toBe(lg2);
      expect(fmt.runLg2(1, ~(1 << 20), level)).toBe(0);
    }
  });
});

describe("a big-endian entry", () => {
  it("has its eight bytes swapped", () => {
    const c = new Cursor(1);
    [c.hi, c.lo] = [0x01020304, 0x85060708 | 0];
    c.swapBytes();
    expect([c.hi >>> 0, c.lo >>> 0]).toEqual([0x08070685, 0x04030201]);
  });
});
