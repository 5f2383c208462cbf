import { describe, expect, it } from "vitest";
import { IQEI } from "../../arch/vtd/queue_registers.ts";
import { ControlWorld, MESSAGES, QUEUE, STATUS } from "./testing/control_world.ts";

const IQE = 1 << 4;
const ITE = 1 << 6;
const waitFor = (data: number, flags = 0x20): number[] => [0x5 | flags, data, STATUS, 0];

function started(preset = "sapphire-rapids"): ControlWorld {
  const world = new ControlWorld(preset);
  world.startQueue();
  return world;
}

describe("invalidation queue, VT-d §6.5.2", () => {
  it.each([
    ["context cache, global", [0x11], "contextAll"],
    ["context cache, domain", [0x21 | (7 << 16)], "contextDomain 7"],
    ["context cache, device with all functions", [0x31 | (7 << 16), 0x18 | (3 << 16)], "contextDevice 7 24 65528"],
    ["IOTLB, global", [0x12], "iotlbAll"],
    ["IOTLB, domain, draining", [0xe2 | (7 << 16)], "iotlbDomain 7"],
    [
      "IOTLB, pages",
      [0x32 | (7 << 16), 0, 0x5000 | 0x40 | 3, 1],
      'iotlbPages 7 {"hi":1,"lo":20480,"maskLg2":3,"leafOnly":true}',
    ],
    ["PASID cache, global", [0x37], "pasidAll"],
    ["PASID cache, domain", [0x07 | (7 << 16)], "pasidDomain 7"],
    ["PASID cache, PASID", [0x17 | (7 << 16), 0xabcde], "pasid 7 703710"],
    ["PASID-based IOTLB, PASID", [0x26 | (7 << 16), 5], "iotlbPasid 7 5"],
    [
      "PASID-based IOTLB, pages",
      [0x36 | (7 << 16), 5, 0x5000, 0],
      'iotlbPasidPages 7 5 {"hi":0,"lo":20480,"maskLg2":0,"leafOnly":false}',
    ],
    ["interrupt entries, global", [0x04], "interruptsAll"],
    ["interrupt entries, index", [0x14 | (2 << 27), 12], "interrupts 12 2"],
  ])("%s", (_, descriptor, heard) => {
    const world = started();
    world.submit(descriptor);
    expect(world.dropped).toEqual([heard]);
    expect(world.read("FSTS")).toBe(0);
    expect(world.read("IQH")).toBe(32);
  });

  it.each([
    ["reserved type", [0x0], IQEI.INVALID_TYPE],
    ["type 0x11", [0x211], IQEI.INVALID_TYPE],
    ["page stream response, gone since revision 3", [0xa], IQEI.INVALID_TYPE],
    ["reserved bit of a wait", [0x105], IQEI.RESERVED_FIELD],
    ["reserved upper half", [0x11, 0, 0, 0, 1], IQEI.RESERVED_FIELD],
    ["reserved granularity of the context cache", [0x01], IQEI.RESERVED_FIELD],
    ["reserved granularity of the IOTLB", [0x02], IQEI.RESERVED_FIELD],
    ["reserved granularity of a PASID-based IOTLB", [0x16], IQEI.RESERVED_FIELD],
    ["reserved granularity of the PASID cache", [0x27], IQEI.RESERVED_FIELD],
    ["address mask beyond CAP.MAMV", [0x32, 0, 46], IQEI.RESERVED_FIELD],
    ["status address that is not aligned", [0x25, 1, STATUS + 2], IQEI.RESERVED_FIELD],
    ["status address where nothing answers", [0x25, 1, 0x7000_0000], IQEI.NONE],
  ])("stops at a descriptor with a %s, and goes on once it is mended", (_, descriptor, code) => {
    const world = started();
    world.submit(waitFor(1), descriptor, waitFor(2));
    expect(world.read("IQH")).toBe(32);
    expect(world.read("FSTS")).toBe(IQE);
    expect(world.read("IQERCD")).toBe(code);
    expect(world.word(STATUS)).toBe(1);
    world.put(QUEUE + 32, 0x11, 0, 0, 0, 0, 0, 0, 0);
    world.write("IQT", 96);
    expect(world.read("IQH")).toBe(32);
    world.write("FSTS", IQE);
    expect(world.read("IQH")).toBe(96);
    expect(world.read("FSTS")).toBe(0);
    expect(world.word(STATUS)).toBe(2);
  });

  it.each([
    ["beyond the queue", 0x1000, IQEI.INVALID_TAIL],
    ["inside a descriptor", 0x10, IQEI.TAIL_MISALIGNED],
  ])("refuses a tail %s", (_, tail, code) => {
    const world = started();
    world.write("IQT", tail);
    expect(world.read("FSTS")).toBe(IQE);
    expect(world.read("IQERCD")).toBe(code);
  });

  it("refuses descriptors of scalable mode in a queue of 128-bit ones", () => {
    const world = new ControlWorld();
    world.write("IQA", QUEUE);
    world.write("GCMD", 1 << 26);
    world.put(QUEUE, 0x37, 0, 0, 0);
    world.write("IQT", 0x10);
    expect(world.read("IQERCD")).toBe(IQEI.INVALID_WIDTH);
    expect(world.dropped).toEqual([]);
  });

  it("tells of a queue that nothing answers at, and of no code where the unit has none", () => {
    const world = new ControlWorld("qemu-11.1-legacy");
    world.write("IQA", 0x7000_0000);
    world.write("GCMD", 1 << 26);
    world.write("IQT", 0x10);
    expect(world.read("FSTS")).toBe(IQE);
    expect(world.read("IQERCD")).toBe(0);
  });

  it("completes a wait with a status write and one interrupt until ICS is cleared", () => {
    const world = started();
    world.write("IEDATA", 0x41);
    world.write("IEADDR", MESSAGES);
    world.write("IECTL", 0);
    world.submit(waitFor(5, 0x30), waitFor(6, 0x10));
    expect(world.word(STATUS)).toBe(5);
    expect(world.read("ICS")).toBe(1);
    expect(world.word(MESSAGES)).toBe(0x41);
    expect(world.unit.queue!.event.sent).toBe(1);
    world.write("ICS", 1);
    world.submit(waitFor(7, 0x10));
    expect(world.unit.queue!.event.sent).toBe(2);
  });

  it("keeps an interrupt pending while it is held back, and sends it when let go", () => {
    const world = started();
    world.write("IEADDR", MESSAGES);
    world.write("IEDATA", 9);
    world.submit(waitFor(1, 0x10));
    expect(world.read("IECTL") >>> 30).toBe(3);
    world.write("IECTL", 0);
    expect(world.read("IECTL") >>> 30).toBe(0);
    expect(world.word(MESSAGES)).toBe(9);
  });

  it("passes device-TLB invalidations on, with their size (S)", () => {
    const world = started();
    world.submit(
      [0x3, 0x18, 0x5000, 0],
      [0x3, 0x18, 0x7001, 0],
      [0x3, 0x18, 0xfffff001, 0x7fffffff],
      [0x8 | (0x18 << 16), 5, 0x9800, 1],
      [0x8 | (0x18 << 16), 5, 0x5001, 0],
    );
    const sent = world.devices.takeInvalidations().map(({ ssv, ssid, global, hi, lo, sizeLg2 }) => {
      return [ssv ? ssid : null, global, hi, lo >>> 0, sizeLg2];
    });
    expect(sent).toEqual([
      [null, false, 0, 0x5000, 12],
      [null, false, 0, 0, 16],
      [null, false, 0, 0, 64],
      [5, false, 1, 0x8000, 14],
      [5, true, 0, 0x5000, 12],
    ]);
  });

  it("tells at a wait of a device that does not answer, drops that wait, and goes on when told to", () => {
    const world = started();
    world.addDevice(0x18, false);
    world.submit([0x3, 0x18], waitFor(1), waitFor(2));
    expect(world.read("FSTS")).toBe(ITE);
    const { registers } = world.unit;
    expect(registers.get("IQERCD", "ITESID")).toBe(0x18);
    expect(world.word(STATUS)).toBe(0);
    world.write("FSTS", ITE);
    expect(world.word(STATUS)).toBe(2);
    expect(world.read("FSTS")).toBe(0);
  });

  it("sends page group responses", () => {
    const world = started();
    world.submit([0x9 | 0x10 | (1 << 12) | (0x18 << 16), 5, 0x4 | (9 << 3), 0], [0x9 | (0x18 << 16), 5, 7 << 3, 0]);
    expect(world.devices.takeResponses()).toEqual([
      { sid: 0x18, ssid: 5, prgIndex: 9, code: 1 },
      { sid: 0x18, ssid: null, prgIndex: 7, code: 0 },
    ]);
  });

  it("starts anew from the first descriptor after it was off", () => {
    const world = started();
    world.submit(waitFor(1));
    world.write("GCMD", 0);
    expect(world.read("IQH")).toBe(0);
    world.put(STATUS, 0);
    world.write("GCMD", 1 << 26);
    expect(world.word(STATUS)).toBe(1);
  });
});
