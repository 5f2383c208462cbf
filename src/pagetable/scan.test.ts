import { describe, expect, it } from "vitest";
import { xorshift32 } from "../base/rng.ts";
import { entrySizeLg2, type PageTableFormat } from "./format.ts";
import { VMSAV8_FORMATS } from "./formats/vmsav8.ts";
import { type ScanLimits, type ScanReader, type ScanRoot, type ScanVisitor, scan, TableScan } from "./scan.ts";
import { descriptor, isWide, SparseStore, spanOf, TableBuilder } from "./testing/table_builder.ts";
import { Cursor, WalkEnd, walk } from "./walk.ts";

const high = (at: number): number => Math.floor(at / 2 ** 32) | 0;
const join = (hi: number, lo: number): number => (hi >>> 0) * 2 ** 32 + (lo >>> 0);

const ENOUGH: ScanLimits = { tables: 1 << 16, leaves: 1 << 20, entries: 1 << 23 };

/** Reads a store; addresses in `lost` answer with their code. */
class StoreReader implements ScanReader {
  lo = 0;
  hi = 0;
  reads = 0;
  readonly #store: SparseStore;
  readonly #lost: ReadonlyMap<number, number>;

  constructor(store: SparseStore, lost: ReadonlyMap<number, number> = new Map()) {
    this.#store = store;
    this.#lost = lost;
  }

  readEntry(at: number): number {
    this.reads++;
    this.#store.load(at);
    this.lo = this.#store.lo;
    this.hi = this.#store.hi;
    return this.#lost.get(at) ?? 0;
  }
}

interface Met {
  readonly tables: { at: number; level: number; va: number; entries: number }[];
  readonly leaves: { at: number; level: number; va: number; out: number; inherited: number }[];
  readonly bad: { why: string; at: number; level: number; va: number; code: number; entries: number }[];
  /** Tables entered and not left. */
  open: number;
  readonly complete: boolean;
}

/** Scan, and keep all that the visitor is told. */
function visit(root: ScanRoot, reader: ScanReader, limits = ENOUGH, go = scan): Met {
  const met: Omit<Met, "complete"> = { tables: [], leaves: [], bad: [], open: 0 };
  const visitor: ScanVisitor = {
    enter: ({ out, level, va }, entries) => {
      met.open++;
      met.tables.push({ at: out, level, va, entries });
    },
    leave: () => {
      met.open--;
    },
    leaf: ({ at, level, va, out, inherited }) => met.leaves.push({ at, level, va, out, inherited }),
    bad: ({ at, level, va }, why, code, entries) => met.bad.push({ why, at, level, va, code, entries }),
  };
  const complete = go(root, reader, visitor, limits);
  return { ...met, complete };
}

const rootOf = (t: TableBuilder, outputBits: number): ScanRoot => ({
  fmt: t.fmt,
  at: t.root,
  level: t.level,
  entries: t.entries,
  outputBits,
});

/** Walk the same tables for one address. */
function walkAt(t: TableBuilder, va: number, outputBits: number): { end: WalkEnd; cursor: Cursor } {
  const cursor = new Cursor(1);
  Object.assign(cursor, { tableHi: high(t.root), tableLo: t.root | 0, level: t.level, rootMask: t.entries - 1 });
  Object.assign(cursor, { beyondHi: -1 << (outputBits - 32), vaHi: high(va), vaLo: va | 0 });
  const store = t.store as SparseStore;
  const end = walk(
    t.fmt,
    {
      read: (c, hi, lo) => {
        store.load(join(hi, lo));
        [c.lo, c.hi] = [store.lo, store.hi];
        return true;
      },
    },
    cursor,
    null,
  );
  return { end, cursor };
}

const blockLevels = (fmt: PageTableFormat): number[] =>
  isWide(fmt) ? (fmt.granuleLg2 === 12 ? [1, 2, 3] : [1, 2]) : fmt.granuleLg2 === 12 ? [1, 2] : [1];

/** Tables with pages and blocks, and entries that are wrong in every way, in random places. */
function randomTables(fmt: PageTableFormat, seed: number): { tables: TableBuilder; inputBits: number } {
  const next = xorshift32(seed);
  const level = next() % (fmt.topLevel + 1);
  const rootBits = 1 + (next() % (level === 0 ? fmt.strideLg2 : 4));
  const inputBits = Math.min(entrySizeLg2(fmt, level) + rootBits, 52);
  const tables = new TableBuilder(fmt, new SparseStore(), 1, level, inputBits);
  const page = spanOf(fmt, 0);
  for (let i = 0; i < 40; i++) {
    const va = Math.floor(((next() / 2 ** 32) * 2 ** inputBits) / page) * page;
    const at = [0, 0, 0, ...blockLevels(fmt)][next() % 5] ?? 0;
    if (at > level) continue;
    const place = tables.place(va, at, next() % 3 === 0 ? { APTable: next() % 4 } : {});
    if ((tables.store.read(place)[0] & 3) !== 0) continue;
    // Some reserved types, some addresses that may be too large.
    const out = Math.floor(((next() / 2 ** 32) * 2 ** (isWide(fmt) ? 52 : 48)) / spanOf(fmt, at)) * spanOf(fmt, at);
    const kind = at === 0 ? "page" : "block";
    tables.put(place, next() % 8 === 0 ? [next() & ~2, next()] : descriptor(fmt, 1, kind, out));
  }
  return { tables, inputBits };
}

describe.each(VMSAV8_FORMATS)("scan of $id", (fmt) => {
  it.each([1, 2, 3, 4, 128383])("visits exactly what a walk finds, seed %i", (seed) => {
    const { tables, inputBits } = randomTables(fmt, seed);
    const outputBits = seed % 2 === 0 ? 44 : isWide(fmt) ? 52 : 48;
    const met = visit(rootOf(tables, outputBits), new StoreReader(tables.store as SparseStore));
    expect([met.complete, met.open]).toEqual([true, 0]);
    // What was visited is found.
    const found = met.leaves.map(({ va }) => {
      const { end, cursor } = walkAt(tables, va, outputBits);
      const { atHi, atLo, outHi, outLo, level, inherited } = cursor;
      return { end, at: join(atHi, atLo), level, va, out: join(outHi, outLo), inherited };
    });
    expect(found).toEqual(met.leaves.map((leaf) => ({ end: WalkEnd.Leaf, ...leaf })));
    const ends: Readonly<Record<string, WalkEnd>> = {
      reserved: WalkEnd.Reserved,
      "address size": WalkEnd.AddressSize,
    };
    for (const { why, va, at } of met.bad) {
      const { end, cursor } = walkAt(tables, va, outputBits);
      expect([end, join(cursor.atHi, cursor.atLo)]).toEqual([ends[why], at]);
    }
    // What is found was visited: at every entry written, and at random addresses.
    const visited = new Map(met.leaves.map((leaf) => [leaf.at, leaf]));
    const broken = new Set(met.bad.map((bad) => bad.at));
    const missed: unknown[] = [];
    const next = xorshift32(seed + 1);
    const addresses = Array.from({ length: 200 }, () => Math.floor((next() / 2 ** 32) * 2 ** inputBits));
    for (const va of [...addresses, ...met.leaves.map((leaf) => leaf.va + (next() % 4096))]) {
      const { end, cursor } = walkAt(tables, va, outputBits);
      const at = join(cursor.atHi, cursor.atLo);
      const isBroken = end === WalkEnd.Reserved || end === WalkEnd.AddressSize;
      if ((end === WalkEnd.Leaf) !== visited.has(at) || isBroken !== broken.has(at)) missed.push([va, end]);
    }
    expect(missed).toEqual([]);
    const written = new Set(tables.written);
    expect([...visited.keys(), ...broken].every((at) => written.has(at))).toBe(true);
  });

  it("comes to the same piece by piece, and tells how far it is", () => {
    const { tables } = randomTables(fmt, 4711);
    const root = rootOf(tables, 52);
    for (const limits of [ENOUGH, { ...ENOUGH, leaves: 9 }, { ...ENOUGH, tables: 5 }]) {
      const shares: number[] = [];
      const pieces = visit(root, new StoreReader(tables.store as SparseStore), limits, (...all) => {
        const whole = new TableScan(...all);
        while (whole.advance(1)) shares.push(whole.share);
        expect(whole.advance(1)).toBe(false);
        return whole.complete;
      });
      expect(pieces).toEqual(visit(root, new StoreReader(tables.store as SparseStore), limits));
      expect(shares).toEqual(shares.toSorted((a, b) => a - b));
      expect(shares.every((share) => share >= 0 && share <= 1)).toBe(true);
    }
  });

  it("goes in ascending order of address and tells each table with its first address", () => {
    const { tables } = randomTables(fmt, 4711);
    const met = visit(rootOf(tables, 52), new StoreReader(tables.store as SparseStore));
    const order = met.leaves.map((leaf) => leaf.va);
    expect(order).toEqual([...order].sort((a, b) => a - b));
    expect(met.tables[0]).toEqual({ at: tables.root, level: tables.level, va: 0, entries: tables.entries });
    for (const table of met.tables.slice(1)) {
      expect(table.entries).toBe(2 ** fmt.strideLg2);
      expect(table.va % spanOf(fmt, table.level + 1)).toBe(0);
    }
  });

  it("takes the last address below the output size, and no table or leaf at or beyond it", () => {
    for (const bits of [32, 44, isWide(fmt) ? 51 : 47]) {
      const tables = new TableBuilder(fmt, new SparseStore(), 1, 1, entrySizeLg2(fmt, 1) + 2);
      const page = spanOf(fmt, 0);
      tables.map(0, 0, 2 ** bits - page);
      tables.map(page, 0, 2 ** bits);
      tables.put(tables.place(spanOf(fmt, 1), 1), descriptor(fmt, 1, "table", 2 ** bits));
      const met = visit(rootOf(tables, bits), new StoreReader(tables.store as SparseStore));
      expect(met.leaves.map((leaf) => leaf.out)).toEqual([2 ** bits - page]);
      expect(met.bad.map(({ why, va }) => [why, va])).toEqual([
        ["address size", page],
        ["address size", spanOf(fmt, 1)],
      ]);
    }
  });

  it("tells neighbours that cannot be read for one reason as one run", () => {
    const tables = new TableBuilder(fmt, new SparseStore(), 1, 0, fmt.granuleLg2 + 4);
    tables.map(0, 0, 0);
    const at = (i: number): number => tables.root + 8 * i;
    const lost = new Map([3, 4, 5, 6, 9, 15].map((i) => [at(i), i < 6 ? 1 : 2]));
    const met = visit(rootOf(tables, 48), new StoreReader(tables.store as SparseStore, lost));
    expect(met.bad.map((b) => [(b.at - tables.root) / 8, b.entries, b.code, b.va / spanOf(fmt, 0)])).toEqual([
      [3, 3, 1, 3],
      [6, 1, 2, 6],
      [9, 1, 2, 9],
      [15, 1, 2, 15],
    ]);
    expect(met.leaves).toHaveLength(1);
  });

  it("stops at its bound of tables when tables point at themselves", () => {
    const store = new SparseStore();
    const tables = new TableBuilder(fmt, store, 1, fmt.topLevel, entrySizeLg2(fmt, fmt.topLevel) + 1);
    const loop = store.allocate(8 * 2 ** fmt.strideLg2);
    const toLoop = descriptor(fmt, 1, "table", loop);
    for (let i = 0; i < 2 ** fmt.strideLg2; i++) store.write(loop + 8 * i, toLoop);
    for (const i of [0, 1]) store.write(tables.root + 8 * i, toLoop);
    const met = visit(rootOf(tables, 48), new StoreReader(store), { tables: 20, leaves: 1 << 30, entries: 1 << 23 });
    expect([met.complete, met.tables.length]).toEqual([false, 20]);
    // A table that is its own leaf table is a table of pages at level 0: as many leaves as the bound allows.
    const few = visit(rootOf(tables, 48), new StoreReader(store), { tables: 1 << 30, leaves: 1000, entries: 1 << 23 });
    expect([few.complete, few.leaves.length]).toEqual([false, 1000]);
  });

  it("stops at its bound of entries read, looped tables that map nothing too", () => {
    const store = new SparseStore();
    const tables = new TableBuilder(fmt, store, 1, 1, entrySizeLg2(fmt, 1) + fmt.strideLg2);
    const empty = descriptor(fmt, 1, "table", store.allocate(8 * 2 ** fmt.strideLg2));
    for (let i = 0; i < tables.entries; i++) store.write(tables.root + 8 * i, empty);
    const entries = 9 * 2 ** fmt.strideLg2;
    const reader = new StoreReader(store);
    const met = visit(rootOf(tables, 48), reader, { ...ENOUGH, entries });
    expect([met.complete, met.tables.length, met.leaves.length]).toEqual([false, 9, 0]);
    expect(reader.reads).toBeLessThanOrEqual(entries);
  });

  it("stops at its bound of leaves: broken entries count too", () => {
    const store = new SparseStore();
    const tables = new TableBuilder(fmt, store, 1, 1, entrySizeLg2(fmt, 1) + 4);
    const broken = store.allocate(8 * 2 ** fmt.strideLg2);
    // A block at the last level: reserved, and next to what maps nothing, so that neighbours make no run.
    for (let i = 0; i < 2 ** fmt.strideLg2; i += 2) store.write(broken + 8 * i, [1, 0]);
    for (let i = 0; i < 16; i++) store.write(tables.root + 8 * i, descriptor(fmt, 1, "table", broken));
    const met = visit(rootOf(tables, 48), new StoreReader(store), { tables: 100, leaves: 300, entries: 1 << 23 });
    expect([met.complete, met.bad.length + met.leaves.length]).toEqual([false, 300]);
  });

  it.each([11, 12, 13])("never throws on random memory and keeps its bounds, seed %i", (seed) => {
    const next = xorshift32(seed);
    const store = new SparseStore();
    const bytes = 2 ** fmt.granuleLg2;
    // Eight tables' worth of words; pointers mostly lead back among them.
    for (let i = 0; i < Math.min(8 * (bytes / 8), 8192); i++) {
      const kind = next() % 4 === 0 ? next() & 3 : 3;
      const wild = next() % 16 === 0;
      const target = 0x10_0000 + (next() % 8) * bytes;
      store.write(0x10_0000 + 8 * i, wild ? [next(), next()] : [target + kind, next() & 0xff000000]);
    }
    const limits = { tables: 40, leaves: 2000, entries: 1 << 23 };
    const level = next() % (fmt.topLevel + 1);
    const outputBits = [32, 36, 48, 52][next() % 4]!;
    const reader = new StoreReader(store);
    const root = { fmt, at: 0x10_0000, level, entries: 2 ** (next() % (fmt.strideLg2 + 2)), outputBits };
    const met = visit(root, reader, limits);
    expect(met.tables.length).toBeLessThanOrEqual(limits.tables);
    expect(met.leaves.length).toBeLessThanOrEqual(limits.leaves);
    expect(met.complete).toBe(met.open === 0);
    // An entry that ends a run of unreadable ones is read twice.
    expect(reader.reads).toBeLessThanOrEqual(2 * limits.entries);
    for (const { out } of met.leaves) expect(out).toBeLessThan(2 ** outputBits);
  });
});
