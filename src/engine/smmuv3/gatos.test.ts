import { describe, expect, it } from "vitest";
import { SMMU_GATOS_PAR, SMMU_GATOS_PAR_FAULT } from "../../arch/smmuv3/atos_registers.ts";
import { CD } from "../../arch/smmuv3/cd.ts";
import { vmsav8Format } from "../../pagetable/formats/vmsav8.ts";
import { type Attributes, TableBuilder } from "../../pagetable/testing/table_builder.ts";
import { ControlWorld } from "./testing/control_world.ts";
import { GuestStore, HostStore, OPEN, stage1Fields, stage2Fields } from "./testing/nested_world.ts";
import { type Fields, NESTED_STE, PLAIN_CD } from "./testing/world.ts";

const VA = 0x1_2345_6000;
const IPA = 0x4_4000_0000;
const PA = 0x10_0000_0000;
const SID = 5;
const INV_REQ = 0xff;
const INV_STAGE = 0xfe;
const READ = 1;

/** What differs from an open page of both stages. */
interface Setup {
  readonly registers?: Readonly<Record<string, Fields>>;
  readonly ste?: Fields;
  readonly cd?: Fields;
  readonly leaf1?: Attributes;
  readonly leaf2?: Attributes;
  /** Levels of the leaves, counted from the smallest page. */
  readonly level1?: number;
  readonly level2?: number;
}

/** A stream whose VA goes to IPA, and IPA to PA. */
function nested(s: Setup = {}): ControlWorld {
  const world = new ControlWorld({
    ...s.registers,
    IDR0: { ATOS: 1, VATOS: 1, HTTU: 2, ...s.registers?.IDR0 },
    IDR2: { BA_VATOS: 3 },
  });
  const host = new HostStore(world);
  const fmt = vmsav8Format(12, false);
  const s2 = new TableBuilder(fmt, host, 2, 2, 39);
  const guest = new GuestStore(s2, host, 0x8_0000_0000);
  const s1 = new TableBuilder(fmt, guest, 1, 3, 48);
  s1.map(VA, s.level1 ?? 0, IPA, { ...OPEN[1], ...s.leaf1 });
  s2.map(IPA, s.level2 ?? 0, PA, { ...OPEN[2], ...s.leaf2 });
  const cdAt = guest.allocate(CD.bits / 8);
  world.put(CD, guest.physical(cdAt), { ...PLAIN_CD, ...stage1Fields(s1, 0), ...s.cd });
  world.ste(SID, { ...NESTED_STE, ...stage2Fields(s2), S1ContextPtr: cdAt, S2VMID: 7, ...s.ste });
  return world;
}

/** Ask through a group of registers; TYPE is a set of stages. */
function ask(
  world: ControlWorld,
  type: number,
  address: number,
  access: Fields = { RnW: READ },
  group = "GATOS",
): void {
  const flags = (type << 10) | ((access.PnU ?? 0) << 9) | ((access.RnW ?? 0) << 8) | ((access.InD ?? 0) << 7);
  const low = (address % 2 ** 32) + flags + ((access.HTTUI ?? 0) << 6);
  world.store(`${group}_SID`, access.sid ?? SID, access.ssid === undefined ? 0 : 2 ** 20 + access.ssid);
  world.store(`${group}_ADDR`, low, Math.floor(address / 2 ** 32));
  world.store(`${group}_CTRL`, 1);
  expect(world.read(`${group}_CTRL`)).toBe(0);
}

/** PAR of a lookup that succeeded, its address without the mark of the size. */
function result(world: ControlWorld, group = "GATOS"): { at: number; size: number; attr: number; sh: number } {
  const words = world.registers.words;
  const par = world.registers.at(`SMMU_${group}_PAR`);
  const f = SMMU_GATOS_PAR.f;
  expect(f.FAULT.get(words, par)).toBe(0);
  const at = f.ADDR.address(words, par);
  let mark = 4096;
  while (f.Size.get(words, par) === 1 && (at / mark) % 2 < 1) mark *= 2;
  const large = f.Size.get(words, par) === 1;
  return {
    at: large ? at - mark : at,
    size: large ? 2 * mark : 4096,
    attr: f.ATTR.get(words, par),
    sh: f.SH.get(words, par),
  };
}

/** PAR of a lookup that failed. */
function failure(world: ControlWorld, group = "GATOS"): { code: number; reason: number; at: number } {
  const words = world.registers.words;
  const par = world.registers.at(`SMMU_${group}_PAR`);
  const f = SMMU_GATOS_PAR_FAULT.f;
  expect(f.FAULT.get(words, par)).toBe(1);
  return {
    code: f.FAULTCODE.get(words, par),
    reason: f.REASON.get(words, par),
    at: f.FADDR.address(words, par),
  };
}

describe("lookups through GATOS, IHI 0070 §9.1", () => {
  it("answer for stage 1, stage 2, and both", () => {
    const world = nested();
    ask(world, 1, VA);
    expect(result(world).at).toBe(IPA);
    ask(world, 2, IPA);
    expect(result(world).at).toBe(PA);
    ask(world, 3, VA);
    expect(result(world).at).toBe(PA);
    expect(world.read("EVENTQ_PROD")).toBe(0);
  });

  it.each([
    [0, 0, 4096],
    [1, 0, 4096],
    [0, 1, 4096],
    [1, 1, 2 ** 21],
    [2, 1, 2 ** 21],
    [2, 2, 2 ** 30],
  ])("tell the smaller of the two sizes: leaves at level %i and %i give %i bytes", (level1, level2, size) => {
    const at = { level1, level2 };
    const world = nested(at);
    const base = VA - (VA % 2 ** (12 + 9 * level1));
    ask(world, 3, base + 0x3000 * (size > 4096 ? 1 : 0));
    expect(result(world)).toMatchObject({ at: PA, size });
  });

  it("give the attributes of the tables asked for, without the STE's overrides, §9.1.4", () => {
    const world = nested({
      registers: { IDR1: { ATTR_TYPES_OVR: 1 } },
      ste: { MTCFG: 1, MemAttr: 0, SHCFG: 2 },
      cd: { MAIR0: 0xbb },
      leaf1: { AttrIndx: 0, SH: 0 },
      leaf2: { MemAttr: 15, SH: 3 },
    });
    ask(world, 1, VA);
    expect(result(world)).toMatchObject({ attr: 0xbb, sh: 0 });
    ask(world, 2, IPA);
    expect(result(world)).toMatchObject({ attr: 0xff, sh: 3 });
    ask(world, 3, VA);
    expect(result(world)).toMatchObject({ attr: 0xbb, sh: 3 });
  });

  it("are Outer Shareable where the type is Device, §9.1.4", () => {
    const world = nested({ leaf2: { MemAttr: 1, SH: 0 } });
    ask(world, 2, IPA);
    expect(result(world)).toMatchObject({ attr: 0x04, sh: 2 });
  });

  it.each([
    ["a reserved type", 0, {}, { RnW: READ }],
    ["stage 1 without stage 1", 1, { IDR0: { S1P: 0 } }, { RnW: READ }],
    ["stage 2 without stage 2", 2, { IDR0: { S2P: 0 } }, { RnW: READ }],
    ["both without stage 2", 3, { IDR0: { S2P: 0 } }, { RnW: READ }],
    ["stage 2 with a SubstreamID", 2, {}, { RnW: READ, ssid: 0 }],
  ])("for %s are INV_REQ", (_what, type, registers, access) => {
    const world = nested({ registers });
    ask(world, type, VA, access);
    expect(failure(world)).toEqual({ code: INV_REQ, reason: 0, at: 0 });
  });

  it.each([
    [5, 2],
    [5, 3],
    [6, 1],
    [6, 3],
    [4, 1],
    [0, 2],
  ])("of a stream with Config %i for stages %i are INV_STAGE", (Config, type) => {
    const world = nested({ ste: { Config } });
    ask(world, type, VA);
    expect(failure(world)).toEqual({ code: INV_STAGE, reason: 0, at: 0 });
  });

  it("tell a bad StreamID whether or not events of it are recorded", () => {
    const world = nested({ registers: { CR2: { RECINVSID: 0 } } });
    ask(world, 1, VA, { RnW: READ, sid: 0xfff0 });
    expect(failure(world).code).toBe(0x02);
  });

  it("of stage 2 alone do not look at the CD", () => {
    const world = nested({ ste: { S1ContextPtr: 0x7f_0000_0000 } });
    ask(world, 2, IPA);
    expect(result(world).at).toBe(PA);
    ask(world, 3, VA);
    expect(failure(world)).toEqual({ code: 0x10, reason: 1, at: 0x7f_0000_0000 });
    ask(world, 1, VA);
    expect(failure(world)).toEqual({ code: 0x09, reason: 0, at: 0 });
  });

  it("tell faults by stage, cause and IPA, §9.1.4", () => {
    const world = nested({ leaf1: { AP: 3 }, leaf2: { S2AP: 2 } });
    ask(world, 3, VA, { RnW: 0 });
    expect(failure(world)).toEqual({ code: 0x13, reason: 0, at: 0 });
    ask(world, 3, VA);
    expect(failure(world)).toEqual({ code: 0x13, reason: 3, at: IPA });
    ask(world, 2, IPA);
    expect(failure(world)).toEqual({ code: 0x13, reason: 3, at: 0 });
    ask(world, 1, VA);
    expect(result(world).at).toBe(IPA);
  });

  it("go by the request's attributes, not by PRIVCFG and INSTCFG, §9.1.3", () => {
    const world = nested({ ste: { PRIVCFG: 2, INSTCFG: 3 }, leaf1: { AP: 0, UXN: 1 } });
    ask(world, 1, VA, { RnW: READ, PnU: 1 });
    expect(result(world).at).toBe(IPA);
    ask(world, 1, VA, { RnW: READ, PnU: 0 });
    expect(failure(world).code).toBe(0x13);
  });

  it.each([
    [1, 0],
    [0, 1],
  ])("with HTTUI %i change %i bit of the tables, §6.3.39", (HTTUI, changed) => {
    const world = nested({ cd: { HA: 1 }, leaf1: { AF: 0 } });
    const before = world.memory.segments().map(({ bytes }) => bytes.slice());
    ask(world, 1, VA, { RnW: READ, HTTUI });
    expect(result(world).at).toBe(IPA);
    const after = world.memory.segments().map(({ bytes }) => bytes);
    const bits = (x: number): number => x.toString(2).replaceAll("0", "").length;
    const differing = after.flatMap((bytes, i) => Array.from(bytes, (b, j) => bits(b ^ before[i]![j]!)));
    expect(differing.reduce((a, b) => a + b, 0)).toBe(changed);
  });

  it("do not run while translation is off, §6.3.37", () => {
    const world = nested({ registers: { CR0: { SMMUEN: 0 } } });
    ask(world, 2, IPA);
    expect([world.read("GATOS_PAR"), world.read("GATOS_CTRL")]).toEqual([0, 0]);
  });

  it("pass addresses through where S1DSS bypasses stage 1, §9.1.3", () => {
    const world = nested({ ste: { S1CDMax: 1, S1DSS: 1 } });
    ask(world, 1, VA);
    expect(result(world)).toMatchObject({ at: VA, size: 4096 });
    ask(world, 3, IPA);
    expect(result(world)).toMatchObject({ at: PA });
  });
});

describe("lookups through VATOS, IHI 0070 §9.1.6", () => {
  const VMID = 7;

  it("stand in a page of their own, at IDR2.BA_VATOS", () => {
    const world = nested();
    world.control.write(0x5_0a08, 8, 0, 0x1234);
    expect(world.read("VATOS_SID")).toBe(0x1234);
    world.control.read(0x2_0a08, 8);
    expect(world.control.lo).toBe(0);
    const absent = nested({ registers: { IDR0: { VATOS: 0 } } });
    absent.control.write(0x5_0a08, 8, 0, 0x1234);
    expect(absent.read("VATOS_SID")).toBe(0);
  });

  it("answer for stage 1 of streams with the VMID of VATOS_SEL", () => {
    const world = nested();
    world.store("VATOS_SEL", VMID);
    ask(world, 1, VA, { RnW: READ }, "VATOS");
    expect(result(world, "VATOS").at).toBe(IPA);
    expect(world.read("GATOS_PAR")).toBe(0);
  });

  it.each([2, 3])("refuse stages %i", (type) => {
    const world = nested();
    world.store("VATOS_SEL", VMID);
    ask(world, type, VA, { RnW: READ }, "VATOS");
    expect(failure(world, "VATOS").code).toBe(INV_REQ);
  });

  it("say C_BAD_STE of other machines' streams, and of streams without a VMID", () => {
    const other = nested();
    other.store("VATOS_SEL", VMID + 1);
    const bypass = nested({ ste: { Config: 4 } });
    bypass.store("VATOS_SEL", VMID);
    const abort = nested({ ste: { Config: 0 } });
    abort.store("VATOS_SEL", VMID);
    for (const world of [other, bypass, abort]) {
      ask(world, 1, VA, { RnW: READ }, "VATOS");
      expect(failure(world, "VATOS").code).toBe(0x04);
    }
  });

  it("say INV_STAGE of their own streams without stage 1", () => {
    const world = nested({ ste: { Config: 6 } });
    world.store("VATOS_SEL", VMID);
    ask(world, 1, VA, { RnW: READ }, "VATOS");
    expect(failure(world, "VATOS").code).toBe(INV_STAGE);
  });
});
