import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ringOf } from "./ring.ts";

const queues = fc
  .record({ lg2: fc.integer({ min: 0, max: 19 }), consumer: fc.nat(), waiting: fc.nat() })
  .map(({ lg2, consumer, waiting }) => {
    const entries = 2 ** lg2;
    const held = waiting % (entries + 1);
    return { entries, consumer: consumer % entries, waiting: held, producer: ((consumer % entries) + held) % entries };
  });

describe("A ring", () => {
  it("has each slot once, the consumer among them, and marks what waits as far as it is in view", () => {
    fc.assert(
      fc.property(queues, (queue) => {
        const ring = ringOf(queue, 90, 60);
        expect(ring.slots.length).toBe(Math.min(48, queue.entries));
        expect(new Set(ring.slots.map((s) => s.index)).size).toBe(ring.slots.length);
        expect(ring.slots.some((s) => s.index === queue.consumer)).toBe(true);
        expect(ring.slots.filter((s) => s.state === "next").length).toBe(queue.waiting > 0 ? 1 : 0);
        const waiting = ring.slots.filter((s) => s.state === "next" || s.state === "waiting").length;
        expect(waiting).toBeLessThanOrEqual(queue.waiting);
        if (ring.whole) expect(waiting).toBe(queue.waiting);
        else if (queue.waiting < 40) expect(waiting).toBe(queue.waiting);
        for (const s of ring.slots) expect(s.path).not.toContain("NaN");
      }),
    );
  });

  it("stands still while the consumer moves within its window", () => {
    const at = (consumer: number): number[] =>
      ringOf({ entries: 1024, consumer, producer: 20, waiting: 20 - consumer }, 90, 60).slots.map((s) => s.index);
    expect(at(3)).toEqual(at(19));
  });

  it("points from the top for slot 0", () => {
    const ring = ringOf({ entries: 16, consumer: 0, producer: 4, waiting: 4 }, 90, 60);
    expect(ring.consumer).toBe(0);
    expect(ring.producer).toBeCloseTo(Math.PI / 2);
    expect(ring.slots.map((s) => s.state).slice(0, 6)).toEqual([
      "next",
      "waiting",
      "waiting",
      "waiting",
      "free",
      "free",
    ]);
  });
});
