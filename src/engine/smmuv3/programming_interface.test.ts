import { describe, expect, it } from "vitest";
import { registerByName } from "../../arch/smmuv3/registers.ts";
import { StallEnd } from "./stalls.ts";
import { ControlWorld, EVENT_QUEUE } from "./testing/control_world.ts";

const offsetOf = (name: string): number => registerByName(name)!.offset;

describe("register accesses, IHI 0070 §6.2", () => {
  it.each([
    [1, 0x80],
    [2, 0x80],
    [16, 0x80],
    [4, 0x82],
    [8, 0x84],
    [4, -4],
    [4, 0x80 + 0.5],
  ])("of %i bytes at offset %f are illegal: they read as zero and write nothing", (bytes, offset) => {
    const { control } = new ControlWorld({ CR0: { SMMUEN: 0 } });
    const before = control.registers.words.slice();
    control.write(offset, bytes, 0x5555, 0x5555);
    expect(control.registers.words).toEqual(before);
    control.read(offset, bytes);
    expect([control.hi, control.lo]).toEqual([0, 0]);
  });

  it("of 8 bytes are two of 4, also across two registers", () => {
    const { control } = new ControlWorld({ CR0: { SMMUEN: 0, EVENTQEN: 0, CMDQEN: 0 } });
    control.write(offsetOf("STRTAB_BASE"), 8, 0x12, 0x3456_7fc0);
    control.read(offsetOf("STRTAB_BASE"), 8);
    expect([control.hi, control.lo]).toEqual([0x12, 0x3456_7fc0]);
    control.write(offsetOf("CR1"), 8, 2, 0xdb);
    control.read(offsetOf("CR1"), 8);
    expect([control.hi, control.lo]).toEqual([2, 0xdb]);
  });

  it("of Secure and reserved space read as zero", () => {
    const { control } = new ControlWorld();
    for (const offset of [0x8000, 0x8020, 0x9000, 0x0e00, 0x1000, 0x4000, 0x2_0a00, 0x7fff_0000]) {
      control.write(offset, 4, 0, 0xffff_ffff);
      control.read(offset, 4);
      expect([offset, control.lo]).toEqual([offset, 0]);
    }
  });

  it("of page 1 show page 0 where page 1 has nothing of its own, and the other way round", () => {
    const { control, registers } = new ControlWorld();
    control.read(0x10000, 4);
    expect(control.lo).toBe(registers.read32(0));
    control.write(0xac, 4, 0, 5);
    expect(registers.field("SMMU_EVENTQ_CONS", "RD")).toBe(5);
    control.read(0x100ac, 4);
    expect(control.lo).toBe(5);
  });
});

describe("fields that depend on what is offered, IHI 0070 §6.3", () => {
  const NOTHING = { IDR0: { MSI: 0, ATS: 0, PRI: 0, VMW: 0, Hyp: 0, ST_LEVEL: 0 }, IDR3: { DPT: 0, MPAM: 0 } };

  it.each([
    ["CR0", 0b1101],
    ["IRQ_CTRL", 0b101],
    ["GERRORN", 0x105],
    ["GMPAM", 0],
    ["DPT_BASE", 0],
  ])("%s keeps 0x%s of all ones where nothing is", (name, kept) => {
    const world = new ControlWorld({ ...NOTHING, CR0: { SMMUEN: 0, EVENTQEN: 0, CMDQEN: 0 } });
    world.store(name, 0xffff_ffff, 0xffff_ffff);
    expect(world.read(name)).toBe(kept);
  });

  it("CR2 and STRTAB_BASE_CFG lose E2H and the two-level fields", () => {
    const world = new ControlWorld({ ...NOTHING, CR0: { SMMUEN: 0 } });
    world.store("CR2", 0xffff_ffff);
    world.store("STRTAB_BASE_CFG", 0xffff_ffff);
    expect([world.read("CR2"), world.read("STRTAB_BASE_CFG")]).toEqual([2, 0x3f]);
  });

  it("CR1 guards each half by its own enables, §6.3.11", () => {
    const world = new ControlWorld({ CR0: { SMMUEN: 1, EVENTQEN: 0, CMDQEN: 0 } });
    world.store("CR1", 0xfff);
    expect(world.read("CR1")).toBe(0x03f);
    world.store("CR0", 0b0100);
    world.store("CR1", 0);
    expect(world.read("CR1")).toBe(0x03f);
    world.store("CR1", 0xfff);
    expect(world.read("CR1")).toBe(0xfff);
  });

  it("addresses have no bits beyond the output size, §6.3.24", () => {
    const world = new ControlWorld({ CR0: { SMMUEN: 0 }, IDR5: { OAS: 2 } });
    world.store("STRTAB_BASE", 0xffff_ffff, 0xffff_ffff);
    world.control.read(offsetOf("STRTAB_BASE"), 8);
    expect([world.control.hi >>> 0, world.control.lo >>> 0]).toEqual([0x4000_00ff, 0xffff_ffc0]);
  });

  it("preset tables and queues are read-only, §6.3.2", () => {
    const world = new ControlWorld({ CR0: { SMMUEN: 0, CMDQEN: 0 }, IDR1: { TABLES_PRESET: 1, QUEUES_PRESET: 1 } });
    const before = ["STRTAB_BASE", "STRTAB_BASE_CFG", "CMDQ_BASE"].map((name) => world.read(name));
    for (const name of ["STRTAB_BASE", "STRTAB_BASE_CFG", "CMDQ_BASE"]) world.store(name, 0x1234_5667);
    expect(["STRTAB_BASE", "STRTAB_BASE_CFG", "CMDQ_BASE"].map((name) => world.read(name))).toEqual(before);
  });

  it("indexes have as many bits as the queue needs, and lose those that a smaller queue has not, §6.3.27", () => {
    const world = new ControlWorld({ CR0: { CMDQEN: 0, EVENTQEN: 0 } });
    world.store("CMDQ_BASE", 4);
    world.store("CMDQ_PROD", 0xffff_ffff);
    world.store("EVENTQ_BASE", 0);
    world.store("EVENTQ_PROD", 0xffff_ffff);
    expect([world.read("CMDQ_PROD"), world.read("EVENTQ_PROD")]).toEqual([0x1f, 0x8000_0001]);
    world.store("CMDQ_BASE", 2);
    expect(world.read("CMDQ_PROD")).toBe(7);
  });

  it("a queue starts as large as may be, where nobody says otherwise", () => {
    const world = new ControlWorld({ PRIQ_CONS: {} });
    expect(world.registers.field("SMMU_PRIQ_BASE", "LOG2SIZE")).toBe(8);
    expect(world.registers.field("SMMU_EVENTQ_BASE", "LOG2SIZE")).toBe(5);
  });

  it("a DPT fault is cleared as a whole, and never set, §6.3.48", () => {
    const world = new ControlWorld();
    world.load("DPT_CFG_FAR", { FAULT: 1, LEVEL: 1, FADDR: 0x5000 });
    world.store("DPT_CFG_FAR", 3, 9);
    expect(world.read("DPT_CFG_FAR")).toBe(0x5003);
    world.store("DPT_CFG_FAR", 2, 9);
    expect(world.read("DPT_CFG_FAR")).toBe(0);
    world.store("DPT_CFG_FAR", 1);
    expect(world.read("DPT_CFG_FAR")).toBe(0);
  });
});

describe("stalls as commands answer them, IHI 0070 §4.7", () => {
  const NO_RAZ = { IDR0: { TERM_MODEL: 1 } };

  it.each([
    [{ Ac: 1 }, {}, StallEnd.Retry],
    [{ Ac: 1, Ab: 1 }, {}, StallEnd.Retry],
    [{ Ac: 0, Ab: 0 }, {}, StallEnd.Zero],
    [{ Ac: 0, Ab: 1 }, {}, StallEnd.Abort],
    [{ Ac: 0, Ab: 0 }, NO_RAZ, StallEnd.Abort],
  ])("CMD_RESUME %j with %j is %i", (fields, registers, end) => {
    const world = new ControlWorld(registers);
    const { stalls } = world.control;
    stalls.take(5);
    const tag = stalls.take(9);
    world.issue("RESUME", { StreamID: 9, STAG: tag, ...fields });
    expect([stalls.takeDecisions(), stalls.count]).toEqual([[[tag, end]], 1]);
  });

  it("CMD_STALL_TERM aborts all of a stream", () => {
    const world = new ControlWorld();
    const tags = [4, 5, 4].map((sid) => world.control.stalls.take(sid));
    world.issue("STALL_TERM", { StreamID: 4 });
    expect(world.control.stalls.takeDecisions()).toEqual([
      [tags[0], StallEnd.Abort],
      [tags[2], StallEnd.Abort],
    ]);
  });

  it("switching translation off aborts all, §6.3.9.6", () => {
    const world = new ControlWorld();
    world.control.stalls.take(4);
    world.store("CR0", 0b1101);
    expect(world.control.stalls.count).toBe(1);
    world.store("CR0", 0b1100);
    expect(world.control.stalls.count).toBe(0);
  });

  it("there are as many as IDR5.STALL_MAX says, and none where faults only terminate", () => {
    expect(new ControlWorld().control.stalls.capacity).toBe(4);
    expect(new ControlWorld({ IDR5: { STALL_MAX: 0 } }).control.stalls.capacity).toBe(1);
    expect(new ControlWorld({ IDR0: { STALL_MODEL: 1 } }).control.stalls.capacity).toBe(0);
  });
});

it("comes back from a snapshot", () => {
  const world = new ControlWorld();
  world.control.stalls.take(4);
  world.issue("SYNC", { CS: 1 });
  const image = world.control.snapshot();
  world.control.stalls.terminateAll();
  world.issue("SYNC", { CS: 1 });
  world.control.restore(image);
  expect([world.control.stalls.count, world.control.interrupts.raised[3]]).toEqual([1, 1]);
  expect(world.memory.read64(0, EVENT_QUEUE)).toBe(0);
});
