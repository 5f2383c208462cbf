import { describe, expect, it } from "vitest";
import { CD } from "../../arch/smmuv3/cd.ts";
import { eventByNumber } from "../../arch/smmuv3/events.ts";
import { decodeFields } from "../../base/layout.ts";
import { vmsav8Format } from "../../pagetable/formats/vmsav8.ts";
import { TableBuilder } from "../../pagetable/testing/table_builder.ts";
import { EVENT_WORDS, encodeEvent } from "./event_record.ts";
import { GuestStore, HostStore, OPEN, stage1Fields, stage2Fields } from "./testing/nested_world.ts";
import { type Fields, NESTED_STE, PLAIN_CD, type Request, World } from "./testing/world.ts";
import { End } from "./translation.ts";

const FMT = vmsav8Format(12, false);

/** The record of a transaction that faulted, every field that is not reserved by name; reserved bits must be zero. */
function record(world: World, request: Request): Record<string, bigint | string> {
  const t = world.translate(request);
  expect(t.end).toBe(End.Fault);
  const words = new Uint32Array(EVENT_WORDS + 2).fill(0xffffffff);
  encodeEvent(t, words, 1);
  expect([words[0], words[EVENT_WORDS + 1]]).toEqual([0xffffffff, 0xffffffff]);
  const event = eventByNumber(words[1]! & 0xff)!;
  const fields = decodeFields(event.layout, words, 1);
  const reserved = fields.filter((f) => f.declaration.form === "reserved" && f.value !== 0n);
  expect(reserved).toEqual([]);
  const plain = fields.filter((f) => f.declaration.form !== "reserved" && f.declaration.name !== "EventNumber");
  return { event: event.name, ...Object.fromEntries(plain.map((f) => [f.declaration.name, f.value])) };
}

const HEAD = { SSV: 0n, SubstreamID: 0n, StreamID: 1n };
const FETCH = { ...HEAD, Reason: 0n, GPCF: 0n };
/** A fault on a plain read by stream 1 of the input address itself. */
const FAULT = {
  ...HEAD,
  STAG: 0n,
  Stall: 0n,
  PnU: 0n,
  InD: 0n,
  RnW: 1n,
  NSIPA: 0n,
  S2: 0n,
  CLASS: 2n,
  IPA: 0n,
};

interface Nested {
  readonly world: World;
  readonly stage1: TableBuilder;
  readonly stage2: TableBuilder;
  readonly guest: GuestStore;
  readonly cd: number;
}

/** Stream 1 nested, 4 KiB throughout; 0x1000 maps to guest page 0x90_0000, which stage 2 maps. */
function nested(ste: Fields = {}, cdFields: Fields = {}): Nested {
  const world = new World();
  const host = new HostStore(world);
  const stage2 = new TableBuilder(FMT, host, 2, 3, 48);
  const guest = new GuestStore(stage2, host, 0x10_0000);
  const stage1 = new TableBuilder(FMT, guest, 1, 3, 48);
  stage1.map(0x1000, 0, 0x90_0000, OPEN[1]);
  stage2.map(0x90_0000, 0, world.allocate(4096), OPEN[2]);
  const cd = guest.allocate(64);
  world.put(CD, guest.physical(cd), { ...PLAIN_CD, ...stage1Fields(stage1, 0), ...cdFields });
  world.ste(1, { ...NESTED_STE, ...stage2Fields(stage2), S1ContextPtr: cd, ...ste });
  return { world, stage1, stage2, guest, cd };
}

describe("the record of a configuration error, IHI 0070 §7.3", () => {
  const everything = { ssid: 5, write: true, privileged: true, instruction: true } as const;

  it("C_BAD_STREAMID has the stream and substream alone, §7.3.3", () => {
    expect(record(new World(), { sid: 0x12345, va: [-1, -1], ...everything })).toEqual({
      event: "C_BAD_STREAMID",
      SSV: 1n,
      SubstreamID: 5n,
      StreamID: 0x12345n,
    });
  });

  it("F_STE_FETCH has the address of the fetch, §7.3.4", () => {
    const world = new World({ STRTAB_BASE: { ADDR: 2 ** 47 } });
    const expected = { event: "F_STE_FETCH", ...FETCH, StreamID: 3n, FetchAddr: 2n ** 47n + 3n * 64n };
    expect(record(world, { sid: 3, va: 0 })).toEqual(expected);
  });

  it("C_BAD_STE has the stream and substream alone, §7.3.5", () => {
    expect(record(new World(), { va: 0 })).toEqual({ event: "C_BAD_STE", ...HEAD });
    const withSubstream = { event: "C_BAD_STE", SSV: 1n, SubstreamID: 5n, StreamID: 1n };
    expect(record(new World(), { va: 0, ...everything })).toEqual(withSubstream);
  });

  it("F_STREAM_DISABLED has the stream alone, §7.3.7", () => {
    const { world } = nested({ S1CDMax: 4, S1DSS: 0 });
    expect(record(world, { va: 0 })).toEqual({ event: "F_STREAM_DISABLED", StreamID: 1n });
  });

  it("C_BAD_SUBSTREAMID has the SubstreamID, without a valid flag, §7.3.9", () => {
    const { world } = nested();
    const expected = { event: "C_BAD_SUBSTREAMID", SubstreamID: 0xfffffn, StreamID: 1n };
    expect(record(world, { va: 0, ssid: 0xfffff })).toEqual(expected);
  });

  it("F_CD_FETCH has the physical address of the fetch, §7.3.10", () => {
    const { world, stage2 } = nested({ S1ContextPtr: 0x7000_0040 });
    stage2.map(0x7000_0000, 0, 2 ** 47, OPEN[2]);
    expect(record(world, { va: 0 })).toEqual({ event: "F_CD_FETCH", ...FETCH, FetchAddr: 2n ** 47n + 0x40n });
  });

  it("C_BAD_CD has the stream and substream alone, §7.3.11", () => {
    const { world } = nested({}, { V: 0 });
    expect(record(world, { va: 0 })).toEqual({ event: "C_BAD_CD", ...HEAD });
  });
});

describe("the record of a translation fault, IHI 0070 §7.3", () => {
  it("F_WALK_EABT tells the stage and class, and the address of the descriptor, §7.3.12", () => {
    const fault = { event: "F_WALK_EABT", ...FETCH, PnU: 0n, InD: 0n, RnW: 1n, InputAddr: 0x1008n };
    const nowhere = 2n ** 47n;
    // A stage-1 table whose guest page lies where nothing answers: stage 1, TT.
    const table = nested();
    const leaf = table.stage1.place(0x1000, 0);
    table.stage2.map(leaf, 0, Number(nowhere), OPEN[2]);
    const at = nowhere + BigInt(leaf % 4096);
    expect(record(table.world, { va: 0x1008 })).toEqual({ ...fault, S2: 0n, CLASS: 1n, FetchAddr: at });
    // A stage-2 table that lies there, on the way to a stage-1 table, to the output, to the CD.
    const onTheWay = { ...fault, S2: 1n };
    const walk = nested();
    walk.stage1.put(walk.stage1.place(0x1000, 1), [0x3, 0x10]);
    walk.stage2.put(walk.stage2.place(2 ** 36, 1), [0x3, 2 ** 15]);
    expect(record(walk.world, { va: 0x1008 })).toEqual({ ...onTheWay, CLASS: 1n, FetchAddr: nowhere });
    const output = nested();
    output.stage1.map(0x1000, 0, 2 ** 36 + 5 * 4096, OPEN[1]);
    output.stage2.put(output.stage2.place(2 ** 36, 1), [0x3, 2 ** 15]);
    expect(record(output.world, { va: 0x1008 })).toEqual({ ...onTheWay, CLASS: 2n, FetchAddr: nowhere + 40n });
    const context = nested({ S1ContextPtr: 2 ** 36 + 3 * 4096 });
    context.stage2.put(context.stage2.place(2 ** 36, 1), [0x3, 2 ** 15]);
    expect(record(context.world, { va: 0x1008 })).toEqual({ ...onTheWay, CLASS: 0n, FetchAddr: nowhere + 24n });
  });

  it("F_TRANSLATION of stage 1 has no IPA, §7.3.13", () => {
    const { world } = nested();
    expect(record(world, { va: 0x2345 })).toEqual({ event: "F_TRANSLATION", ...FAULT, InputAddr: 0x2345n });
    const far = [0x00ab_cdef, 0x0123_4567] as const;
    expect(record(world, { va: far })).toMatchObject({ event: "F_TRANSLATION", InputAddr: 0x00ab_cdef_0123_4567n });
  });

  it("carries the input address whole, ignored top byte and sign extension too, §3.4.1", () => {
    const { world } = nested({}, { TBI0: 1 });
    const va = [0xee00_0000, 0x0000_2345] as const;
    expect(record(world, { va })).toMatchObject({ event: "F_TRANSLATION", InputAddr: 0xee00_0000_0000_2345n });
  });

  it("F_TRANSLATION of stage 2 tells what the address was for and which it was, §7.3.13", () => {
    const input = nested();
    input.stage1.map(0x1000, 0, 0x91_2000, OPEN[1]);
    const fault = { event: "F_TRANSLATION", ...FAULT, S2: 1n, InputAddr: 0x1abcn };
    expect(record(input.world, { va: 0x1abc })).toEqual({ ...fault, CLASS: 2n, IPA: 0x91_2000n });
    const walk = nested();
    const table = walk.stage1.place(0x1000, 1);
    walk.stage1.put(table, [0xa0_0003, 0]);
    expect(record(walk.world, { va: 0x1abc })).toEqual({ ...fault, CLASS: 1n, IPA: 0xa0_0000n });
    const context = nested({ S1ContextPtr: 0xb0_0fc0 });
    expect(record(context.world, { va: 0x1abc })).toEqual({ ...fault, CLASS: 0n, IPA: 0xb0_0000n });
  });

  it("F_ADDR_SIZE of each stage, of a table and of a leaf, and of a bypass, §7.3.14", () => {
    const fault = { event: "F_ADDR_SIZE", ...FAULT, InputAddr: 0x1010n };
    const one = nested({}, { IPS: 2 });
    one.stage1.map(0x1000, 0, 2 ** 40, OPEN[1]);
    expect(record(one.world, { va: 0x1010 })).toEqual(fault);
    const two = nested({ S2PS: 2 });
    two.stage2.map(0x90_0000, 0, 2 ** 40, OPEN[2]);
    expect(record(two.world, { va: 0x1010 })).toEqual({ ...fault, S2: 1n, IPA: 0x90_0000n });
    const bypass = new World();
    bypass.ste(1, { V: 1, Config: 4 });
    expect(record(bypass, { va: 2 ** 48 })).toEqual({ ...fault, InputAddr: 2n ** 48n });
    const only2 = nested({ Config: 6 });
    expect(record(only2.world, { va: 2 ** 48 })).toEqual({ ...fault, InputAddr: 2n ** 48n });
  });

  it("F_ACCESS of each stage, §7.3.15", () => {
    const fault = { event: "F_ACCESS", ...FAULT, InputAddr: 0x1010n };
    const one = nested();
    one.stage1.map(0x1000, 0, 0x90_0000, { AP: 1 });
    expect(record(one.world, { va: 0x1010 })).toEqual(fault);
    const two = nested();
    two.stage2.map(0x90_0000, 0, 0x5000_0000, { ...OPEN[2], AF: 0 });
    expect(record(two.world, { va: 0x1010 })).toEqual({ ...fault, S2: 1n, IPA: 0x90_0000n });
  });

  it("F_PERMISSION tells the attributes of the access, and TTRnW where a table was being read, §7.3.16", () => {
    const fault = { event: "F_PERMISSION", ...FAULT, TTRnW: 0n, InputAddr: 0x1010n };
    const one = nested();
    one.stage1.map(0x1000, 0, 0x90_0000, { AF: 1, AP: 3, UXN: 1, PXN: 1 });
    expect(record(one.world, { va: 0x1010, write: true })).toEqual({ ...fault, RnW: 0n });
    expect(record(one.world, { va: 0x1010, instruction: true })).toEqual({ ...fault, InD: 1n });
    const both = { instruction: true, privileged: true } as const;
    expect(record(one.world, { va: 0x1010, ...both })).toEqual({ ...fault, InD: 1n, PnU: 1n });
    // A write is data, whatever came with it.
    expect(record(one.world, { va: 0x1010, write: true, ...both })).toEqual({ ...fault, RnW: 0n, PnU: 1n });
    const two = nested();
    two.stage2.map(0x90_0000, 0, 0x5000_0000, { ...OPEN[2], S2AP: 1 });
    expect(record(two.world, { va: 0x1010, write: true })).toEqual({ ...fault, RnW: 0n, S2: 1n, IPA: 0x90_0000n });
    const walk = nested();
    walk.stage1.put(walk.stage1.place(0x1000, 1), [0xa0_0003, 0]);
    walk.stage2.map(0xa0_0000, 0, 0x5000_0000, { ...OPEN[2], S2AP: 2 });
    const inWalk = { ...fault, S2: 1n, CLASS: 1n, TTRnW: 1n, IPA: 0xa0_0000n };
    expect(record(walk.world, { va: 0x1010, write: true })).toEqual({ ...inWalk, RnW: 0n });
  });

  it("tells the attributes after the STE's overrides, §7.3", () => {
    const { world } = nested({ PRIVCFG: 3, INSTCFG: 3 });
    expect(record(world, { va: 0x2000 })).toMatchObject({ PnU: 1n, InD: 1n, RnW: 1n });
    expect(record(world, { va: 0x2000, write: true })).toMatchObject({ PnU: 1n, InD: 0n, RnW: 0n });
    const data = nested({ PRIVCFG: 2, INSTCFG: 2 });
    const asked = { va: 0x2000, privileged: true, instruction: true } as const;
    expect(record(data.world, asked)).toMatchObject({ PnU: 0n, InD: 0n });
    const asItCame = nested({ PRIVCFG: 1, INSTCFG: 1 });
    expect(record(asItCame.world, asked)).toMatchObject({ PnU: 1n, InD: 1n });
  });
});

describe("what S2R, R and A make of a fault, IHI 0070 §5.5", () => {
  it("R 0 leaves a stage-1 fault without a record; A 0 answers it with RAZ/WI", () => {
    for (const [R, A] of [
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ] as const) {
      const t = nested({}, { R, A }).world.translate({ va: 0x2000 });
      expect([R, A, t.end, t.razwi]).toEqual([R, A, R === 1 ? End.Fault : End.Abort, A === 0]);
    }
  });

  it("S2R 0 leaves a stage-2 fault without a record, of a table walk too; it always aborts", () => {
    for (const S2R of [0, 1]) {
      const input = nested({ S2R }, { A: 0 });
      input.stage1.map(0x1000, 0, 0x91_2000, OPEN[1]);
      const t = input.world.translate({ va: 0x1000 });
      expect([t.end, t.razwi]).toEqual([S2R === 1 ? End.Fault : End.Abort, false]);
      const context = nested({ S2R, S1ContextPtr: 0xb0_0fc0 });
      expect(context.world.translate({ va: 0x1000 }).end).toBe(S2R === 1 ? End.Fault : End.Abort);
    }
  });

  it("configuration errors and external aborts are recorded whatever they say", () => {
    const { world } = nested({ S2R: 0 }, { R: 0, V: 0 });
    expect(world.translate({ va: 0 }).end).toBe(End.Fault);
    const walk = nested({ S2R: 0 }, { R: 0, A: 0 });
    walk.stage2.map(walk.stage1.place(0x1000, 0), 0, 2 ** 47, OPEN[2]);
    expect([walk.world.translate({ va: 0x1000 }).end, walk.world.t.razwi]).toEqual([End.Fault, false]);
  });

  it("Config 0b0xx ends a transaction without a record, §5.2", () => {
    const world = new World();
    for (const Config of [0, 1, 2, 3]) {
      world.ste(1, { V: 1, Config });
      expect(world.translate({ va: 0x1000, ssid: 9 }).end).toBe(End.Abort);
    }
  });
});
