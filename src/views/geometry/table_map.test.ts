import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { high, low } from "../../base/halves.ts";
import { MapNodeKind, type TableMapColumns } from "../../protocol/engine.ts";
import { mapBoxes, mapHoles, nodeRange, planTableMap, walkedNodes } from "./table_map.ts";

interface Node {
  readonly kind: number;
  readonly parent: number;
  readonly from: bigint;
  readonly to: bigint;
  readonly used: number;
}

function columns(nodes: readonly Node[]): TableMapColumns {
  return {
    revision: 1,
    stage: 1,
    inputBits: 48,
    granuleLg2: 12,
    startLevel: 0,
    count: nodes.length,
    truncated: false,
    leaves: 0,
    tables: 0,
    kind: Uint8Array.from(nodes, (n) => n.kind),
    level: Uint8Array.from(nodes, () => 1),
    parent: Int32Array.from(nodes, (n) => n.parent),
    fromLo: Uint32Array.from(nodes, (n) => low(n.from)),
    fromHi: Uint32Array.from(nodes, (n) => high(n.from)),
    toLo: Uint32Array.from(nodes, (n) => low(n.to)),
    toHi: Uint32Array.from(nodes, (n) => high(n.to)),
    atLo: new Uint32Array(nodes.length),
    atHi: new Uint32Array(nodes.length),
    used: Uint32Array.from(nodes, (n) => n.used),
    permissions: new Uint8Array(nodes.length),
    reason: new Uint16Array(nodes.length),
  };
}

const { Table, Leaves, Bad } = MapNodeKind;
const node = (kind: number, parent: number, from: bigint, to: bigint, used = 1): Node => ({
  kind,
  parent,
  from,
  to,
  used,
});

/** A root over two tables: eight pages in the first; one page and a bad entry in the second. */
const SMALL = columns([
  node(Table, -1, 0n, 0x1000000n, 2),
  node(Table, 0, 0n, 0x200000n, 8),
  node(Leaves, 1, 0n, 0x8000n, 8),
  node(Table, 0, 0x200000n, 0x400000n, 2),
  node(Leaves, 3, 0x200000n, 0x201000n, 1),
  node(Bad, 3, 0x201000n, 0x202000n, 1),
]);

describe("plan of a table map", () => {
  it("stands every table over what hangs below it, widths by leaves", () => {
    const plan = planTableMap(SMALL, "leaves");
    expect([...plan.row]).toEqual([0, 1, 2, 1, 2, 2]);
    const spans = [...plan.from].map((f, i) => [f, plan.to[i]!].map((v) => Math.round(v * 10)));
    expect(spans).toEqual([
      [0, 10],
      [0, 8],
      [0, 8],
      [8, 10],
      [8, 9],
      [9, 10],
    ]);
  });

  it("gives small runs more room when widths are even", () => {
    const share = (scale: "leaves" | "even"): number => {
      const plan = planTableMap(SMALL, scale);
      return plan.to[4]! - plan.from[4]!;
    };
    expect(share("even")).toBeGreaterThan(share("leaves"));
  });

  it("keeps children within their parents, side by side, for any tree", () => {
    const parents = fc.array(fc.nat(), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(parents, fc.constantFrom("leaves" as const, "even" as const), (seeds, scale) => {
        const nodes: Node[] = [];
        seeds.forEach((seed, i) => {
          const tables = nodes.flatMap((n, j) => (n.kind === Table ? [j] : []));
          const parent = i === 0 ? -1 : tables[seed % tables.length]!;
          nodes.push(node(i === 0 || seed % 3 === 0 ? Table : Leaves, parent, 0n, 1n, (seed % 512) + 1));
        });
        const plan = planTableMap(columns(nodes), scale);
        expect(plan.from[0]).toBe(0);
        expect(plan.to[0]).toBeCloseTo(1);
        nodes.forEach((n, i) => {
          if (n.parent < 0) return;
          expect(plan.from[i]!).toBeGreaterThanOrEqual(plan.from[n.parent]! - 1e-9);
          expect(plan.to[i]!).toBeLessThanOrEqual(plan.to[n.parent]! + 1e-9);
          nodes.forEach((other, j) => {
            if (j > i && other.parent === n.parent) expect(plan.from[j]!).toBeGreaterThanOrEqual(plan.to[i]! - 1e-9);
          });
        });
      }),
    );
  });
});

describe("boxes in view", () => {
  it("join neighbours too narrow to tell apart, and keep what is bad among them", () => {
    const many = columns([
      node(Table, -1, 0n, 0x1000000n, 512),
      ...Array.from({ length: 512 }, (_, i) => node(i === 300 ? Bad : Leaves, 0, BigInt(i), BigInt(i + 1))),
    ]);
    const plan = planTableMap(many, "leaves");
    const boxes = mapBoxes(many, plan, { from: 0, to: 1, width: 400 });
    expect(boxes.length).toBeLessThan(220);
    expect(boxes.reduce((sum, b) => sum + b.count, 0)).toBe(513);
    const bad = boxes.filter((b) => b.bad);
    expect(bad).toHaveLength(1);
    expect(bad[0]!.first <= 301 && 301 < bad[0]!.first + bad[0]!.count).toBe(true);
  });

  it("are those of the zoomed part, cut at its edges", () => {
    const plan = planTableMap(SMALL, "leaves");
    const boxes = mapBoxes(SMALL, plan, { from: 0.8, to: 1, width: 200 });
    expect(boxes.map((b) => b.first)).toEqual([0, 3, 4, 5]);
    expect(boxes.map((b) => [Math.round(b.x), Math.round(b.width)])).toEqual([
      [0, 200],
      [0, 200],
      [0, 100],
      [100, 100],
    ]);
  });
});

describe("holes", () => {
  /** Two pages, a hole of three, a page; then, in the next table, one more behind a hole of the tables themselves. */
  const holed = columns([
    node(Table, -1, 0n, 0x8000_0000n, 2),
    node(Table, 0, 0n, 0x20_0000n, 3),
    node(Leaves, 1, 0x1000n, 0x3000n, 2),
    node(Leaves, 1, 0x6000n, 0x7000n),
    node(Table, 0, 0x40_0000n, 0x60_0000n, 1),
    node(Leaves, 4, 0x40_0000n, 0x40_1000n),
  ]);
  const view = { from: 0, to: 1, width: 400 };
  const seen = (map: TableMapColumns, width: number) => {
    const plan = planTableMap(map, "even");
    return mapHoles(map, plan, mapBoxes(map, plan, { ...view, width }), { ...view, width });
  };
  it("are what lies between neighbours of a table that do not touch", () => {
    expect(seen(holed, 400).map(({ row, from, to }) => [row, from, to])).toEqual([
      [2, 0x3000n, 0x6000n],
      [1, 0x20_0000n, 0x40_0000n],
    ]);
    expect(seen(SMALL, 400)).toEqual([]);
  });
  it("lie beside the boxes, and are left out where they are too narrow", () => {
    const plan = planTableMap(holed, "even");
    const boxes = mapBoxes(holed, plan, view);
    for (const hole of mapHoles(holed, plan, boxes, view)) {
      const own = boxes.filter(({ row }) => row === hole.row);
      expect(own.some(({ x, width }) => x < hole.x + hole.width - 1e-9 && x + width > hole.x + 1e-9)).toBe(false);
    }
    expect(seen(holed, 12)).toEqual([]);
  });
});

describe("path of a walk", () => {
  it("is every node that covers the address", () => {
    expect([...walkedNodes(SMALL, [0x200123n])]).toEqual([0, 3, 4]);
    expect([...walkedNodes(SMALL, [])]).toEqual([]);
  });

  it("reaches the last byte of the 64-bit space", () => {
    const top = columns([node(Table, -1, 0xffff_8000_0000_0000n, 1n << 64n)]);
    expect(nodeRange(top, 0).to).toBe(1n << 64n);
    expect([...walkedNodes(top, [0xffff_ffff_ffff_ffffn])]).toEqual([0]);
  });
});
