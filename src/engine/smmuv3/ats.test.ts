import { describe, expect, it } from "vitest";
import { eventByName } from "../../arch/smmuv3/events.ts";
import { AtsWorld, IPA, PA, VA } from "./testing/ats_world.ts";
import { OPEN } from "./testing/nested_world.ts";

const number = (name: string): number => eventByName(name)!.number;
const NOTHING = { granted: "", pa: 0, lg2: 12 };

/** A writable-clean page of each stage. */
const CLEAN1 = { AF: 1, AP: 3, DBM: 1 };
const CLEAN2 = { AF: 1, S2AP: 1, MemAttr: 15, DBM: 1 };

describe("a Translation Request, IHI 0070 §3.9.1.2", () => {
  it("is answered with the address and the permissions of both stages", () => {
    const world = new AtsWorld();
    expect(world.ask({ va: VA + 0x678, write: true })).toEqual({ granted: "rw", pa: PA + 0x678, lg2: 12 });
    expect(world.events).toEqual([]);
  });

  it("is answered with the IPA under Split-stage ATS, with the permissions of both stages (§13.6.3)", () => {
    const world = new AtsWorld({ EATS: 2 }, { leaf2: { ...OPEN[2], S2AP: 1 } });
    expect(world.ask({ write: true })).toEqual({ granted: "r", pa: IPA, lg2: 12 });
  });

  it("covers the smaller of the two pages", () => {
    const world = new AtsWorld();
    world.stage1.map(0x4000_0000, 1, 0x8_0020_0000, OPEN[1]);
    world.stage2.map(0x8_0000_0000, 2, 0x1_c000_0000, OPEN[2]);
    expect(world.ask({ va: 0x4012_3456 })).toEqual({ granted: "rw", pa: 0x1_c032_3456, lg2: 21 });
  });

  it("is refused with UR and F_BAD_ATS_TREQ where ATS is off for the stream", () => {
    const world = new AtsWorld({ EATS: 0 });
    expect(world.ask({ ssid: 9 })).toBe("UR");
    expect(world.eventNumbers).toEqual([number("F_BAD_ATS_TREQ")]);
  });

  it("is refused with UR and F_BAD_ATS_TREQ where no stage translates, whatever EATS says", () => {
    const world = new AtsWorld({ Config: 4, EATS: 1 });
    expect(world.ask()).toBe("UR");
    expect(world.eventNumbers).toEqual([number("F_BAD_ATS_TREQ")]);
  });

  it("is refused with UR and F_BAD_ATS_TREQ while the SMMU is off", () => {
    const world = new AtsWorld({}, { registers: { CR0: { SMMUEN: 0 } } });
    expect(world.ask()).toBe("UR");
    expect(world.eventNumbers).toEqual([number("F_BAD_ATS_TREQ")]);
  });

  it("is refused with UR and without an event where the stream is disabled (Config 0b000)", () => {
    const world = new AtsWorld({ Config: 0 });
    expect(world.ask()).toBe("UR");
    expect(world.events).toEqual([]);
  });

  it("takes Split-stage ATS without ATSCHK for no ATS", () => {
    const world = new AtsWorld({ EATS: 2 }, { registers: { CR0: { ATSCHK: 0 } } });
    expect(world.ask()).toBe("UR");
  });

  it.each([
    ["C_BAD_STREAMID", { sid: 0x8000 }, {}, {}],
    ["C_BAD_STE", {}, { V: 0 }, {}],
    ["C_BAD_SUBSTREAMID", { ssid: 2 }, {}, {}],
    ["F_STREAM_DISABLED", {}, { S1DSS: 0 }, {}],
    ["C_BAD_CD", {}, {}, { V: 0 }],
  ])("ends with CA for %s, which is recorded only with REC_CFG_ATS", (name, ask, ste, cd) => {
    for (const REC_CFG_ATS of [0, 1]) {
      const world = new AtsWorld(ste, { cd, registers: { CR2: { RECINVSID: 1, REC_CFG_ATS } } });
      expect(world.ask(ask)).toBe("CA");
      expect(world.eventNumbers).toEqual(REC_CFG_ATS === 1 ? [number(name)] : []);
    }
  });

  it("keeps C_BAD_STREAMID to itself without RECINVSID", () => {
    const world = new AtsWorld({}, { registers: { CR2: { RECINVSID: 0, REC_CFG_ATS: 1 } } });
    expect(world.ask({ sid: 0x8000 })).toBe("CA");
    expect(world.events).toEqual([]);
  });

  it("knows no REC_CFG_ATS where IDR0.ATSRECERR is 0", () => {
    const world = new AtsWorld({ V: 0 }, { registers: { IDR0: { ATSRECERR: 0 }, CR2: { REC_CFG_ATS: 1 } } });
    expect(world.ask()).toBe("CA");
    expect(world.events).toEqual([]);
  });

  it.each([
    ["a translation fault at stage 1", { va: VA + 0x1000 }, {}],
    ["a translation fault at stage 2", {}, { leaf2: { ...OPEN[2], Valid: 0 } }],
    ["an access fault at stage 1", {}, { leaf1: { AF: 0, AP: 1 } }],
    ["no permission at stage 2", {}, { leaf2: { ...OPEN[2], S2AP: 0 } }],
    ["a page for privileged accesses only", {}, { leaf1: { AF: 1, AP: 0 } }],
    ["a stall (CD.S), which it never does", { va: VA + 0x1000 }, { cd: { S: 1 } }],
  ])("is answered with no access and the STU for %s; nothing is recorded", (_name, ask, options) => {
    const world = new AtsWorld({}, options);
    expect(world.ask(ask)).toEqual(NOTHING);
    expect(world.events).toEqual([]);
  });

  it("does not look at stage 2 where stage 1 grants nothing: no flag changes there", () => {
    const world = new AtsWorld({ S2HA: 1 }, { leaf1: { AF: 1, AP: 0 }, leaf2: { ...OPEN[2], AF: 0 } });
    expect(world.ask()).toEqual(NOTHING);
    const at = world.stage2.place(IPA, 0);
    expect(world.stage2.store.read(at)[0] & 0x400).toBe(0);
  });

  it("is an identity over all there is where S1DSS bypasses the only stage (§13.6.4)", () => {
    const world = new AtsWorld({ Config: 5, S1DSS: 1, S1ContextPtr: 0x2000_0000 });
    expect(world.ask({ va: 0x1234_5678_9000, write: true })).toEqual({
      granted: "rw",
      pa: 0x1234_5678_9000,
      lg2: 48,
    });
    expect(world.ask({ va: 2 ** 50 })).toEqual(NOTHING);
  });

  it("translates at stage 2 only where S1DSS bypasses stage 1; Split-stage gives the IPA back (§13.6.5)", () => {
    expect(new AtsWorld({ S1DSS: 1 }).ask({ va: IPA })).toEqual({ granted: "rw", pa: PA, lg2: 12 });
    expect(new AtsWorld({ S1DSS: 1, EATS: 2 }).ask({ va: IPA })).toEqual({ granted: "rw", pa: IPA, lg2: 12 });
  });
});

describe("permissions of a completion, IHI 0070 §13.7.1", () => {
  it("grants execution only where it was asked for, with a PASID, and reading is allowed", () => {
    const world = new AtsWorld();
    expect(world.ask({ ssid: 1 })).toMatchObject({ granted: "rw" });
    expect(world.ask({ ssid: 1, execute: true })).toMatchObject({ granted: "rwx" });
    expect(world.ask({ execute: true })).toMatchObject({ granted: "rw" });
  });

  it("gives execute-only pages to nobody, unless INSTCFG takes reads for fetches", () => {
    const leaf2 = { ...OPEN[2], S2AP: 0 };
    expect(new AtsWorld({}, { leaf2 }).ask({ ssid: 1, execute: true })).toMatchObject({ granted: "" });
    expect(new AtsWorld({ INSTCFG: 3 }, { leaf2 }).ask({ ssid: 1, execute: true })).toMatchObject({ granted: "rx" });
  });

  it("takes all that is readable for executable where INSTCFG says Data", () => {
    const leaf1 = { AF: 1, AP: 1, UXN: 1 };
    expect(new AtsWorld({}, { leaf1 }).ask({ ssid: 1, execute: true })).toMatchObject({ granted: "rw" });
    expect(new AtsWorld({ INSTCFG: 2 }, { leaf1 }).ask({ ssid: 1, execute: true })).toMatchObject({ granted: "rwx" });
  });

  it("answers for the privilege that PRIVCFG sets", () => {
    const leaf1 = { AF: 1, AP: 0 };
    expect(new AtsWorld({}, { leaf1 }).ask({ ssid: 1, privileged: true })).toMatchObject({ granted: "rw" });
    expect(new AtsWorld({ PRIVCFG: 2 }, { leaf1 }).ask({ ssid: 1, privileged: true })).toEqual(NOTHING);
    expect(new AtsWorld({ PRIVCFG: 3 }, { leaf1 }).ask()).toMatchObject({ granted: "rw" });
  });
});

describe("flags of pages that a Translation Request asks for, IHI 0070 §3.13.7.1", () => {
  const read1 = (world: AtsWorld): number => world.guest.read(world.stage1.place(VA, 0))[0];
  const read2 = (world: AtsWorld): number => world.stage2.store.read(world.stage2.place(IPA, 0))[0];

  it("sets Access flags of both stages when it is answered with access", () => {
    const world = new AtsWorld({ S2HA: 1 }, { cd: { HA: 1 }, leaf1: { AF: 0, AP: 1 }, leaf2: { ...OPEN[2], AF: 0 } });
    expect(world.ask()).toMatchObject({ granted: "rw" });
    expect([read1(world) & 0x400, read2(world) & 0x400]).toEqual([0x400, 0x400]);
  });

  it("marks a writable-clean page dirty for a request without NW, and then grants writing", () => {
    const world = new AtsWorld({ S2HA: 1, S2HD: 1 }, { cd: { HA: 1, HD: 1 }, leaf1: CLEAN1, leaf2: CLEAN2 });
    expect(world.ask()).toMatchObject({ granted: "r" });
    expect([read1(world) & 0x80, read2(world) & 0x80]).toEqual([0x80, 0]);
    expect(world.ask({ write: true })).toMatchObject({ granted: "rw" });
    expect([read1(world) & 0x80, read2(world) & 0x80]).toEqual([0, 0x80]);
    expect(world.ask()).toMatchObject({ granted: "rw" });
  });

  it("marks nothing dirty at stage 2 where stage 1 lets nobody write", () => {
    const world = new AtsWorld({ S2HA: 1, S2HD: 1 }, { leaf1: { AF: 1, AP: 3 }, leaf2: CLEAN2 });
    expect(world.ask({ write: true })).toMatchObject({ granted: "r" });
    expect(read2(world) & 0x80).toBe(0);
  });

  it("marks nothing dirty at stage 1 where stage 2 lets nobody write", () => {
    const world = new AtsWorld({}, { cd: { HA: 1, HD: 1 }, leaf1: CLEAN1, leaf2: { ...OPEN[2], S2AP: 1 } });
    expect(world.ask({ write: true })).toMatchObject({ granted: "r" });
    expect(read1(world) & 0x80).toBe(0x80);
  });

  it("grants no writing of a writable-clean page without hardware update (§3.13.7.2)", () => {
    const world = new AtsWorld({}, { cd: { HA: 1 }, leaf1: CLEAN1 });
    expect(world.ask({ write: true })).toMatchObject({ granted: "r" });
  });
});
