import { describe, expect, it } from "vitest";
import { CMD_HEAD, CMD_TAIL } from "../arch/amdvi/buffer_registers.ts";
import { PhysicalMemory } from "../engine/memory/physical_memory.ts";
import { ownMemory } from "../machine/kernel_memory.ts";
import { UNNOTED } from "./notes.ts";
import { KernelRegisters } from "./registers.ts";
import { RingProducer } from "./ring_producer.ts";

const BASE = 0x1000;
const PLACES = { CMD_HEAD: { offset: 0, layout: CMD_HEAD }, CMD_TAIL: { offset: 8, layout: CMD_TAIL } };

/** A ring of four entries, with a reader that reads when it is told to. */
function made() {
  const memory = new PhysicalMemory({ outside: "abort", zero: [[0, 0x4000]], segments: [] });
  const indexes = { 0: 0n, 8: 0n } as Record<number, bigint>;
  const pages = {
    read: (offset: number) => indexes[offset]!,
    write: (offset: number, value: bigint) => {
      indexes[offset] = value;
    },
  };
  const registers = new KernelRegisters(pages, UNNOTED, (name) => PLACES[name as keyof typeof PLACES]);
  const ring = { base: BASE, entries: 4, entryBytes: 16, head: "CMD_HEAD", tail: "CMD_TAIL" };
  const own = ownMemory(memory, 0x2000, 0x1000);
  const producer = new RingProducer(registers, own, ring);
  const put = (value: number) => producer.put(Uint32Array.of(value, 0, 0, 0), "entry");
  const entries = () =>
    [0, 1, 2, 3].map((i) => {
      own.read(BASE + 16 * i);
      return own.lo;
    });
  return { producer, put, entries, indexes };
}

describe("A ring's producer", () => {
  it("publishes what it wrote, and goes round behind the reader", () => {
    const { producer, put, entries, indexes } = made();
    for (const value of [1, 2, 3]) put(value);
    expect([entries(), indexes[8]]).toEqual([[1, 2, 3, 0], 0n]);
    producer.publish();
    expect(indexes[8]).toBe(48n);
    indexes[0] = 32n;
    for (const value of [4, 5]) put(value);
    expect(entries()).toEqual([5, 2, 3, 4]);
  });

  it("never overwrites what nobody has read, whatever the reader's index says", () => {
    const { put, entries, indexes } = made();
    for (const value of [1, 2, 3, 4, 5]) put(value);
    expect([entries(), indexes[8]]).toEqual([[1, 2, 3, 0], 48n]);
    indexes[0] = 0xffff_fff7n;
    put(6);
    expect(entries()).toEqual([1, 2, 3, 6]);
  });
});
