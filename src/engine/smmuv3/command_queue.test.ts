import { describe, expect, it } from "vitest";
import { xorshift32 } from "../../base/rng.ts";
import { COMMAND_QUEUE, ControlWorld, QUEUE_LG2 } from "./testing/control_world.ts";

const SIZE = 2 ** QUEUE_LG2;
const cons = (world: ControlWorld): number => world.registers.field("SMMU_CMDQ_CONS", "RD");
const streams = (world: ControlWorld): unknown[] => world.calls.map((call) => call[1]);

describe("consumption of commands, IHI 0070 §3.5.1, §4.1.2", () => {
  it("begins with a write of CMDQ_PROD, and goes in order", () => {
    const world = new ControlWorld();
    for (const sid of [4, 2, 9]) world.enqueue("CFGI_STE", { StreamID: sid });
    expect([cons(world), world.calls]).toEqual([0, []]);
    world.ring();
    expect([cons(world), streams(world)]).toEqual([3, [4, 2, 9]]);
  });

  it("waits for CMDQEN, and stops with it", () => {
    const world = new ControlWorld({ CR0: { CMDQEN: 0 } });
    world.enqueue("CFGI_STE", { StreamID: 1 });
    world.ring();
    expect(cons(world)).toBe(0);
    world.store("CR0", 0b1101);
    expect([cons(world), streams(world)]).toEqual([1, [1]]);
    world.store("CR0", 0b0101);
    world.enqueue("CFGI_STE", { StreamID: 2 });
    world.ring();
    expect(streams(world)).toEqual([1]);
  });

  it("goes round and round, a whole queue at a time too", () => {
    const world = new ControlWorld();
    const next = xorshift32(5);
    let sent = 0;
    while (sent < 20 * SIZE) {
      const burst = sent === 0 ? SIZE : 1 + (next() % SIZE);
      for (let i = 0; i < burst; i++) world.enqueue("CFGI_STE", { StreamID: sent++ });
      world.ring();
      expect(cons(world)).toBe(sent % (2 * SIZE));
    }
    expect(streams(world)).toEqual(Array.from({ length: sent }, (_, i) => i));
  });

  it("of a queue of one entry turns the wrap flag each time, §6.3.27", () => {
    const world = new ControlWorld({ CMDQ_BASE: { ADDR: COMMAND_QUEUE, LOG2SIZE: 0 } });
    world.enqueue("CFGI_CD_ALL", { StreamID: 7 });
    for (let round = 1; round <= 4; round++) {
      world.store("CMDQ_PROD", round & 1);
      expect([cons(world), world.calls.length]).toEqual([round & 1, round]);
    }
  });

  it("is capped at IDR1.CMDQS, and the base aligned to the size, §6.3.26", () => {
    const base = { ADDR: COMMAND_QUEUE + 0x20, LOG2SIZE: 31 };
    const world = new ControlWorld({ IDR1: { CMDQS: 2 }, CMDQ_BASE: base });
    for (let sid = 0; sid < 4; sid++) world.enqueue("CFGI_STE", { StreamID: sid });
    world.store("CMDQ_PROD", 4);
    expect([cons(world), streams(world)]).toEqual([4, [0, 1, 2, 3]]);
  });

  it("does not happen while the indexes are inconsistent", () => {
    const world = new ControlWorld();
    world.store("CMDQ_PROD", SIZE + 3);
    expect([cons(world), world.error]).toEqual([0, 0]);
  });

  it("reads a command again that changed while it waited", () => {
    const world = new ControlWorld();
    world.enqueue("CFGI_STE", { StreamID: 1 });
    world.write(COMMAND_QUEUE, 0x03, 99);
    world.ring();
    expect(streams(world)).toEqual([99]);
  });
});

describe("Command queue errors, IHI 0070 §7.1", () => {
  it("stop at the command, which has no effect, nor has what follows", () => {
    const world = new ControlWorld();
    world.enqueue("CFGI_STE", { StreamID: 1 });
    world.enqueue("SYNC", { CS: 3 });
    world.enqueue("CFGI_STE", { StreamID: 2 });
    world.ring();
    expect([world.error, cons(world), streams(world)]).toEqual([1, 1, [1]]);
    // Nothing moves until the error is acknowledged, whatever software submits.
    world.enqueue("CFGI_STE", { StreamID: 3 });
    world.ring();
    world.store("CR0", 0b0101);
    world.store("CR0", 0b1101);
    expect([cons(world), streams(world)]).toEqual([1, [1]]);
  });

  it("end with the acknowledgement, and the same command is tried again", () => {
    const world = new ControlWorld();
    world.enqueue("SYNC", { CS: 3 });
    world.enqueue("CFGI_STE", { StreamID: 2 });
    world.ring();
    world.acknowledge();
    expect([world.error, cons(world), world.registers.field("SMMU_GERROR", "CMDQ_ERR")]).toEqual([1, 0, 0]);
    world.write(COMMAND_QUEUE, 0x46, 0);
    world.acknowledge();
    expect([world.error, cons(world), streams(world)]).toEqual([0, 2, [2]]);
  });

  it("come from memory that does not answer, too", () => {
    const world = new ControlWorld({ CMDQ_BASE: { ADDR: 2 ** 41, LOG2SIZE: QUEUE_LG2 } });
    world.store("CMDQ_PROD", 1);
    expect([world.error, cons(world)]).toEqual([2, 0]);
  });

  it("come from zeros, which are opcode 0", () => {
    const world = new ControlWorld();
    world.store("CMDQ_PROD", 2);
    expect([world.error, cons(world)]).toEqual([1, 0]);
  });

  it("are none where the session does not hold the queue's memory: the command waits", () => {
    const world = new ControlWorld({ CMDQ_BASE: { ADDR: 2 ** 41, LOG2SIZE: QUEUE_LG2 } }, { outside: "unknown" });
    world.store("CMDQ_PROD", 1);
    expect([world.error, cons(world)]).toEqual([0, 0]);
    world.write(2 ** 41, 0x03, 5);
    world.write(2 ** 41 + 8, 0, 0);
    world.store("CMDQ_PROD", 1);
    expect([cons(world), streams(world)]).toEqual([1, [5]]);
  });
});

it.each([1, 2, 3, 128383])("never throws, whatever the commands and registers, seed %i", (seed) => {
  const world = new ControlWorld();
  const next = xorshift32(seed);
  const names = ["CMDQ_PROD", "CMDQ_CONS", "CMDQ_BASE", "CR0", "CR2", "GERRORN", "IRQ_CTRL", "EVENTQ_CONS"];
  for (let i = 0; i < 4000; i++) {
    const opcode = next() % 2 === 0 ? next() & 0xff : [0x03, 0x12, 0x2a, 0x46, 0x44, 0x40, 0x02][next() % 7]!;
    world.enqueueWords(Uint32Array.of((next() & ~0xff) | opcode, next(), next(), next()));
    const name = names[next() % names.length]!;
    if (next() % 3 === 0) world.store(name, name === "CMDQ_BASE" ? COMMAND_QUEUE | (next() & 31) : next(), 0);
    else world.ring();
    if (next() % 4 === 0) world.acknowledge();
    if (next() % 8 === 0) world.store("CR0", 0b1101);
    expect(world.read("CMDQ_CONS")).toBeGreaterThanOrEqual(0);
  }
});
