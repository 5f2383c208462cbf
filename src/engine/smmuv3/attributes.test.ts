import { describe, expect, it } from "vitest";
import { CD } from "../../arch/smmuv3/cd.ts";
import { vmsav8Format } from "../../pagetable/formats/vmsav8.ts";
import { TableBuilder } from "../../pagetable/testing/table_builder.ts";
import {
  type Attributes,
  attributes,
  attributesName,
  combine,
  combineHints,
  combineShareability,
  combineTypes,
  effectiveMair,
  mairOf,
  memAttrType,
  override,
  Shareability,
  shareabilityOf,
} from "./attributes.ts";
import { GuestStore, HostStore, OPEN, stage1Fields, stage2Fields } from "./testing/nested_world.ts";
import { type Fields, NESTED_STE, PLAIN_CD, WIDE, World } from "./testing/world.ts";

const BYTES = Array.from({ length: 256 }, (_, i) => i);
const MEMATTRS = Array.from({ length: 16 }, (_, i) => i);
/** Bytes that mean themselves. */
const TYPES = BYTES.filter((byte) => effectiveMair(byte) === byte);
const isDevice = (mair: number): boolean => (mair & 0xf0) === 0;
/** 0 Non-cacheable, 1 Write-Through, 2 Write-Back. */
const rank = (level: number): number => (level === 4 ? 0 : (level & 4) === 0 ? 1 : 2);
const hints = (level: number): number => (level === 4 ? 0 : level & 0b1011);
const hex = (n: number): string => n.toString(16).padStart(2, "0");
const NONE = { mtCfg: 0, memAttr: 0, allocCfg: 0, shCfg: 1 } as const;

describe("MAIR encodings, IHI 0070 §5.4 MAIR0", () => {
  it.each([
    [0x01, 0x00],
    [0x07, 0x04],
    [0x0a, 0x08],
    [0x0f, 0x0c],
    [0x40, 0x43],
    [0xf0, 0xf3],
    [0x10, 0x13],
  ])("reserved 0x%s behaves as another", (byte, as) => {
    expect(effectiveMair(byte)).toBe(as);
  });

  it("every byte behaves as one that means itself, and no level allocates nothing and is transient, §13.1.7", () => {
    expect(BYTES.filter((byte) => effectiveMair(effectiveMair(byte)) !== effectiveMair(byte))).toEqual([]);
    const [devices, normal] = [TYPES.filter(isDevice), TYPES.filter((t) => !isDevice(t))];
    expect(devices).toEqual([0, 4, 8, 12]);
    // Non-cacheable, and twice: three allocations that may be transient, and none.
    expect(normal.length).toBe(15 ** 2);
  });
});

describe("MemAttr, DDI 0487 Table D8-96, IHI 0070 §5.2 MemAttr", () => {
  it("names a type for each value; reserved ones are Device-nGnRnE", () => {
    const names = ["00", "04", "08", "0c", "00", "44", "4b", "4f", "00", "b4", "bb", "bf", "00", "f4", "fb", "ff"];
    expect(MEMATTRS.map((m) => hex(memAttrType(m)))).toEqual(names);
  });
});

describe("stage 1 with stage 2, S2FWB 0, DDI 0487 §D8.6.5", () => {
  const pairs = TYPES.flatMap((type) => MEMATTRS.map((m) => [type, m, combineTypes(type, m, false)] as const));

  it("Device wins over Normal, and the stronger Device over the weaker", () => {
    const wrong = pairs.filter(([type, m, result]) => {
      const devices = [type, memAttrType(m)].filter(isDevice);
      return devices.length > 0 ? result !== Math.min(...devices) : isDevice(result);
    });
    expect(wrong).toEqual([]);
  });

  it("each level is the less cacheable of the two, with the hints of stage 1", () => {
    const wrong = pairs.filter(([type, m, result]) => {
      const second = memAttrType(m);
      if (isDevice(type) || isDevice(second)) return false;
      return [0, 4].some((shift) => {
        const [a, b, r] = [(type >>> shift) & 15, (second >>> shift) & 15, (result >>> shift) & 15];
        return rank(r) !== Math.min(rank(a), rank(b)) || (rank(r) > 0 && hints(r) !== hints(a));
      });
    });
    expect(wrong).toEqual([]);
  });

  it("MemAttr 0b1111 leaves the type as it is", () => {
    expect(TYPES.filter((type) => combineTypes(type, 15, false) !== type)).toEqual([]);
  });

  it("MemAttr 0b0100 is Write-Back with MTEPERM, §3.23.1", () => {
    expect([combineTypes(0xff, 4, false, false), combineTypes(0xff, 4, false, true)]).toEqual([0x00, 0xff]);
    expect(combineTypes(0xff, 8, false, true)).toBe(0x00);
  });
});

describe("stage 1 with stage 2, S2FWB 1, DDI 0487 Tables D8-100 and D8-101", () => {
  const s1 = { device: 0x08, nc: 0x44, wt: 0xaa, wb: 0xdd, mixed: 0x4e } as const;

  it.each([
    [0b000, "device 00, nc 00, wt 00, wb 00, mixed 00"],
    [0b001, "device 04, nc 04, wt 04, wb 04, mixed 04"],
    [0b010, "device 08, nc 08, wt 08, wb 08, mixed 08"],
    [0b011, "device 08, nc 0c, wt 0c, wb 0c, mixed 0c"],
    [0b101, "device 08, nc 44, wt 44, wb 44, mixed 44"],
    [0b110, "device ff, nc ff, wt ee, wb dd, mixed fe"],
    [0b111, "device 08, nc 44, wt aa, wb dd, mixed 4e"],
  ])("MemAttr 0b%s", (memAttr, expected) => {
    const row = (m: number): string =>
      Object.entries(s1)
        .map(([name, type]) => `${name} ${hex(combineTypes(type, m, true))}`)
        .join(", ");
    expect(row(memAttr)).toBe(expected);
    // MemAttr[3] says nothing.
    expect(row(memAttr | 8)).toBe(expected);
  });
});

describe("shareability", () => {
  it("is the wider domain, DDI 0487 Table D8-103", () => {
    const { Non, Outer, Inner } = Shareability;
    const rows = [Outer, Inner, Non].map((a) => [Outer, Inner, Non].map((b) => combineShareability(a, b)));
    expect(rows).toEqual([
      [Outer, Outer, Outer],
      [Outer, Inner, Inner],
      [Outer, Inner, Non],
    ]);
  });

  it("of Device and Normal Non-cacheable is Outer, whatever is asked for; reserved 1 behaves as 0, §13.1.7", () => {
    for (const type of [0x00, 0x04, 0x0c, 0x44]) expect(shareabilityOf(attributes(type, 3))).toBe(2);
    expect([0, 1, 2, 3].map((sh) => shareabilityOf(attributes(0x4f, sh)))).toEqual([0, 0, 2, 3]);
    expect(shareabilityOf(combine(attributes(0xff, 0), 15, 1, false))).toBe(0);
    // Stage 1 Device that stage 2 forces to Write-Back was Outer Shareable.
    expect(combine(attributes(0x04, 0), 6, 0, true)).toBe(attributes(0xff, 2));
  });
});

describe("allocation hints, IHI 0070 §13.4.2, §13.1.5", () => {
  it.each([
    [0xff, 0xdd, 0xdd],
    [0x77, 0xff, 0x77],
    [0x55, 0xee, 0xcc],
    [0xaa, 0xff, 0xee],
    [0x44, 0x77, 0x77],
    [0x00, 0x77, 0x77],
    [0x4e, 0xff, 0xfe],
    [0xee, 0x4d, 0x4c],
    [0xee, 0x04, 0x04],
  ])("incoming 0x%s pulls stage 1 down, level by level", (incoming, stage1, result) => {
    expect(hex(combineHints(incoming, stage1))).toBe(hex(result));
  });
});

describe("overrides, IHI 0070 §5.2, §13.1.4", () => {
  const wb = attributes(0xee, Shareability.Inner);

  it("leave alone what they do not name", () => {
    expect(TYPES.filter((type) => mairOf(override(attributes(type, 3), NONE)) !== type)).toEqual([]);
  });

  it("MTCFG keeps the hints of cacheable levels and has both hints for others", () => {
    const to = (incoming: number, memAttr: number): string =>
      hex(mairOf(override(attributes(incoming, 0), { ...NONE, mtCfg: 1, memAttr })));
    expect([to(0xee, 15), to(0xee, 10), to(0x4e, 15), to(0x00, 15), to(0xee, 5), to(0xee, 1)]).toEqual([
      "ee",
      "aa",
      "fe",
      "ff",
      "44",
      "04",
    ]);
  });

  it("ALLOCCFG replaces hints of cacheable levels only", () => {
    const alloc = (incoming: number, allocCfg: number): string =>
      hex(mairOf(override(attributes(incoming, 0), { ...NONE, allocCfg })));
    expect([alloc(0xff, 8), alloc(0xff, 9), alloc(0xff, 12), alloc(0xff, 15), alloc(0x4f, 10), alloc(0xee, 7)]).toEqual(
      ["cc", "cc", "ee", "77", "4d", "ee"],
    );
    expect([alloc(0x44, 15), alloc(0x08, 15)]).toEqual(["44", "08"]);
  });

  it("SHCFG replaces the shareability of cacheable types only", () => {
    expect([0, 1, 2, 3].map((shCfg) => shareabilityOf(override(wb, { ...NONE, shCfg })))).toEqual([0, 3, 2, 3]);
    expect(shareabilityOf(override(attributes(0x44, 0), { ...NONE, shCfg: 3 }))).toBe(2);
  });
});

/** A world with one page at stage 1 over stage 2, either of them off by `config`. */
function mapped(
  config: number,
  o: { ste?: Fields; cd?: Fields; leaf1?: Fields; leaf2?: Fields; registers?: Readonly<Record<string, Fields>> },
  wide = false,
): { world: World; va: number } {
  const idr1 = { ATTR_TYPES_OVR: 1 };
  const world = new World({ IDR1: idr1, ...(wide ? WIDE : {}), ...o.registers });
  const host = new HostStore(world);
  const fmt = vmsav8Format(12, wide);
  const s2 = new TableBuilder(fmt, host, 2, 2, 39);
  const store = config === 7 ? new GuestStore(s2, host, 0x8_0000_0000) : host;
  const s1 = new TableBuilder(fmt, store, 1, 3, 48);
  const va = 0x1_2345_6000;
  const out = config === 7 ? 0x4_4000_0000 : 0x10_0000_0000;
  s1.map(va, 0, out, { ...OPEN[1], ...o.leaf1 });
  s2.map(config === 7 ? out : va, 0, 0x20_0000_0000, { ...OPEN[2], ...o.leaf2 });
  const at = store.allocate(4096);
  world.put(CD, store instanceof GuestStore ? store.physical(at) : at, {
    ...PLAIN_CD,
    ...stage1Fields(s1, 0),
    ...o.cd,
  });
  world.ste(1, { ...NESTED_STE, Config: config, ...stage2Fields(s2), S1ContextPtr: at, SHCFG: 1, ...o.ste });
  return { world, va };
}

/** Attributes that a read leaves with. */
function leavesWith({ world, va }: { world: World; va: number }, mair = 0xff, sh = 0): Attributes {
  world.t.inMair = mair;
  world.t.inSh = sh;
  const t = world.translate({ va });
  expect(t.end).toBe(0);
  return world.smmu.attributes(t);
}

describe("a transaction's attributes", () => {
  it("come from the CD's MAIR by AttrIndx, and from the leaf's SH, §13.4.2", () => {
    const cd = { MAIR0: 0x4404_00ff, MAIR1: 0xbb4f_f40c };
    const at = (AttrIndx: number, SH: number): Attributes =>
      leavesWith(mapped(5, { cd, leaf1: { AttrIndx, SH } }), 0x44, 2);
    const types = [0xff, 0x00, 0x04, 0x44, 0x0c, 0xf4, 0x4f, 0xbb];
    expect(types.map((_, i) => at(i, 3))).toEqual(types.map((type) => attributes(type, 3)));
    expect([0, 2, 3].map((sh) => shareabilityOf(at(7, sh)))).toEqual([0, 2, 3]);
  });

  it("take MAIR's last byte for an index above 7, with AIE, §5.4", () => {
    const cd = { MAIR0: 0xff, MAIR1: 0xbb00_0000, AIE: 1 };
    const leaf1 = { AttrIndx: 0, PBHA: 1 };
    expect(mairOf(leavesWith(mapped(5, { cd, leaf1 })))).toBe(0xff);
    expect(mairOf(leavesWith(mapped(5, { cd, leaf1, registers: { IDR3: { AIE: 1 } } })))).toBe(0xbb);
  });

  it("take the shareability of 52-bit descriptors from the CD and the STE, DDI 0487 §D8.6.2, §D8.6.7", () => {
    const cd = { MAIR0: 0xff, SH0: 3, SH1: 2 };
    expect(leavesWith(mapped(5, { cd }, true))).toBe(attributes(0xff, 3));
    expect(leavesWith(mapped(6, { ste: { S2SH0: 2 } }, true))).toBe(attributes(0xff, 2));
    expect(leavesWith(mapped(6, { ste: { S2SH0: 0 } }, true), 0xff, 3)).toBe(attributes(0xff, 3));
  });

  it("combine both stages, or the incoming ones with stage 2, §13.4.3", () => {
    const cd = { MAIR0: 0xff };
    expect(leavesWith(mapped(7, { cd, leaf1: { SH: 3 }, leaf2: { MemAttr: 10, SH: 2 } }))).toBe(attributes(0xbb, 2));
    expect(leavesWith(mapped(6, { leaf2: { MemAttr: 7, SH: 0 } }), 0xee, 3)).toBe(attributes(0x4e, 3));
    const registers = { IDR3: { FWB: 1 } };
    const forced = { ste: { S2FWB: 1 }, leaf2: { MemAttr: 6, SH: 3 }, registers };
    expect(leavesWith(mapped(7, { ...forced, cd: { MAIR0: 0x00 } }))).toBe(attributes(0xff, 2));
    // Without IDR3.FWB the same MemAttr is Write-Through inside, Non-cacheable outside.
    const absent = { ...forced, registers: { IDR3: { FWB: 0 } } };
    expect(leavesWith(mapped(7, { ...absent, cd }))).toBe(attributes(0x4b, 3));
  });

  it("are overridden on the way in: by the STE, by GBPA while the SMMU is off, by neither without ATTR_TYPES_OVR", () => {
    const ste = { MTCFG: 1, MemAttr: 10, ALLOCCFG: 8, SHCFG: 3 };
    expect(leavesWith(mapped(4, { ste }))).toBe(attributes(0x88, 3));
    // Stage 1 replaces the type, not the hints.
    expect(leavesWith(mapped(5, { ste, cd: { MAIR0: 0xff }, leaf1: { SH: 2 } }))).toBe(attributes(0xcc, 2));
    const registers = { IDR1: { ATTR_TYPES_OVR: 0 } };
    expect(leavesWith(mapped(4, { ste, registers }), 0x77, 2)).toBe(attributes(0x77, 2));
    const gbpa = { CR0: { SMMUEN: 0 }, GBPA: ste };
    expect(leavesWith(mapped(4, { registers: gbpa }))).toBe(attributes(0x88, 3));
    expect(leavesWith(mapped(4, { registers: { ...gbpa, ...registers } }), 0x04)).toBe(attributes(0x04, 2));
  });

  it("become Non-cacheable with No_snoop, after S2FWB, unless they are Device, §13.6.1.1", () => {
    const normal = mapped(7, { cd: { MAIR0: 0x44 }, ste: { S2FWB: 1 }, leaf2: { MemAttr: 6 } });
    normal.world.t.noSnoop = true;
    expect(leavesWith(normal)).toBe(attributes(0x44, 2));
    const device = mapped(5, { cd: { MAIR0: 0x08 } });
    device.world.t.noSnoop = true;
    expect(leavesWith(device)).toBe(attributes(0x08, 2));
  });

  it("can be followed step by step", () => {
    const { world, va } = mapped(7, { cd: { MAIR0: 0xbf }, ste: { ALLOCCFG: 12 }, leaf2: { MemAttr: 11, SH: 3 } });
    const steps: string[] = [];
    world.t.noSnoop = true;
    world.smmu.attributes(world.translate({ va }), {
      step: (what, now) => steps.push(`${what}: ${attributesName(now)}`),
    });
    expect(steps).toEqual([
      "incoming: Normal-iWB/RAWAnTR-oWB/RAWAnTR-NSH",
      "override: Normal-iWB/RAnWAnTR-oWB/RAnWAnTR-NSH",
      "stage 1: Normal-iWB/RAnWAnTR-oWT/RAnWAnTR-NSH",
      "stage 2: Normal-iWB/RAnWAnTR-oWT/RAnWAnTR-ISH",
      "No_snoop: Normal-iNC-oNC",
    ]);
  });

  it("have names, §13.1.1", () => {
    const names = [0x00, 0x04, 0x08, 0x0c].map((type) => attributesName(attributes(type, 3)));
    expect(names).toEqual(["Device-nGnRnE", "Device-nGnRE", "Device-nGRE", "Device-GRE"]);
    expect(attributesName(attributes(0x7b, 2))).toBe("Normal-iWT/RAWAnTR-oWB/RAWATR-OSH");
  });
});
