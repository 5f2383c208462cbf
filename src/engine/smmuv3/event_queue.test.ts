import { describe, expect, it } from "vitest";
import { registerByName } from "../../arch/smmuv3/registers.ts";
import { xorshift32 } from "../../base/rng.ts";
import { EventQueue } from "./event_queue.ts";
import { EVENT_WORDS } from "./event_record.ts";
import { type Fields, World } from "./testing/world.ts";

const BASE = 0x3000_0000;

/** A queue of 2^log2Size records and the world it lies in. */
class Queue {
  readonly world: World;
  readonly #queue: EventQueue;

  constructor(log2Size: number, registers: Readonly<Record<string, Fields>> = {}) {
    this.world = new World({ EVENTQ_BASE: { ADDR: BASE, LOG2SIZE: log2Size }, ...registers });
    this.#queue = new EventQueue(this.world.registers, this.world.memory);
  }

  /** Write a record of eight words of one value. */
  write(value: number): boolean {
    return this.#queue.write(new Uint32Array(EVENT_WORDS + 3).fill(value), 3);
  }

  /** The first and last word in memory of record number `index`. */
  record(index: number, base = BASE): number[] {
    const bytes = new Uint8Array(32);
    this.world.memory.readBytes(base + 32 * index, bytes);
    const words = new Uint32Array(bytes.buffer);
    return [words[0]!, words[7]!];
  }

  /** A field of EVENTQ_PROD, or another register. */
  field(field: string, register = "EVENTQ_PROD"): number {
    return this.world.registers.field(`SMMU_${register}`, field);
  }

  /** Software writes a register. */
  store(register: string, value: number): void {
    this.world.registers.write32(registerByName(register)!.offset, value);
  }
}

describe("the Event queue, IHI 0070 §3.5, §7.2", () => {
  it("takes records one after the other and moves its write index", () => {
    const queue = new Queue(4);
    for (const value of [11, 22, 33]) expect(queue.write(value)).toBe(true);
    expect([0, 1, 2, 3].map((i) => queue.record(i))).toEqual([
      [11, 11],
      [22, 22],
      [33, 33],
      [0, 0],
    ]);
    expect([queue.field("WR"), queue.field("OVFLG")]).toEqual([3, 0]);
  });

  it("that is off takes nothing, and that is no overflow, §7.4", () => {
    const queue = new Queue(0, { CR0: { SMMUEN: 1, EVENTQEN: 0 } });
    for (let i = 0; i < 3; i++) expect(queue.write(1)).toBe(false);
    expect([queue.field("WR"), queue.field("OVFLG"), queue.record(0)]).toEqual([0, 0, [0, 0]]);
  });

  it.each([0, 1, 3])("of 2^%i records wraps, and its wrap flag turns each time round", (log2Size) => {
    const size = 2 ** log2Size;
    const queue = new Queue(log2Size);
    for (let n = 0; n < 5 * size; n++) {
      expect(queue.write(n + 1)).toBe(true);
      expect(queue.record(n % size)).toEqual([n + 1, n + 1]);
      expect(queue.field("WR")).toBe((n + 1) % (2 * size));
      queue.store("EVENTQ_CONS", (n + 1) % (2 * size));
    }
  });

  it("that is full loses records and says so once, until software acknowledges, §7.4", () => {
    const queue = new Queue(1);
    expect([queue.write(1), queue.write(2)]).toEqual([true, true]);
    expect([queue.field("WR"), queue.field("OVFLG")]).toEqual([2, 0]);
    for (let i = 0; i < 3; i++) expect(queue.write(9)).toBe(false);
    expect([queue.field("WR"), queue.field("OVFLG")]).toEqual([2, 1]);
    expect([queue.record(0), queue.record(1)]).toEqual([
      [1, 1],
      [2, 2],
    ]);
    // One is consumed, the overflow not acknowledged: records are taken, a second overflow is not told.
    queue.store("EVENTQ_CONS", 1);
    expect([queue.write(3), queue.field("OVFLG")]).toEqual([true, 1]);
    expect([queue.write(9), queue.field("OVFLG")]).toEqual([false, 1]);
    expect(queue.record(0)).toEqual([3, 3]);
    // Acknowledged: the next overflow turns the flag again.
    queue.store("EVENTQ_CONS", 0x8000_0001);
    expect([queue.write(9), queue.field("OVFLG")]).toEqual([false, 0]);
  });

  it("is no larger than IDR1.EVENTQS, and aligned to its size, §6.3.29", () => {
    const queue = new Queue(19, { IDR1: { EVENTQS: 2 }, EVENTQ_BASE: { ADDR: BASE + 0x60, LOG2SIZE: 19 } });
    for (const value of [1, 2, 3, 4]) expect(queue.write(value)).toBe(true);
    expect([queue.write(5), queue.field("WR")]).toEqual([false, 4]);
    expect([0, 3].map((i) => queue.record(i))).toEqual([
      [1, 1],
      [4, 4],
    ]);
  });

  it("may lie beyond 2^32", () => {
    const queue = new Queue(2, { EVENTQ_BASE: { ADDR: 2 ** 39 - 128, LOG2SIZE: 2 } });
    queue.write(5);
    queue.write(6);
    expect([queue.record(0, 2 ** 39 - 128), queue.record(1, 2 ** 39 - 128)]).toEqual([
      [5, 5],
      [6, 6],
    ]);
  });

  it("where nothing answers raises EVENTQ_ABT_ERR and takes nothing until that is acknowledged, §7.2.1, §7.2.2", () => {
    const queue = new Queue(2, { EVENTQ_BASE: { ADDR: 2 ** 45, LOG2SIZE: 2 } });
    expect(queue.write(1)).toBe(false);
    expect([queue.field("WR"), queue.field("EVENTQ_ABT_ERR", "GERROR")]).toEqual([0, 1]);
    // The queue moves to memory that answers, and stays unwritable while the error is active.
    queue.world.load("EVENTQ_BASE", { ADDR: BASE, LOG2SIZE: 2 });
    expect(queue.write(2)).toBe(false);
    expect([queue.record(0), queue.field("OVFLG"), queue.field("EVENTQ_ABT_ERR", "GERROR")]).toEqual([[0, 0], 0, 1]);
    queue.store("GERRORN", 1 << 2);
    expect([queue.write(3), queue.record(0)]).toEqual([true, [3, 3]]);
    // Another abort turns the flag back.
    queue.world.load("EVENTQ_BASE", { ADDR: 2 ** 45, LOG2SIZE: 2 });
    expect([queue.write(4), queue.field("EVENTQ_ABT_ERR", "GERROR")]).toEqual([false, 0]);
  });

  it.each([1, 2, 128383])("keeps every record that it took, in order, seed %i", (seed) => {
    const next = xorshift32(seed);
    const queue = new Queue(3);
    const taken: number[] = [];
    let read = 0;
    for (let n = 1; n < 300; n++) {
      if (next() % 3 > 0) {
        if (queue.write(n)) taken.push(n);
      } else if (read < taken.length) {
        expect(queue.record(read % 8)[0]).toBe(taken[read]);
        read++;
        queue.store("EVENTQ_CONS", (read % 16) + 0x8000_0000 * queue.field("OVFLG"));
      }
      expect(taken.length - read).toBeLessThanOrEqual(8);
      expect(queue.field("WR")).toBe(taken.length % 16);
    }
    expect(read).toBeGreaterThan(50);
  });

  it.each([1, 2, 3, 4, 5])("never throws, whatever its registers hold, seed %i", (seed) => {
    const next = xorshift32(seed);
    for (let i = 0; i < 100; i++) {
      const queue = new Queue(0, { IDR1: { EVENTQS: next() % 32 } });
      for (const name of ["EVENTQ_BASE", "EVENTQ_PROD", "EVENTQ_CONS"]) {
        queue.world.registers.load(registerByName(name)!, next(), next());
      }
      for (let n = 0; n < 3; n++) expect(typeof queue.write(next())).toBe("boolean");
    }
  });
});
