import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { laneMarks, laneTicks, within, zoomed } from "./lane_marks.ts";

describe("Marks of a log", () => {
  it("stand for every action in view once, and never outnumber what the width can show", () => {
    const logs = fc.uint8Array({ min: 0, max: 2, maxLength: 5000 });
    fc.assert(
      fc.property(logs, fc.integer({ min: 50, max: 2000 }), (log, width) => {
        const marks = laneMarks(log, { width, view: { from: 0, to: log.length }, lanes: 3 });
        expect(marks.reduce((sum, m) => sum + m.count, 0)).toBe(log.length);
        for (let lane = 0; lane < 3; lane++) {
          const mine = marks.filter((m) => m.lane === lane);
          expect(mine.reduce((sum, m) => sum + m.count, 0)).toBe(log.filter((l) => l === lane).length);
          expect(mine.length).toBeLessThanOrEqual(width / 3 + 1);
        }
      }),
    );
  });

  it("are one to an action where there is room, in the place of the action", () => {
    const marks = laneMarks(Uint8Array.of(0, 1, 1, 2), { width: 400, view: { from: 1, to: 3 }, lanes: 3 });
    expect(marks.map((m) => [m.lane, m.first, m.x])).toEqual([
      [1, 1, 0],
      [1, 2, 200],
    ]);
  });

  it("of 10^6 actions are made in a moment", () => {
    const log = Uint8Array.from({ length: 1_000_000 }, (_, i) => i % 3);
    const marks = laneMarks(log, { width: 1200, view: { from: 0, to: log.length }, lanes: 3 });
    expect(marks.length).toBeLessThanOrEqual(3 * 401);
  });
});

describe("The view", () => {
  it("never leaves the log, however it is moved and scaled", () => {
    const numbers = fc.double({ min: -1e6, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100_000 }),
        numbers,
        fc.double({ min: 0.01, max: 100, noNaN: true }),
        (count, at, factor) => {
          for (const view of [
            zoomed({ from: 0, to: count }, factor, at, count),
            within({ from: at, to: at + 10 }, count),
          ]) {
            expect(view.from).toBeGreaterThanOrEqual(0);
            expect(view.to).toBeLessThanOrEqual(count + 1e-6);
            expect(view.to).toBeGreaterThan(view.from);
          }
        },
      ),
    );
  });

  it("has ticks at whole actions", () => {
    expect(laneTicks(300, { from: 0, to: 3 }).map((t) => t.at)).toEqual([0, 1, 2, 3]);
    expect(laneTicks(900, { from: 0, to: 100_000 }).length).toBeLessThan(14);
  });
});
