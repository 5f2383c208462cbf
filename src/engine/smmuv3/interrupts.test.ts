import { describe, expect, it } from "vitest";
import { GlobalError } from "./global_errors.ts";
import { InterruptSource } from "./interrupts.ts";
import { ControlWorld } from "./testing/control_world.ts";
import type { Fields } from "./testing/world.ts";

const TARGET = 0x4000_0040;
const ENABLED = 0b111;

/** A world with a message for each source. */
function withMessages(address: number, registers: Readonly<Record<string, Fields>> = {}): ControlWorld {
  const world = new ControlWorld(registers);
  ["GERROR", "PRIQ", "EVENTQ"].forEach((source, i) => {
    world.store(`${source}_IRQ_CFG0`, address + 8 * i, Math.floor(address / 2 ** 32));
    world.store(`${source}_IRQ_CFG1`, 0x100 + i);
  });
  world.store("IRQ_CTRL", ENABLED);
  return world;
}

/** The words at the targets of the three sources. */
function messages(world: ControlWorld): number[] {
  return [0, 1, 2].map((i) => {
    world.memory.read64(0, TARGET + 8 * i);
    return world.memory.lo >>> 0;
  });
}

describe("global errors, IHI 0070 §7.5", () => {
  it("toggle GERROR once, until software acknowledges", () => {
    const { control, registers } = new ControlWorld();
    const flag = (): number => registers.field("SMMU_GERROR", "EVENTQ_ABT_ERR");
    control.errors.activate(GlobalError.EVENTQ_ABT_ERR);
    control.errors.activate(GlobalError.EVENTQ_ABT_ERR);
    expect([flag(), control.errors.active]).toEqual([1, GlobalError.EVENTQ_ABT_ERR]);
    control.write(0x64, 4, 0, GlobalError.EVENTQ_ABT_ERR);
    expect(control.errors.active).toBe(0);
    control.errors.activate(GlobalError.EVENTQ_ABT_ERR);
    expect([flag(), control.errors.active]).toEqual([0, GlobalError.EVENTQ_ABT_ERR]);
  });

  it("do not disturb each other", () => {
    const { control } = new ControlWorld();
    for (const error of Object.values(GlobalError)) control.errors.activate(error);
    const all = Object.values(GlobalError).reduce((a, b) => a | b, 0);
    expect(control.errors.active).toBe(all);
  });

  it("interrupt, but for the one that says that such a message failed, §7.5.1", () => {
    for (const [name, error] of Object.entries(GlobalError)) {
      const world = withMessages(TARGET);
      world.control.errors.activate(error);
      const quiet = name === "MSI_GERROR_ABT_ERR";
      expect([name, world.control.interrupts.raised[InterruptSource.GlobalError]]).toEqual([name, quiet ? 0 : 1]);
      expect(messages(world)).toEqual([quiet ? 0 : 0x100, 0, 0]);
    }
  });
});

describe("interrupts, IHI 0070 §3.18", () => {
  it("write the message of their own source", () => {
    const world = withMessages(TARGET);
    world.control.interrupts.raise(InterruptSource.EventQueue);
    expect(messages(world)).toEqual([0, 0, 0x102]);
    world.control.interrupts.raise(InterruptSource.PriQueue);
    expect(messages(world)).toEqual([0, 0x101, 0x102]);
    expect([...world.control.interrupts.raised]).toEqual([1, 1, 0, 0]);
  });

  it("are nothing while IRQ_CTRL disables their source, §6.3.16", () => {
    const world = withMessages(TARGET);
    world.store("IRQ_CTRL", 0b010);
    for (const source of [0, 1, 2] as const) world.control.interrupts.raise(source);
    expect([messages(world), [...world.control.interrupts.raised]]).toEqual([
      [0, 0x101, 0],
      [0, 1, 0, 0],
    ]);
  });

  it("are wires only where IDR0.MSI is 0 or the address is 0", () => {
    const worlds = [withMessages(TARGET, { IDR0: { MSI: 0 } }), new ControlWorld()];
    worlds[1]!.store("IRQ_CTRL", ENABLED);
    for (const world of worlds) {
      world.control.interrupts.raise(InterruptSource.EventQueue);
      expect([world.control.interrupts.raised[0], messages(world)]).toEqual([1, [0, 0, 0]]);
    }
  });

  it("configure no message while they are enabled, §6.3.21", () => {
    const world = withMessages(TARGET);
    for (const name of ["GERROR_IRQ_CFG0", "EVENTQ_IRQ_CFG1", "PRIQ_IRQ_CFG2"]) {
      const before = world.read(name);
      world.store(name, 0x3c);
      expect([name, world.read(name)]).toEqual([name, before]);
    }
  });

  it.each([
    [InterruptSource.EventQueue, "MSI_EVENTQ_ABT_ERR"],
    [InterruptSource.PriQueue, "MSI_PRIQ_ABT_ERR"],
    [InterruptSource.GlobalError, "MSI_GERROR_ABT_ERR"],
  ] as const)("whose message is aborted activate a global error of their own, source %i", (source, error) => {
    const world = withMessages(2 ** 41);
    world.control.interrupts.raise(source);
    const active = world.control.errors.active;
    // The failure of the first interrupts by GERROR, whose message fails as well.
    const own = GlobalError[error];
    expect(active).toBe(own | GlobalError.MSI_GERROR_ABT_ERR);
  });
});

describe("the interrupt of the Event queue, IHI 0070 §3.18.2", () => {
  const record = new Uint32Array(8).fill(0x10);

  it("comes when the queue stops being empty, and not for a second record", () => {
    const world = withMessages(TARGET);
    const { events, interrupts } = world.control;
    for (let i = 0; i < 3; i++) expect(events.write(record, 0)).toBe(true);
    expect(interrupts.raised[InterruptSource.EventQueue]).toBe(1);
    world.store("EVENTQ_CONS", 3);
    events.write(record, 0);
    expect(interrupts.raised[InterruptSource.EventQueue]).toBe(2);
  });

  it("does not come for a record that is lost", () => {
    const world = withMessages(TARGET, { EVENTQ_BASE: { ADDR: 2 ** 41, LOG2SIZE: 3 } });
    expect(world.control.events.write(record, 0)).toBe(false);
    expect(world.control.interrupts.raised[InterruptSource.EventQueue]).toBe(0);
    expect(world.control.errors.active).toBe(GlobalError.EVENTQ_ABT_ERR);
  });
});

it("an Event queue that aborted takes nothing until that is acknowledged, §7.2.1", () => {
  const world = new ControlWorld();
  const record = new Uint32Array(8).fill(0x10);
  world.control.errors.activate(GlobalError.EVENTQ_ABT_ERR);
  expect([world.control.events.writable, world.control.events.write(record, 0)]).toEqual([false, false]);
  expect(world.registers.field("SMMU_EVENTQ_PROD", "OVFLG")).toBe(0);
  world.acknowledge();
  expect([world.control.events.writable, world.control.events.write(record, 0)]).toEqual([true, true]);
});

it("an Event queue with inconsistent indexes counts as full, §3.5.1", () => {
  const world = new ControlWorld({ EVENTQ_CONS: { RD: 3 } });
  expect([world.control.events.writable, world.control.events.write(new Uint32Array(8), 0)]).toEqual([false, false]);
});
