import { describe, expect, it } from "vitest";
import { fromHalves, highHalf, lowHalf } from "../base/address.ts";
import { xorshift32 } from "../base/rng.ts";
import { type EntryMaker, PageTables, type Rights, type TableStore } from "./build.ts";
import { amdV1Entries } from "./entries/amdv1.ts";
import { vmsav8Entries } from "./entries/vmsav8.ts";
import { vtdSecondEntries } from "./entries/vtd_second.ts";
import { x86Entries } from "./entries/x86_64.ts";
import { entrySizeLg2 } from "./format.ts";
import { Cursor, WalkEnd, walk } from "./walk.ts";

/** Tables in a map of words, with a limit. */
class Store implements TableStore {
  readonly words = new Map<number, readonly [number, number]>();
  hi = 0;
  lo = 0;
  #next = 0x10_0000;
  left: number;

  constructor(tables = 1000) {
    this.left = tables;
  }

  allocate(bytes: number): number | null {
    if (this.left-- <= 0) return null;
    const at = Math.ceil(this.#next / bytes) * bytes;
    this.#next = at + bytes;
    return at;
  }

  read(at: number): void {
    [this.hi, this.lo] = this.words.get(at) ?? [0, 0];
  }

  isZero(at: number, bytes: number): boolean {
    return Array.from({ length: bytes / 8 }, (_, i) => this.words.get(at + 8 * i) ?? [0, 0])
      .flat()
      .every((half) => half === 0);
  }

  write(at: number, hi: number, lo: number): void {
    this.words.set(at, [hi, lo]);
  }
}

const ALL: Rights = { read: true, write: true, execute: true, user: true };

interface Subject {
  readonly name: string;
  readonly maker: EntryMaker;
  readonly level: number;
  readonly inputBits: number;
}

const SSLPS = { largePages: 3, snoop: true, transientMapping: false };
const vmsa = (stage: 1 | 2, granuleLg2: 12 | 14 | 16, wide: boolean, level: number, inputBits: number): Subject => ({
  name: `VMSAv8 stage ${stage}, ${2 ** (granuleLg2 - 10)} KiB${wide ? ", 52 bits" : ""}`,
  maker: vmsav8Entries(stage, granuleLg2, wide),
  level,
  inputBits,
});

const SUBJECTS: readonly Subject[] = [
  vmsa(1, 12, false, 3, 48),
  vmsa(2, 12, false, 2, 40),
  vmsa(1, 14, false, 2, 47),
  vmsa(2, 16, false, 2, 48),
  vmsa(2, 16, true, 2, 48),
  vmsa(1, 12, true, 3, 48),
  { name: "x86-64, 4 levels", maker: x86Entries(4, true, true), level: 3, inputBits: 48 },
  { name: "x86-64, 5 levels", maker: x86Entries(5, false, false), level: 4, inputBits: 57 },
  { name: "VT-d second stage", maker: vtdSecondEntries(SSLPS, false), level: 3, inputBits: 48 },
  {
    name: "VT-d second stage, pages of 4 KiB",
    maker: vtdSecondEntries({ ...SSLPS, largePages: 0 }, true),
    level: 2,
    inputBits: 39,
  },
  { name: "AMD-Vi host tables", maker: amdV1Entries(false), level: 2, inputBits: 39 },
];

function treeOf({ maker, level, inputBits }: Subject, store = new Store()): { tables: PageTables; store: Store } {
  const shape = { level, inputBits };
  const root = store.allocate(PageTables.rootBytes(maker.fmt, shape)) ?? 0;
  return { tables: new PageTables(maker, store, shape, root), store };
}

/** Where `va` leads by the walker; null where it leads nowhere. */
function reach(
  { maker, level, inputBits }: Subject,
  { tables, store }: ReturnType<typeof treeOf>,
  va: number,
): number | null {
  const c = new Cursor(1);
  c.tableHi = highHalf(tables.root) | 0;
  c.tableLo = lowHalf(tables.root);
  c.level = level;
  c.rootMask = 2 ** (inputBits - entrySizeLg2(maker.fmt, level)) - 1;
  c.vaHi = highHalf(va) | 0;
  c.vaLo = lowHalf(va);
  const reader = {
    read(cursor: Cursor, atHi: number, atLo: number): boolean {
      store.read(fromHalves(atHi, atLo));
      cursor.hi = store.hi | 0;
      cursor.lo = store.lo | 0;
      return true;
    },
  };
  return walk(maker.fmt, reader, c, null) === WalkEnd.Leaf ? fromHalves(c.outHi, c.outLo) : null;
}

describe.each(SUBJECTS)("Tables built for $name", (subject) => {
  const page = 2 ** subject.maker.fmt.granuleLg2;
  const top = subject.maker.fmt.id.endsWith("-52") ? 2 ** 52 : 2 ** 46;

  it.each([1, 2, 3])("map what was asked for and nothing else, seed %i", (seed) => {
    const next = xorshift32(seed);
    const tree = treeOf(subject);
    const mapped: (readonly [va: number, pa: number, bytes: number])[] = [];
    const pages = 2 ** subject.inputBits / page;
    for (let i = 0; i < 40; i++) {
      const big = next() % 3 === 0 ? 2 ** entrySizeLg2(subject.maker.fmt, 1) / page : 1;
      const va = Math.floor((next() / 2 ** 32) * (pages / big)) * big * page;
      const pa = Math.floor((next() / 2 ** 32) * (top / page / big)) * big * page;
      const bytes = Math.min(
        (1 + (next() % 20)) * page * (big === 1 ? 1 : big / 4),
        2 ** subject.inputBits - va,
        top - pa,
      );
      const overlaps = mapped.some(([v, , b]) => va < v + b && v < va + bytes);
      expect(tree.tables.map(va, pa, bytes, ALL)?.why ?? null).toBe(overlaps ? "already mapped" : null);
      if (!overlaps) mapped.push([va, pa, bytes]);
    }
    for (const [va, pa, bytes] of mapped) {
      for (const at of [0, bytes - page, Math.floor(bytes / page / 2) * page])
        expect(reach(subject, tree, va + at)).toBe(pa + at);
      if (!mapped.some(([v, , b]) => va + bytes >= v && va + bytes < v + b) && va + bytes < 2 ** subject.inputBits) {
        expect(reach(subject, tree, va + bytes)).toBeNull();
      }
    }
    const total = mapped.reduce((sum, [, , bytes]) => sum + bytes, 0);
    expect(tree.tables.unmap(0, 2 ** subject.inputBits).bytes).toBe(total);
    for (const [va] of mapped) expect(reach(subject, tree, va)).toBeNull();
  });

  it("keep tables that are left empty where asked to, and give them back when nothing has filled them again", () => {
    const tree = treeOf(subject);
    const whole = 2 ** subject.inputBits;
    expect(tree.tables.map(5 * page, 3 * page, page, ALL)).toBeNull();
    expect(tree.tables.unmap(0, whole, true)).toMatchObject({ bytes: page, tables: [], emptied: true });
    const left = tree.store.left;
    expect(tree.tables.map(6 * page, 3 * page, page, ALL)).toBeNull();
    expect(tree.store.left).toBe(left);
    expect(tree.tables.prune(0, whole)).toEqual([]);
    expect(reach(subject, tree, 6 * page)).toBe(3 * page);
    expect(tree.tables.unmap(0, whole, true)).toMatchObject({ bytes: page, tables: [] });
    expect(tree.tables.prune(5 * page, page)).toEqual([]);
    expect(tree.tables.prune(0, whole)).toHaveLength(subject.level);
    expect(tree.tables.prune(0, whole)).toEqual([]);
  });

  it("are left as they were by a range of which a part is mapped already", () => {
    const tree = treeOf(subject);
    const far = 2 ** (subject.inputBits - 1);
    for (const va of [page, far]) {
      expect(tree.tables.map(va, 3 * page, page, ALL)).toBeNull();
      const { left } = tree.store;
      const refused = tree.tables.map(va - page, 5 * page, 2 * page, ALL);
      expect(refused?.why).toBe("already mapped");
      // What was made for it comes back, and nothing else.
      expect(tree.store.left).toBe(left - refused!.tables.length);
      expect([reach(subject, tree, va - page), reach(subject, tree, va)]).toEqual([null, 3 * page]);
      expect(tree.tables.prune(0, 2 ** subject.inputBits)).toEqual([]);
    }
  });

  it("use the largest leaf that fits, and split it when a part of it is unmapped", () => {
    const tree = treeOf(subject);
    const large = subject.maker.leafLevels > 1 ? 2 ** entrySizeLg2(subject.maker.fmt, 1) : page;
    expect(tree.tables.map(large, 3 * large, large, ALL)).toBeNull();
    expect(tree.tables.find(large)?.level).toBe(large === page ? 0 : 1);
    const { bytes, split } = tree.tables.unmap(large, page);
    expect([bytes, split.length]).toEqual([page, large === page ? 0 : 1]);
    expect(reach(subject, tree, large)).toBeNull();
    if (large > page) expect(reach(subject, tree, 2 * large - page)).toBe(4 * large - page);
  });

  it("give back the tables of which a range has all, and keep those that it leaves empty", () => {
    const tree = treeOf(subject);
    tree.tables.map(5 * page, 0, page, ALL);
    expect(tree.tables.unmap(5 * page, page)).toMatchObject({ bytes: page, tables: [], emptied: false });
    const { left } = tree.store;
    tree.tables.map(6 * page, 0, page, ALL);
    expect(tree.store.left).toBe(left);
    const below = page * 2 ** subject.maker.fmt.strideLg2;
    expect(tree.tables.unmap(0, below).tables).toHaveLength(1);
    expect(tree.tables.unmap(0, 2 ** subject.inputBits).tables).toHaveLength(subject.level - 1);
    expect([...tree.store.words.values()].every(([hi, lo]) => (hi | lo) === 0)).toBe(true);
  });

  it("are left as they were when memory for tables runs out", () => {
    const store = new Store(subject.level + 1);
    const tree = treeOf(subject, store);
    const half = 2 ** (subject.inputBits - 1);
    expect(tree.tables.map(0, 0, page, ALL)).toBeNull();
    expect(tree.tables.map(half - page, half - page, 2 * page, ALL)?.why).toBe("no memory for tables");
    expect(reach(subject, tree, half - page)).toBeNull();
    expect(reach(subject, tree, 0)).toBe(0);
  });

  it("refuse addresses that are not aligned or beyond the input range", () => {
    const { tables } = treeOf(subject);
    expect(tables.map(page / 2, 0, page, ALL)?.why).toBe("not aligned");
    expect(tables.map(2 ** subject.inputBits - page, 0, 2 * page, ALL)?.why).toBe("beyond the input range");
  });
});

describe("A tree that grows", () => {
  it.each([
    ["AMD-Vi host tables", amdV1Entries(false), 64],
    ["x86-64 tables of five levels", x86Entries(5, true, true), 57],
  ] as const)("keeps what is mapped under a table above, and takes longer addresses: %s", (_name, maker, mostBits) => {
    const store = new Store();
    const tables = new PageTables(maker, store, { level: 2, inputBits: 39 }, store.allocate(4096)!);
    expect(tables.map(0x40_0000, 0x8000_0000, 0x20_1000, ALL)).toBeNull();
    const leaf = tables.find(0x40_0000);
    const far = 2 ** (mostBits - 1);
    expect(tables.map(far, 0x9000_0000, 0x1000, ALL)?.why).toBe("beyond the input range");
    while (tables.end <= far) expect(tables.grow(mostBits)).toBe(true);
    expect([tables.level, tables.end]).toEqual([Math.ceil((mostBits - 12) / 9) - 1, 2 ** mostBits]);
    expect(tables.find(0x40_0000)).toEqual(leaf);
    expect(tables.map(far, 0x9000_0000, 0x1000, ALL)).toBeNull();
    expect(tables.find(far)).not.toBeNull();
    // The root of before is a table as any other now.
    expect(tables.unmap(0, far).bytes).toBe(0x20_1000);
    expect(tables.find(0x40_0000)).toBeNull();
  });

  it("stays as it is without memory", () => {
    const store = new Store(1);
    const tables = new PageTables(amdV1Entries(false), store, { level: 2, inputBits: 39 }, store.allocate(4096)!);
    const { root } = tables;
    expect([tables.grow(64), tables.level, tables.root]).toEqual([false, 2, root]);
  });
});
