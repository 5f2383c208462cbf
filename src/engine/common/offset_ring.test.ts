import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MemoryStatus, PhysicalMemory } from "../memory/physical_memory.ts";
import { OffsetRing, RING_ABORT, RING_FULL } from "./offset_ring.ts";

const WORDS = 4;
const BYTES = 16;

/** A ring of `records` records at an address, over memory below 2^33 but for one page that does not answer. */
function ringOf(records: number, hi = 0, lo = 0x1000) {
  const memory = new PhysicalMemory({
    outside: "abort",
    zero: [
      [0, 0x8000],
      [0x9000, 2 ** 33],
    ],
    segments: [],
  });
  const ring = new OffsetRing(memory, WORDS);
  ring.place(hi, lo, records * BYTES);
  return { memory, ring };
}

describe("A ring of byte offsets", () => {
  it("gives records back in order, as many as are between head and tail, and never fills its last place", () => {
    const step = fc.oneof(fc.constant("put" as const), fc.constant("take" as const));
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 5 }), fc.array(step, { maxLength: 40 }), (records, steps) => {
        const { ring } = ringOf(records);
        const model: number[] = [];
        const into = new Int32Array(WORDS);
        let [head, tail, count] = [0, 0, 0];
        for (const what of steps) {
          if (what === "put") {
            const next = ring.append(head, tail, [count, -count, count ^ 5, 7]);
            expect(next === RING_FULL).toBe(model.length === records - 1);
            if (next !== RING_FULL) {
              tail = next;
              model.push(count);
            }
            count++;
          } else if (head !== tail) {
            expect(ring.read(head, into)).toBe(MemoryStatus.Ok);
            const first = model.shift()!;
            expect([...into]).toEqual([first, -first | 0, first ^ 5, 7]);
            head = ring.next(head);
          }
          expect(ring.used(head, tail)).toBe(model.length);
        }
      }),
    );
  });

  it("takes any value of an index register: within the ring, at the start of a record", () => {
    const { ring } = ringOf(3);
    expect([0, 15, 16, 47, 48, 67, -16].map((index) => ring.offsetOf(index))).toEqual([
      0,
      0,
      16,
      32,
      0,
      16,
      (2 ** 32 - 16) % 48,
    ]);
  });

  it("takes the words of a record from an index on", () => {
    const { memory, ring } = ringOf(4);
    expect(ring.append(0, 16, [9, 9, 1, 2, 3, 4], 2)).toBe(32);
    memory.read64(0, 0x1018);
    expect([memory.lo, memory.hi]).toEqual([3, 4]);
  });

  it("goes on where the address passes 4 GiB", () => {
    const { memory, ring } = ringOf(512, 0, 0xfffff000 | 0);
    expect(ring.append(0, 0x1000, [1, 2, 3, 4])).toBe(0x1010);
    expect([ring.atHi, ring.atLo]).toEqual([1, 0]);
    memory.read64(1, 8);
    expect([memory.lo, memory.hi]).toEqual([3, 4]);
  });

  it("says that nothing answers, and does not move", () => {
    const { ring } = ringOf(4, 0, 0x8000);
    expect(ring.append(0, 16, [1, 2, 3, 4])).toBe(RING_ABORT);
    expect(ring.read(16, new Int32Array(WORDS))).toBe(MemoryStatus.Abort);
    expect([ring.atHi, ring.atLo]).toEqual([0, 0x8010]);
  });
});
