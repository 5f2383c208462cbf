import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { eventByName } from "../../arch/smmuv3/events.ts";
import { ResponseCode } from "../device/ats_port.ts";
import { GlobalError } from "./global_errors.ts";
import { InterruptSource } from "./interrupts.ts";
import { AtsWorld, PRIQ, PRIQ_LG2 } from "./testing/ats_world.ts";
import type { Fields } from "./testing/world.ts";

const PRODUCER = 0x100c8;
const CONSUMER = 0x100cc;
const IRQ_CTRL = 0x50;

const read = (world: AtsWorld, offset: number): number => world.registers.read32(offset);
const interrupts = (world: AtsWorld): number => world.interface.interrupts.raised[InterruptSource.PriQueue]!;

function full(ste: Fields = {}, registers: Readonly<Record<string, Fields>> = {}): AtsWorld {
  const world = new AtsWorld(ste, { registers });
  for (let i = 0; i < 2 ** PRIQ_LG2; i++) expect(world.page().queued).toBe(true);
  return world;
}

/** The code and the PASID of the automatic response; null for none. */
function response(world: AtsWorld, fields: Parameters<AtsWorld["page"]>[0]): [number, number | null] | null {
  const answer = world.page(fields);
  expect(answer.queued).toBe(false);
  return answer.queued || answer.response === null ? null : [answer.response.code, answer.response.ssid];
}

describe("Page Requests in the PRI queue, IHI 0070 §8", () => {
  it("are recorded field by field", () => {
    const world = new AtsWorld();
    world.page({
      ssv: true,
      ssid: 0xabcde,
      hi: 0xffff_8000,
      lo: 0x1234_5fff,
      prgIndex: 0x1ff,
      write: true,
      last: false,
    });
    expect(world.pageRecord(0)).toEqual({
      StreamID: 1,
      SubstreamID: 0xabcde,
      _57_52: 0,
      Priv: 0,
      X: 0,
      R: 1,
      W: 1,
      Last: 0,
      SSV: 1,
      PRGIndex: 0x1ff,
      _75_73: 0,
      Address: Number(0xffff_8000_1234_5000n),
    });
    expect(read(world, PRODUCER)).toBe(1);
  });

  it("have neither Execute nor Privileged without a PASID", () => {
    const world = new AtsWorld();
    world.page({ execute: true, privileged: true, ssid: 5 });
    expect(world.pageRecord(0)).toMatchObject({ SSV: 0, SubstreamID: 0, X: 0, Priv: 0 });
  });

  it("lose their PASID where the SMMU has no substreams", () => {
    const world = new AtsWorld({ S1CDMax: 0 }, { registers: { IDR1: { SSIDSIZE: 0 } } });
    world.page({ ssv: true, ssid: 5, execute: true });
    expect(world.pageRecord(0)).toMatchObject({ SSV: 0, SubstreamID: 0, X: 0 });
  });

  it("wrap round a queue that software empties", () => {
    const world = new AtsWorld();
    for (let n = 0; n < 5; n++) {
      expect(world.page({ prgIndex: n }).queued).toBe(true);
      world.registers.write32(CONSUMER, read(world, PRODUCER));
    }
    expect(read(world, PRODUCER)).toBe(5 % 4);
    expect([world.pageRecord(0).PRGIndex, world.pageRecord(1).PRGIndex]).toEqual([4, 3]);
  });
});

describe("the interrupt of the PRI queue, IHI 0070 §6.3.36", () => {
  it("comes when the queue stops being empty", () => {
    const world = new AtsWorld();
    world.interface.write(IRQ_CTRL, 4, 0, 2);
    world.page({ last: false });
    world.page();
    expect(interrupts(world)).toBe(1);
  });

  it("comes with the last request of a group where LO is 1, also for one that an overflow loses", () => {
    const world = new AtsWorld({}, { registers: { PRIQ_IRQ_CFG2: { LO: 1 } } });
    world.interface.write(IRQ_CTRL, 4, 0, 2);
    world.page({ last: false });
    expect(interrupts(world)).toBe(0);
    world.page();
    expect(interrupts(world)).toBe(1);
    world.page();
    world.page({ last: false });
    expect(interrupts(world)).toBe(2);
  });
});

describe("overflow of the PRI queue, IHI 0070 §8.1", () => {
  it("toggles OVFLG once, keeps requests out until it is acknowledged, and then lets them in again", () => {
    const world = full();
    expect(world.page({ last: false })).toEqual({ queued: false, response: null });
    expect(read(world, PRODUCER) >>> 31).toBe(1);
    world.page();
    world.registers.write32(CONSUMER, 2);
    expect(world.page().queued).toBe(false);
    expect(read(world, PRODUCER)).toBe(0x8000_0002);
    world.registers.write32(CONSUMER, 0x8000_0002);
    expect(world.page().queued).toBe(true);
    expect(read(world, PRODUCER)).toBe(0x8000_0003);
  });

  it("answers the last request of a group with success, and no other", () => {
    const world = full();
    expect(response(world, { prgIndex: 3 })).toEqual([ResponseCode.Success, null]);
    expect(response(world, { last: false })).toBeNull();
  });

  it.each([
    ["IDR3.PPS is 1, whatever the STE is", { IDR3: { PPS: 1 } }, { V: 0 }, [ResponseCode.Success, 6]],
    ["STE.PPAR is 1", {}, { PPAR: 1 }, [ResponseCode.Success, 6]],
    ["STE.PPAR is 0", {}, { PPAR: 0 }, [ResponseCode.Success, null]],
    ["the stream is disabled but its STE is legal", {}, { Config: 0, PPAR: 1 }, [ResponseCode.Success, 6]],
    ["the STE is not valid", {}, { V: 0, PPAR: 1 }, [ResponseCode.Failure, null]],
    ["SubstreamIDs are not offered", { IDR1: { SSIDSIZE: 0 } }, { S1CDMax: 0 }, [ResponseCode.Success, null]],
  ])("answers a request with a PASID where %s", (_name, registers, ste, expected) => {
    expect(response(full(ste, registers), { ssv: true, ssid: 6 })).toEqual(expected);
  });

  it("records what hides STE.PPAR only with REC_CFG_ATS", () => {
    const CR2 = { RECINVSID: 1, REC_CFG_ATS: 1 };
    const world = full({ V: 0 }, { CR2 });
    response(world, { ssv: true, ssid: 6 });
    response(world, { ssv: true, ssid: 6, sid: 0x8000 });
    response(world, {});
    expect(world.eventNumbers).toEqual(["C_BAD_STE", "C_BAD_STREAMID"].map((name) => eventByName(name)!.number));
    const silent = full({ V: 0 });
    response(silent, { ssv: true, ssid: 6 });
    expect(silent.events).toEqual([]);
  });

  it("answers no Stop PASID marker; the same message without PASID is a request", () => {
    const world = full();
    expect(response(world, { ssv: true, ssid: 6, read: false })).toBeNull();
    expect(response(world, { read: false })).toEqual([ResponseCode.Success, null]);
  });
});

describe("Page Requests that find no queue, IHI 0070 §8.2", () => {
  it.each([
    ["PRIQEN is 0", { CR0: { PRIQEN: 0 } }],
    ["the SMMU is off", { CR0: { SMMUEN: 0 } }],
    ["there is no PRI", { IDR0: { PRI: 0 } }],
  ])("are answered with failure and without PASID where %s, last or not", (_name, registers) => {
    const world = new AtsWorld({}, { registers });
    expect(response(world, { ssv: true, ssid: 6 })).toEqual([ResponseCode.Failure, null]);
    expect(response(world, { last: false })).toEqual([ResponseCode.Failure, null]);
    expect(response(world, { ssv: true, read: false })).toBeNull();
    expect(read(world, PRODUCER)).toBe(0);
  });

  it("activate PRIQ_ABT_ERR where nothing answers, and fail until that is acknowledged", () => {
    const world = new AtsWorld({}, { registers: { PRIQ_BASE: { LOG2SIZE: 1, ADDR: 2 ** 44 } } });
    expect(response(world, {})).toEqual([ResponseCode.Failure, null]);
    expect(world.interface.errors.active).toBe(GlobalError.PRIQ_ABT_ERR);
    expect(response(world, {})).toEqual([ResponseCode.Failure, null]);
    expect(read(world, PRODUCER)).toBe(0);
    world.interface.write(0x64, 4, 0, read(world, 0x60));
    expect(world.interface.errors.active).toBe(0);
  });
});

describe("credit", () => {
  it("is never lost: each last request is queued or answered, whatever software consumes (seed 77)", () => {
    const step = fc.record({
      consume: fc.integer({ min: 0, max: 3 }),
      acknowledge: fc.boolean(),
      last: fc.boolean(),
      pasid: fc.option(fc.integer({ min: 0, max: 0xfffff })),
    });
    const property = fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const world = new AtsWorld();
      for (const { consume, acknowledge, last, pasid } of steps) {
        const before = read(world, PRODUCER) & 3;
        const answer = world.page({ last, ssv: pasid !== null, ssid: pasid ?? 0 });
        const moved = ((read(world, PRODUCER) & 3) - before + 4) % 4;
        expect(moved).toBe(answer.queued ? 1 : 0);
        if (!answer.queued) expect(answer.response !== null).toBe(last);
        const cons = read(world, CONSUMER);
        const used = ((read(world, PRODUCER) & 3) - (cons & 3) + 4) % 4;
        const flag = acknowledge ? read(world, PRODUCER) & 0x8000_0000 : cons & 0x8000_0000;
        world.registers.write32(CONSUMER, ((((cons & 3) + Math.min(consume, used)) & 3) | flag) >>> 0);
      }
      // Nothing beside the queue was written.
      expect(world.memory.read64(0, PRIQ + 32)).toBe(0);
      expect([world.memory.lo, world.memory.hi]).toEqual([0, 0]);
    });
    fc.assert(property, { seed: 77, numRuns: 60 });
  });
});
