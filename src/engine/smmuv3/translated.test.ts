import { describe, expect, it } from "vitest";
import { DPT_L0_BLOCK, DPT_L0_TABLE, DPT_L1 } from "../../arch/smmuv3/dpt.ts";
import { eventByName } from "../../arch/smmuv3/events.ts";
import type { FieldAccess } from "../../base/layout.ts";
import { GlobalError } from "./global_errors.ts";
import { AtsWorld, IPA, PA } from "./testing/ats_world.ts";
import { OPEN } from "./testing/nested_world.ts";
import type { Fields } from "./testing/world.ts";

const number = (name: string): number => eventByName(name)!.number;

describe("a transaction marked Translated, IHI 0070 §3.9.1.3", () => {
  it("passes unchecked where ATSCHK is 0, also without any configuration", () => {
    const world = new AtsWorld({ V: 0 }, { registers: { CR0: { ATSCHK: 0 } } });
    expect(world.translated({ va: PA + 4, write: true })).toBe(PA + 4);
    expect(world.translated({ va: PA, sid: 0x8000 })).toBe(PA);
    expect(world.events).toEqual([]);
  });

  it("ends beyond the output size without an event (§3.9.1.1)", () => {
    for (const ATSCHK of [0, 1]) {
      const world = new AtsWorld({}, { registers: { CR0: { ATSCHK } } });
      expect(world.translated({ va: 2 ** 48 })).toBeNull();
      expect(world.events).toEqual([]);
    }
  });

  it("passes under full ATS and is a PA", () => {
    const world = new AtsWorld();
    expect(world.translated({ va: PA + 8 })).toBe(PA + 8);
  });

  it("is an IPA under Split-stage ATS, and meets the permissions of stage 2", () => {
    const world = new AtsWorld({ EATS: 2 }, { leaf2: { ...OPEN[2], S2AP: 1 } });
    expect(world.translated({ va: IPA + 8 })).toBe(PA + 8);
    expect(world.translated({ va: IPA, write: true })).toBeNull();
    expect(world.eventNumbers).toEqual([number("F_PERMISSION")]);
  });

  it("has its IPA checked against the address size first, as stage 1 (§3.9.1.3)", () => {
    const world = new AtsWorld({ EATS: 2 });
    expect(world.translated({ va: 2 ** 48 })).toBeNull();
    expect(world.eventNumbers).toEqual([number("F_ADDR_SIZE")]);
    // S2 is bit 103.
    expect((world.events[0]![3]! >>> 7) & 1).toBe(0);
  });

  it("sets flags of the stage-2 page it uses", () => {
    const world = new AtsWorld({ EATS: 2, S2HA: 1, S2HD: 1 }, { leaf2: { AF: 0, S2AP: 1, MemAttr: 15, DBM: 1 } });
    expect(world.translated({ va: IPA, write: true })).toBe(PA);
    expect(world.stage2.store.read(world.stage2.place(IPA, 0))[0] & 0x480).toBe(0x480);
  });

  it.each([
    ["the SMMU is off", {}, { CR0: { SMMUEN: 0 } }],
    ["EATS is 0b00", { EATS: 0 }, {}],
    ["no stage translates", { Config: 4 }, {}],
  ])("ends with F_TRANSL_FORBIDDEN where %s", (_name, ste, registers) => {
    const world = new AtsWorld(ste, { registers });
    expect(world.translated({ va: PA, write: true })).toBeNull();
    expect(world.eventNumbers).toEqual([number("F_TRANSL_FORBIDDEN")]);
    // InputAddr.
    expect([world.events[0]![4], world.events[0]![5]]).toEqual([PA, 0]);
  });

  it("ends without an event where the stream is disabled (Config 0b000)", () => {
    const world = new AtsWorld({ Config: 0 });
    expect(world.translated({ va: PA })).toBeNull();
    expect(world.events).toEqual([]);
  });

  it.each([
    ["C_BAD_STREAMID", { sid: 0x8000 }, {}],
    ["C_BAD_STE", {}, { V: 0 }],
  ])("ends on %s, recorded only with REC_CFG_ATS, whatever RECINVSID says", (name, request, ste) => {
    for (const REC_CFG_ATS of [0, 1]) {
      const world = new AtsWorld(ste, { registers: { CR2: { RECINVSID: 0, REC_CFG_ATS } } });
      expect(world.translated({ va: PA, ...request })).toBeNull();
      expect(world.eventNumbers).toEqual(REC_CFG_ATS === 1 ? [number(name)] : []);
    }
  });
});

describe("PASIDs on translated transactions, IHI 0070 §3.9.1.3", () => {
  /** Nobody unprivileged executes. */
  const XN_UNPRIVILEGED = { ...OPEN[2], XN: 3 };

  it("are not looked at without IDR3.PASIDTT: the transaction is unprivileged data without PASID", () => {
    const world = new AtsWorld({ EATS: 2, S1DSS: 0 }, { leaf2: { ...OPEN[2], XN: 2 } });
    expect(world.translated({ va: IPA, ssid: 0xfffff, instruction: true, privileged: true })).toBe(PA);
    expect(world.events).toEqual([]);
  });

  it("bring privilege and execution with IDR3.PASIDTT", () => {
    const world = new AtsWorld({ EATS: 2 }, { leaf2: XN_UNPRIVILEGED, registers: { IDR3: { PASIDTT: 1, XNX: 1 } } });
    expect(world.translated({ va: IPA, ssid: 1, instruction: true, privileged: true })).toBe(PA);
    expect(world.translated({ va: IPA, ssid: 1, instruction: true })).toBeNull();
    expect(world.translated({ va: IPA, instruction: true })).toBe(PA);
    expect(world.eventNumbers).toEqual([number("F_PERMISSION")]);
  });

  it.each([
    ["C_BAD_SUBSTREAMID", { ssid: 2 }, {}, {}],
    ["F_STREAM_DISABLED", {}, { S1DSS: 0 }, {}],
    ["C_BAD_CD", { ssid: 1 }, {}, { V: 0 }],
  ])("are checked with IDR3.PASIDTT: %s", (name, request, ste, cd) => {
    for (const REC_CFG_ATS of [0, 1]) {
      const registers = { IDR3: { PASIDTT: 1 }, CR2: { REC_CFG_ATS } };
      const world = new AtsWorld(ste, { cd, registers });
      expect(world.translated({ va: PA, ...request })).toBeNull();
      expect(world.eventNumbers).toEqual(REC_CFG_ATS === 1 ? [number(name)] : []);
    }
  });

  it("need no CD where there is no PASID", () => {
    const world = new AtsWorld({}, { cd: { V: 0 }, registers: { IDR3: { PASIDTT: 1 } } });
    expect(world.translated({ va: PA })).toBe(PA);
  });
});

describe("the Device Permission Table, IHI 0070 §3.24", () => {
  const DPT = 0x0e00_0000;
  const LEVEL1 = 0x0d00_0000;
  const VMID = 7;

  /** 40 bits protected, a level 0 entry for each GiB, granules of 4 KiB. */
  function worldWith(entries: readonly (readonly [number, number, number])[], changes: Fields = {}): AtsWorld {
    const registers: Record<string, Fields> = {
      IDR3: { DPT: 1 },
      CR0: { DPT_WALK_EN: 1, ATSCHK: 1, SMMUEN: 1, EVENTQEN: 1 },
      DPT_BASE: { BADDR: DPT },
      DPT_BASE_CFG: { DPTPS: 2, DPTGS: 0, L0DPTSZ: 0 },
    };
    const { DPT_WALK_EN, DPTGS, L0DPTSZ, ...ste } = changes;
    if (DPT_WALK_EN !== undefined) registers.CR0 = { ...registers.CR0!, DPT_WALK_EN };
    if (DPTGS !== undefined) registers.DPT_BASE_CFG = { ...registers.DPT_BASE_CFG!, DPTGS };
    if (L0DPTSZ !== undefined) registers.DPT_BASE_CFG = { ...registers.DPT_BASE_CFG!, L0DPTSZ };
    const world = new AtsWorld({ EATS: 3, S2VMID: VMID, ...ste }, { registers });
    for (const [at, lo, hi] of entries) world.write(at, lo, hi);
    return world;
  }

  function entry(layout: typeof DPT_L1 | typeof DPT_L0_TABLE | typeof DPT_L0_BLOCK, fields: Fields): [number, number] {
    const words = new Uint32Array(2);
    const access = layout.f as Readonly<Record<string, FieldAccess>>;
    for (const [name, value] of Object.entries(fields)) access[name]!.set(words, 0, value);
    return [words[0]!, words[1]!];
  }

  const GIB = 2 ** 30;
  const table = [DPT + 8, ...entry(DPT_L0_TABLE, { Type: 3, Address: LEVEL1 / 4096 })] as const;
  /** Level 1 entry of the two granules at GIB + 0x2000. */
  const level1 = (fields: Fields): readonly [number, number, number] => [LEVEL1 + 8, ...entry(DPT_L1, fields)];
  const AT = GIB + 0x2000;

  it("lets an access through whose granule belongs to the stream's VMID", () => {
    const world = worldWith([table, level1({ A: 3, W0: 1, VMID0: VMID, VMID1: VMID + 1 })]);
    expect(world.translated({ va: AT, write: true })).toBe(AT);
    expect(world.translated({ va: AT + 0x1000 })).toBeNull();
    expect(world.eventNumbers).toEqual([number("F_TRANSL_FORBIDDEN")]);
    expect(world.registers.field("SMMU_DPT_CFG_FAR", "FAULT")).toBe(0);
  });

  it.each([
    ["no granule has access", { A: 0 }, false],
    ["only the upper granule has access", { A: 2, AC1: 2, W1: 1 }, false],
    ["any VMID may (AC 0b10)", { A: 1, AC0: 2, W0: 1 }, true],
    ["another VMID may (AC 0b01)", { A: 1, AC0: 1, W0: 1, VMID0: 9 }, false],
  ])("decides by the entry: %s", (_name, fields, passes) => {
    const world = worldWith([table, level1(fields)]);
    expect(world.translated({ va: AT, write: true })).toBe(passes ? AT : null);
  });

  it("refuses writes where W is 0, and reads nowhere for that", () => {
    const world = worldWith([table, level1({ A: 1, VMID0: VMID })]);
    expect(world.translated({ va: AT })).toBe(AT);
    expect(world.translated({ va: AT, write: true })).toBeNull();
  });

  it.each([
    [0, 0, false],
    [0, 1, false],
    [1, 0, false],
    [1, 1, true],
    [2, 0, true],
  ])("asks for the VMID as DPT_VMATCH %i and AC %i say", (DPT_VMATCH, AC0, passes) => {
    const world = worldWith([table, level1({ A: 1, AC0, VMID0: 9 })], { DPT_VMATCH });
    expect(world.translated({ va: AT })).toBe(passes ? AT : null);
  });

  it("takes a contiguous entry for its whole run", () => {
    const world = worldWith([table, level1({ A: 3, Contig: 1, W0: 1, VMID0: VMID })]);
    expect(world.translated({ va: AT + 0x1000, write: true })).toBe(AT + 0x1000);
  });

  it("takes a level 0 block for all it spans, and an empty one for no access", () => {
    const block = entry(DPT_L0_BLOCK, { Type: 1, AC: 0, W: 1, VMID });
    const world = worldWith([[DPT + 8, ...block]]);
    expect(world.translated({ va: 2 * GIB - 4096, write: true })).toBe(2 * GIB - 4096);
    expect(world.translated({ va: 2 * GIB })).toBeNull();
    expect(world.translated({ va: 2 ** 40 })).toBeNull();
    expect(world.registers.field("SMMU_DPT_CFG_FAR", "FAULT")).toBe(0);
  });

  it.each([
    ["walks are off", [], { DPT_WALK_EN: 0 }, 0, 0],
    ["the granule is reserved", [], { DPTGS: 3 }, 1, 0],
    ["L0DPTSZ is reserved", [], { L0DPTSZ: 1 }, 1, 0],
    ["a level 0 entry has a type of 0b10", [[DPT + 8, 2, 0]], {}, 1, 0],
    ["a level 0 entry has a reserved bit set", [[DPT + 8, 7, 0]], {}, 1, 0],
    ["a level 1 entry has a reserved bit set", [table, [LEVEL1 + 8, 0x21, 0]], {}, 1, 1],
    ["a level 1 entry has AC 0b11", [table, level1({ A: 1, AC0: 3 })], {}, 1, 1],
    ["a half without access is not empty", [table, level1({ A: 1, VMID1: 1 })], {}, 1, 1],
    ["a contiguous run is larger than a level 0 entry", [table, level1({ A: 3, Contig: 6 })], {}, 1, 1],
  ] as const)("fails the lookup where %s, once until cleared", (_name, entries, changes, code, level) => {
    const world = worldWith(entries, changes);
    expect(world.translated({ va: AT })).toBeNull();
    expect(world.eventNumbers).toEqual([number("F_TRANSL_FORBIDDEN")]);
    const far = (name: string): number => world.registers.field("SMMU_DPT_CFG_FAR", name);
    expect([far("FAULT"), far("DPT_FAULTCODE"), far("LEVEL")]).toEqual([1, code, level]);
    expect(world.interface.errors.active & GlobalError.DPT_ERR).not.toBe(0);
    const first = world.registers.words[world.registers.at("SMMU_DPT_CFG_FAR")];
    world.translated({ va: AT + 0x10_0000 });
    expect(world.registers.words[world.registers.at("SMMU_DPT_CFG_FAR")]).toBe(first);
  });

  it("reports an abort of the fetch, with the address looked up", () => {
    const world = worldWith([[DPT + 8, ...entry(DPT_L0_TABLE, { Type: 3, Address: 0 })]]);
    // A level 1 table at 2^44, where nothing answers.
    world.write(DPT + 8, 3, 0x1000);
    expect(world.translated({ va: AT })).toBeNull();
    expect(world.registers.field("SMMU_DPT_CFG_FAR", "DPT_FAULTCODE")).toBe(3);
    expect(world.registers.words[world.registers.at("SMMU_DPT_CFG_FAR")]! & ~0xfff).toBe(AT | 0);
  });
});
