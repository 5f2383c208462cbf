import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { OverlapRow } from "../../protocol/overlaps.ts";
import { markedParts, markedRanges, overlapCells, planOverlaps } from "./overlap_strip.ts";

const row = (
  from: number,
  pages: number,
  ...reaches: readonly (readonly [context: number, count: number])[]
): OverlapRow => ({
  from: BigInt(from * 0x1000),
  to: BigInt((from + pages) * 0x1000),
  reaches: reaches.map(([context, count]) => ({ context, count, permissions: 3, inputs: [] })),
  reached: reaches.length,
});

describe("lanes of the overlap strip", () => {
  const rows = [row(1, 1, [1, 1], [2, 1]), row(2, 4, [0, 1], [2, 1]), row(10, 1, [2, 1], [3, 1])];
  it("are the chosen context's first, then by how much they share; the rest is counted", () => {
    expect(planOverlaps(rows, 3)).toMatchObject({ lanes: [0, 2, 1], hidden: 1 });
    expect(planOverlaps([], 3)).toMatchObject({ lanes: [], hidden: 0 });
  });
  it("have ranges that touch side by side, and a gap where memory lies between", () => {
    const { from, to } = planOverlaps(rows, 3);
    expect(from[1]).toBe(to[0]);
    expect(from[2]).toBeGreaterThan(to[1]!);
    expect([from[0], to[2]]).toEqual([0, 1]);
  });
});

describe("cells of the overlap strip", () => {
  const many = fc.array(
    fc.record({
      skip: fc.nat(2),
      pages: fc.integer({ min: 1, max: 600 }),
      reaches: fc.array(fc.tuple(fc.nat(9), fc.integer({ min: 1, max: 5 })), { minLength: 1, maxLength: 5 }),
    }),
    { minLength: 1, maxLength: 300 },
  );
  it("show every part of a lane's context in view once, at whatever width", () => {
    fc.assert(
      fc.property(many, fc.integer({ min: 1, max: 900 }), (parts, width) => {
        let at = 0;
        const rows = parts.map(({ skip, pages, reaches }) => {
          const made = row(at + skip, pages, ...reaches);
          at += skip + pages;
          return made;
        });
        const plan = planOverlaps(rows, 10);
        const cells = overlapCells(rows, plan, { from: 0, to: 1, width });
        for (const [i, { reaches }] of rows.entries()) {
          for (const [lane, context] of plan.lanes.entries()) {
            const own = cells.filter((c) => c.lane === lane && i >= c.first && i < c.first + c.count);
            const reached = reaches.some((reach) => reach.context === context);
            expect(own.length).toBeLessThanOrEqual(1);
            if (reached) expect(own).toHaveLength(1);
          }
        }
        for (const { x, width: w } of cells) expect(x >= 0 && x + w <= width + 1e-6).toBe(true);
      }),
      { numRuns: 60 },
    );
  });
});

describe("marked parts of a box", () => {
  const marks = markedRanges([
    [0x1000n, 0x3000n],
    [0x8000n, 0x9000n],
    [0xffff_ffff_ffff_f000n, 1n << 64n],
  ]);
  it.each([
    [0, 0x1000, []],
    [0, 0x4000, [[0.25, 0.75]]],
    [0x2000, 0x3000, [[0, 1]]],
    [
      0,
      0x1_0000,
      [
        [1 / 16, 3 / 16],
        [0.5, 9 / 16],
      ],
    ],
    [2 ** 64 - 0x2000, 2 ** 64, [[0.5, 1]]],
  ])("from %i to %i are %j", (from, to, parts) => {
    expect(markedParts(marks, from, to)).toEqual(parts);
  });
  it("are the whole box where there are more than can be told apart", () => {
    const comb = markedRanges(Array.from({ length: 100 }, (_, i) => [BigInt(2 * i), BigInt(2 * i + 1)] as const));
    expect(markedParts(comb, 0, 200)).toEqual([[0, 1]]);
  });
});
