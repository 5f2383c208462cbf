import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { eventRate } from "./event_rate.ts";

describe("The rate of events", () => {
  it("counts every record of a shown kind once, in the bucket it lies in", () => {
    const records = fc.array(fc.nat(5), { maxLength: 3000 });
    fc.assert(
      fc.property(records, fc.integer({ min: 10, max: 900 }), (list, width) => {
        const kindOf = Uint16Array.from(list);
        for (const lane of eventRate(kindOf, 5, width, 9)) {
          expect(lane.count).toBe(list.filter((k) => k === lane.kind).length);
          for (const b of lane.buckets) {
            expect(b.count).toBe(list.slice(b.from, b.to).filter((k) => k === lane.kind).length);
            expect(b.x + b.width).toBeLessThanOrEqual(width);
            expect(b.height).toBeGreaterThan(0);
            expect(b.height).toBeLessThanOrEqual(1);
          }
        }
      }),
    );
  });

  it("shows the most frequent kinds first, and no more than asked", () => {
    const lanes = eventRate(Uint16Array.of(2, 1, 1, 3, 3, 3), 4, 100, 2);
    expect(lanes.map((l) => [l.kind, l.count])).toEqual([
      [3, 3],
      [1, 2],
    ]);
    expect(eventRate(new Uint16Array(0), 4, 100, 2)).toEqual([]);
  });
});
