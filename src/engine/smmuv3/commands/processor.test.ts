import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { COMMANDS, commandByName } from "../../../arch/smmuv3/commands.ts";
import { TlbiScope } from "../maintenance.ts";
import { CONTROL, ControlWorld } from "../testing/control_world.ts";
import type { Fields } from "../testing/world.ts";

const ILL = 1;
const ATC_INV_SYNC = 3;

/** A world with these fields of IDR0 to IDR5 instead of everything. */
const without = (registers: Readonly<Record<string, Fields>>): ControlWorld => new ControlWorld(registers);

const lastCall = (world: ControlWorld): unknown => world.calls.at(-1);

describe("which commands there are on a Non-secure queue, IHI 0070 §4.1.1", () => {
  it("every Secure and EL3 command is ILLEGAL, whatever is offered, §4.4.2", () => {
    for (const { name } of COMMANDS.filter((c) => /_(S_|SNH|EL3)/.test(c.name))) {
      expect([name, new ControlWorld().issue(name)]).toEqual([name, ILL]);
    }
  });

  it("reserved and IMPLEMENTATION DEFINED opcodes are ILLEGAL", () => {
    const known = new Set(COMMANDS.map((c) => c.opcode));
    const unknown = Array.from({ length: 256 }, (_, opcode) => opcode).filter((opcode) => !known.has(opcode));
    for (const opcode of unknown) {
      const world = new ControlWorld();
      world.enqueueWords(Uint32Array.of(opcode, 0, 0, 0));
      world.ring();
      expect([opcode, world.error, world.calls]).toEqual([opcode, ILL, []]);
    }
  });

  it.each<[string, readonly string[], Readonly<Record<string, Fields>>]>([
    [
      "stage 1",
      [
        "CFGI_CD",
        "CFGI_CD_ALL",
        "CFGI_VMS_PIDM",
        "TLBI_NH_ALL",
        "TLBI_NH_ASID",
        "TLBI_NH_VA",
        "TLBI_NH_VAA",
        "TLBI_EL2_ALL",
        "TLBI_EL2_ASID",
        "TLBI_EL2_VA",
        "TLBI_EL2_VAA",
      ],
      { IDR0: { S1P: 0 } },
    ],
    ["EL2", ["TLBI_EL2_ALL", "TLBI_EL2_ASID", "TLBI_EL2_VA", "TLBI_EL2_VAA"], { IDR0: { Hyp: 0 } }],
    ["stage 2", ["TLBI_S12_VMALL", "TLBI_S2_IPA", "CFGI_VMS_PIDM"], { IDR0: { S2P: 0 } }],
    ["ATS", ["ATC_INV"], { IDR0: { ATS: 0 } }],
    ["PRI", ["PRI_RESP"], { IDR0: { PRI: 0 } }],
    ["stalls", ["RESUME", "STALL_TERM"], { IDR0: { STALL_MODEL: 1 } }],
    ["the Device Permission Table", ["DPTI_ALL", "DPTI_PA"], { IDR3: { DPT: 0 } }],
    ["MPAM", ["CFGI_VMS_PIDM"], { IDR3: { MPAM: 0 } }],
    ["PARTIDs besides 0", ["CFGI_VMS_PIDM"], { MPAMIDR: { PARTID_MAX: 0 } }],
  ])("without %s its commands are ILLEGAL, and no others", (_what, names, registers) => {
    for (const { name } of COMMANDS.filter((c) => !/_(S_|SNH|EL3)/.test(c.name))) {
      const absent = names.includes(name.slice("CMD_".length));
      expect([name, without(registers).issue(name)]).toEqual([name, absent ? ILL : 0]);
    }
  });

  it("commands that name a Secure stream are ILLEGAL, §4.1.6", () => {
    for (const { name, layout } of COMMANDS.filter((c) => c.layout.fields.some((f) => f.name === "SSec"))) {
      const world = new ControlWorld();
      expect([name, layout.name, world.issue(name, { SSec: 1 }), world.calls]).toEqual([name, name, ILL, []]);
    }
  });

  it("bits that a command does not define are ignored, §4.1.5", () => {
    for (const { name, layout, opcode } of COMMANDS.filter((c) => !/_(S_|SNH|EL3)|DPTI_PA/.test(c.name))) {
      const reserved = layout.fields.filter((f) => f.form === "reserved");
      const ones = Object.fromEntries(reserved.map((f) => [f.name, 2 ** Math.min(f.hi - f.lo + 1, 32) - 1]));
      const [plain, dirty] = [new ControlWorld(), new ControlWorld()];
      plain.issue(name);
      expect([opcode, dirty.issue(name, ones)]).toEqual([opcode, 0]);
      // Tags that the command has not are no operands of its scope either.
      const tags = ["VMID", "ASID"].filter((tag) => layout.fields.every((f) => f.name !== tag));
      const operands = (world: ControlWorld): string =>
        JSON.stringify(world.calls, (key, value) => (tags.includes(key.toUpperCase()) ? undefined : value));
      expect(operands(dirty)).toBe(operands(plain));
    }
  });
});

describe("configuration commands, IHI 0070 §4.3", () => {
  it.each<[string, Fields, readonly unknown[]]>([
    ["CFGI_STE", { StreamID: 0x12345678 }, ["cfgiSte", 0x12345678, false]],
    ["CFGI_STE", { StreamID: 0xffffffff, Leaf: 1 }, ["cfgiSte", 0xffffffff, true]],
    ["CFGI_STE_RANGE", { StreamID: 0x40, Range: 5 }, ["cfgiSteRange", 0x40, 5]],
    ["CFGI_STE_RANGE", { StreamID: 0x40, Range: 31 }, ["cfgiAll"]],
    ["CFGI_CD", { StreamID: 7, SubstreamID: 0xfffff, Leaf: 1 }, ["cfgiCd", 7, 0xfffff, true]],
    ["CFGI_CD_ALL", { StreamID: 7 }, ["cfgiCdAll", 7]],
    ["CFGI_VMS_PIDM", { VMID: 0xabcd }, ["vmsPidm", 0xabcd, 0xffff]],
    ["DPTI_ALL", {}, ["dptiAll"]],
  ])("%s %j is %j", (name, fields, call) => {
    const world = new ControlWorld();
    expect([world.issue(name, fields), world.calls]).toEqual([0, [call]]);
  });
});

describe("prefetch, IHI 0070 §4.2", () => {
  it("passes stream, substream, count and stride on", () => {
    const world = new ControlWorld();
    world.issue("PREFETCH_CONFIG", { StreamID: 3, SSV: 1, SubstreamID: 9 });
    expect(lastCall(world)).toEqual(["config", 3, true, 9]);
    world.issue("PREFETCH_ADDR", { StreamID: 3, Address: 0x8_0000_5000, Size: 4, Stride: 9 });
    expect(lastCall(world)).toEqual(["addresses", 3, false, 0, 8, 0x5000, 4, 21]);
  });

  it("has no stride before SMMUv3.1, and does nothing while translation is off", () => {
    const old = without({ AIDR: { ArchMinorRev: 0 } });
    old.issue("PREFETCH_ADDR", { Stride: 9 });
    expect(lastCall(old)).toEqual(["addresses", 0, false, 0, 0, 0, 0, 12]);
    const off = without({ CR0: { SMMUEN: 0 } });
    expect([off.issue("PREFETCH_CONFIG"), off.issue("PREFETCH_ADDR"), off.calls]).toEqual([0, 0, []]);
  });

  it("takes SSV for 0 where there are no substreams", () => {
    const world = without({ IDR1: { SSIDSIZE: 0 } });
    world.issue("PREFETCH_CONFIG", { StreamID: 3, SSV: 1, SubstreamID: 9 });
    expect(lastCall(world)).toEqual(["config", 3, false, 0]);
  });
});

describe("TLB invalidation, IHI 0070 §4.4", () => {
  const op = (world: ControlWorld): Record<string, unknown> =>
    (lastCall(world) as [string, Record<string, unknown>])[1];

  it.each<[string, TlbiScope]>([
    ["TLBI_NH_ALL", TlbiScope.NH_ALL],
    ["TLBI_NH_ASID", TlbiScope.NH_ASID],
    ["TLBI_NH_VA", TlbiScope.NH_VA],
    ["TLBI_NH_VAA", TlbiScope.NH_VAA],
    ["TLBI_EL2_ALL", TlbiScope.EL2_ALL],
    ["TLBI_EL2_ASID", TlbiScope.EL2_ASID],
    ["TLBI_EL2_VA", TlbiScope.EL2_VA],
    ["TLBI_EL2_VAA", TlbiScope.EL2_VAA],
    ["TLBI_S12_VMALL", TlbiScope.S12_VMALL],
    ["TLBI_S2_IPA", TlbiScope.S2_IPA],
    ["TLBI_NSNH_ALL", TlbiScope.NSNH_ALL],
  ])("%s has scope %i and the operands its layout places", (name, scope) => {
    const has = (field: string): boolean => commandByName(name)!.layout.fields.some((f) => f.name === field);
    const fields: Record<string, number> = {};
    if (has("VMID")) fields.VMID = 0xbeef;
    if (has("ASID")) fields.ASID = 0xcafe;
    if (has("Address")) Object.assign(fields, { Address: 0x12_3456_7000, Leaf: 1 });
    const world = new ControlWorld();
    expect(world.issue(name, fields)).toBe(0);
    expect(op(world)).toMatchObject({ scope, e2h: false, granuleLg2: 0, level: 0, leaf: has("Address") });
    if (has("VMID")) expect(op(world)).toMatchObject({ vmid: 0xbeef, vmidMask: 0xffff });
    if (has("ASID")) expect(op(world)).toMatchObject({ asid: 0xcafe });
    const single = { firstHi: 0x12, firstLo: 0x34567000, lastHi: 0x12, lastLo: 0x34567000 };
    const everything = { firstHi: 0, firstLo: 0, lastHi: -1, lastLo: -1 };
    expect(op(world)).toMatchObject(has("Address") ? single : everything);
  });

  it("takes all of a VA, and 44 bits of an IPA's pages", () => {
    const world = new ControlWorld();
    const top = Uint32Array.of(0x12, 0, 0xfffff000, 0xffffffff);
    world.enqueueWords(top);
    world.enqueueWords(Uint32Array.of(0x2a, ...top.subarray(1)));
    world.ring();
    const ends = world.calls.map((call) => (call[1] as { firstHi: number }).firstHi >>> 0);
    expect(ends).toEqual([0xffffffff, 0x00ffffff]);
  });

  it.each([
    [0, 0xffff],
    [1, 0xfffe],
    [4, 0xfff0],
    [5, 0xffff],
  ])("CR0.VMW %i leaves mask 0x%s of the VMID, §3.17.6", (vmw, mask) => {
    const world = new ControlWorld();
    world.store("CR0", 0b1101 | (vmw << 6));
    world.issue("TLBI_NH_ALL", { VMID: 3 });
    expect(op(world).vmidMask).toBe(mask);
  });

  it("matches no VMID without stage 2, §4.4.2", () => {
    const world = without({ IDR0: { S2P: 0 } });
    world.issue("TLBI_NH_VA", { VMID: 3 });
    expect(op(world).vmidMask).toBe(0);
  });

  it("says what CR2.E2H is at the time", () => {
    const world = without({ CR2: { E2H: 1 } });
    world.issue("TLBI_EL2_VA");
    expect(op(world).e2h).toBe(true);
  });

  it.each([
    [{ TG: 1, TTL: 3 }, 12, 3, 1],
    [{ TG: 2, TTL: 2 }, 14, 2, 1],
    [{ TG: 3, NUM: 31 }, 16, 0, 32],
    [{ TG: 1, NUM: 2, SCALE: 4 }, 12, 0, 48],
    [{ TG: 1, SCALE: 31 }, 12, 0, 2 ** 31],
  ])("%j is a range of granules of 2^%i, level %i: %i of them, §4.4.1.1", (fields, granuleLg2, level, granules) => {
    const world = new ControlWorld();
    expect(world.issue("TLBI_NH_VA", { Address: 0x10_0000, ...fields })).toBe(0);
    expect(op(world)).toMatchObject({ granuleLg2, level, firstLo: 0x10_0000 });
    const { lastHi, lastLo } = op(world) as { lastHi: number; lastLo: number };
    const last = (BigInt(lastHi >>> 0) << 32n) | BigInt(lastLo >>> 0);
    expect(last).toBe(0x10_0000n + BigInt(granules) * (1n << BigInt(granuleLg2)) - 1n);
  });

  it("covers (NUM+1) * 2^SCALE granules and never wraps, whatever the operands", () => {
    const world = without({ IDR5: { DS: 1, OAS: 6 } });
    const property = fc.property(
      fc.integer({ min: 0, max: 31 }),
      fc.integer({ min: 0, max: 63 }),
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 0, max: 3 }),
      fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      fc.integer({ min: 0, max: 2 ** 20 - 1 }),
      (num, scale, tg, ttl, hi, page) => {
        world.acknowledge();
        world.calls.length = 0;
        const words = Uint32Array.of(
          0x13 | (num << 12) | (scale << 20),
          0,
          ((page << 12) | (tg << 10) | (ttl << 8)) >>> 0,
          hi,
        );
        world.enqueueWords(words);
        world.ring();
        if (num === 0 && scale === 0 && ttl === 0) {
          expect([world.error, world.calls]).toEqual([ILL, []]);
          // Software replaces the command, so that the next one is not behind it.
          world.memory.write64(0, (0x3000_0000 + 16 * (world.read("CMDQ_CONS") & 31)) >>> 0, 0, 0x46);
          world.acknowledge();
          return;
        }
        const first = (BigInt(hi) << 32n) | BigInt((page << 12) >>> 0);
        const bytes = BigInt(num + 1) << BigInt(Math.min(scale, 39) + 10 + 2 * tg);
        const end = first + bytes - 1n;
        const top = (1n << 64n) - 1n;
        const { lastHi, lastLo } = op(world) as { lastHi: number; lastLo: number };
        expect((BigInt(lastHi >>> 0) << 32n) | BigInt(lastLo >>> 0)).toBe(end > top ? top : end);
      },
    );
    fc.assert(property, { seed: 41, numRuns: 400 });
  });

  it("refuses a granule without a range or a level, §4.4.1.1", () => {
    for (const tg of [1, 2, 3]) expect(new ControlWorld().issue("TLBI_NH_VA", { TG: tg })).toBe(ILL);
    // TTL 0b01 of 16KB tables is reserved without 52-bit addresses and counts as 0b00.
    expect(new ControlWorld().issue("TLBI_S2_IPA", { TG: 2, TTL: 1 })).toBe(ILL);
    expect(without({ IDR5: { DS: 1 } }).issue("TLBI_S2_IPA", { TG: 2, TTL: 1 })).toBe(0);
  });

  it("has a SCALE of five bits without 52-bit addresses", () => {
    const world = new ControlWorld();
    expect(world.issue("TLBI_NH_VA", { TG: 1, SCALE: 32 })).toBe(ILL);
  });

  it("ignores range and hint without IDR3.RIL", () => {
    const world = without({ IDR3: { RIL: 0 } });
    expect(world.issue("TLBI_NH_VA", { TG: 1, TTL: 2, NUM: 5, SCALE: 3, Address: 0x5000 })).toBe(0);
    expect(op(world)).toMatchObject({ granuleLg2: 0, level: 0, firstLo: 0x5000, lastLo: 0x5000 });
  });
});

describe("messages to devices, IHI 0070 §4.5", () => {
  it.each<[Fields, readonly unknown[]]>([
    [{ Size: 0, Address: 0x1234_5000 }, ["invalidate", 5, false, 0, false, 0, 0x1234_5000, 12]],
    [{ Size: 9, Address: 0x1234_5000 }, ["invalidate", 5, false, 0, false, 0, 0x1220_0000, 21]],
    [{ Size: 24, Address: 0x7f_1234_5000 }, ["invalidate", 5, false, 0, false, 0x70, 0, 36]],
    [{ Size: 52, Address: 0x7f_1234_5000 }, ["invalidate", 5, false, 0, false, 0, 0, 64]],
    [{ SSV: 1, SubstreamID: 7, Global: 1 }, ["invalidate", 5, true, 7, true, 0, 0, 12]],
    [{ SSV: 0, SubstreamID: 7, Global: 1 }, ["invalidate", 5, false, 0, false, 0, 0, 12]],
  ])("CMD_ATC_INV %j is %j", (fields, call) => {
    const world = new ControlWorld();
    expect([world.issue("ATC_INV", { StreamID: 5, ...fields }), world.calls]).toEqual([0, [call]]);
  });

  it("CMD_ATC_INV refuses sizes beyond the address space", () => {
    expect(new ControlWorld().issue("ATC_INV", { Size: 53 })).toBe(ILL);
  });

  it("CMD_PRI_RESP passes its answer on, and refuses the reserved one", () => {
    const world = new ControlWorld();
    world.issue("PRI_RESP", { StreamID: 5, SSV: 1, SubstreamID: 7, PRGIndex: 0x1ff, Resp: 2 });
    expect(world.calls).toEqual([["respond", 5, true, 7, 0x1ff, 2]]);
    expect(world.issue("PRI_RESP", { Resp: 3 })).toBe(ILL);
  });

  it("are ignored while translation is off, but still judged", () => {
    const world = without({ CR0: { SMMUEN: 0 } });
    expect([world.issue("ATC_INV"), world.issue("PRI_RESP", { Resp: 2 }), world.calls]).toEqual([0, 0, []]);
    expect(world.issue("PRI_RESP", { Resp: 3 })).toBe(ILL);
  });
});

describe("CMD_SYNC, IHI 0070 §4.7.3", () => {
  const MESSAGE = { CS: 1, MSIAddress: 0x4000_0004, MSIData: 0x11223344 };
  const at = (world: ControlWorld, address: number): number => {
    world.memory.read64(0, address);
    return (address & 4 ? world.memory.hi : world.memory.lo) >>> 0;
  };

  it("writes its message, and only that word", () => {
    const world = new ControlWorld();
    world.write(0x4000_0000, 0xaaaaaaaa, 0xbbbbbbbb);
    expect(world.issue("SYNC", MESSAGE)).toBe(0);
    expect([at(world, 0x4000_0000), at(world, 0x4000_0004)]).toEqual([0xaaaaaaaa, 0x11223344]);
    expect(world.control.interrupts.raised[3]).toBe(1);
  });

  it.each<[string, Fields, Readonly<Record<string, Fields>>]>([
    ["CS 0", { ...MESSAGE, CS: 0 }, {}],
    ["CS 2", { ...MESSAGE, CS: 2 }, {}],
    ["no IDR0.MSI", MESSAGE, { IDR0: { MSI: 0 } }],
    ["an address of 0", { ...MESSAGE, MSIAddress: 0 }, {}],
  ])("writes none with %s", (_what, fields, registers) => {
    const world = without(registers);
    expect(world.issue("SYNC", fields)).toBe(0);
    expect([at(world, 0), at(world, 0x4000_0004), world.read("GERROR")]).toEqual([0, 0, 0]);
  });

  it("cuts its address to the output size", () => {
    const world = new ControlWorld();
    world.issue("SYNC", { ...MESSAGE, MSIAddress: 2 ** 50 + 0x4000_0008 });
    expect(at(world, 0x4000_0008)).toBe(0x11223344);
  });

  it("says in GERROR that its message was aborted, and is consumed all the same", () => {
    const world = new ControlWorld();
    expect(world.issue("SYNC", { ...MESSAGE, MSIAddress: 2 ** 41 })).toBe(0);
    expect(world.registers.field("SMMU_GERROR", "MSI_CMDQ_ABT_ERR")).toBe(1);
    expect(world.registers.field("SMMU_CMDQ_CONS", "RD")).toBe(1);
  });

  it("refuses the reserved CS", () => {
    expect(new ControlWorld().issue("SYNC", { CS: 3 })).toBe(ILL);
  });

  it("fails, and may be tried again, where an ATS invalidation timed out", () => {
    const world = new ControlWorld();
    world.devicesComplete = false;
    expect(world.issue("SYNC", MESSAGE)).toBe(ATC_INV_SYNC);
    expect([world.registers.field("SMMU_CMDQ_CONS", "RD"), at(world, 0x4000_0004)]).toEqual([0, 0]);
    world.devicesComplete = true;
    world.acknowledge();
    expect([world.error, world.registers.field("SMMU_CMDQ_CONS", "RD")]).toEqual([0, 1]);
    expect(at(world, 0x4000_0004)).toBe(0x11223344);
  });
});

it("offers every command it declares fields for", () => {
  // Guards the table of names against a typing mistake: with everything offered, only Secure and EL3 forms are refused.
  const refused = COMMANDS.filter(({ name }) => new ControlWorld(CONTROL).issue(name) !== 0).map((c) => c.name);
  expect(refused.every((name) => /_(S_|SNH|EL3)/.test(name))).toBe(true);
});
