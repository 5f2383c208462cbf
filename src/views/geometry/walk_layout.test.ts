import { describe, expect, it } from "vitest";
import type { WalkAnswer } from "../../protocol/engine.ts";
import { traceSteps, walkStages } from "../common/walk_reading.ts";
import * as sample from "../walk_grid/sample_walks.ts";
import { type Box, layoutWalk, type WalkLayout } from "./walk_layout.ts";
import { walkModel } from "./walk_model.ts";

const WALKS = Object.entries(sample).filter(([name]) => name !== "packTrace") as [string, () => WalkAnswer][];
const SIZES = [
  [370, 420],
  [736, 420],
  [780, 480],
  [1180, 640],
] as const;

const place = (a: WalkAnswer, [width, height]: readonly [number, number], configOpen = false): WalkLayout =>
  layoutWalk(walkModel(traceSteps(a), walkStages(a)), { width, height, strips: 2, configOpen });

const overlap = (a: Box, b: Box): boolean =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

describe.each(WALKS)("layout of %s", (_, walk) => {
  it.each(SIZES)("stays within %i px and lets no two cells overlap", (...size) => {
    for (const open of [false, true]) {
      const l = place(walk(), size, open);
      const cells = l.rows.flatMap((r) => r.cells);
      for (const c of cells) {
        expect(c.x).toBeGreaterThanOrEqual(l.left);
        expect(c.x + c.width).toBeLessThanOrEqual(l.right + 0.01);
        expect(c.y + c.height).toBeLessThanOrEqual(l.height);
      }
      const boxes = [...cells, ...l.items];
      const pairs = boxes.flatMap((a, i) => boxes.slice(i + 1).map((b) => [a, b] as const));
      expect(pairs.filter(([a, b]) => overlap(a, b))).toEqual([]);
    }
  });

  it("keeps connector lines out of every cell", () => {
    const l = place(walk(), SIZES[1], true);
    const cells = l.rows.flatMap((r) => r.cells);
    for (const line of l.connectors) {
      line.points.slice(1).forEach(([x2, y2], i) => {
        const [x1, y1] = line.points[i]!;
        const box = { x: Math.min(x1, x2), y: Math.min(y1, y2), width: Math.abs(x2 - x1), height: Math.abs(y2 - y1) };
        for (const c of cells) expect(overlap(box, c)).toBe(false);
      });
    }
  });
});

describe("layout", () => {
  it("says less where there is less room", () => {
    const words = [370, 700, 1000].map((w) => place(sample.nestedOk(), [w, 400]).wording);
    expect(words).toEqual(["small", "short", "full"]);
  });

  it("grows beyond its box rather than make rows too low", () => {
    const l = place(sample.nestedDeep(), [736, 300], true);
    expect(l.height).toBeGreaterThan(300);
    expect(l.rows.every((r) => r.height >= 42)).toBe(true);
  });

  it("writes the input bits of each level over its column", () => {
    const heads = place(sample.nestedOk(), [900, 500]).heads.map((h) => [h.tables, h.bits]);
    expect(heads).toEqual([
      [3, "43:39"],
      [2, "38:30"],
      [1, "29:21"],
      [0, "20:12"],
      [null, ""],
    ]);
  });

  it("draws a connector from each stage-1 descriptor that leads on, and from no other", () => {
    expect(place(sample.nestedOk(), [900, 500]).connectors).toHaveLength(4);
    expect(place(sample.nestedTableFault(), [900, 500]).connectors).toHaveLength(3);
    expect(place(sample.stageOneOnly(), [900, 500]).connectors).toHaveLength(4);
    expect(place(sample.nestedOk(), [900, 500], true).connectors).toHaveLength(5);
  });
});
