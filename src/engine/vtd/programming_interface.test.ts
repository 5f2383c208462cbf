import { describe, expect, it } from "vitest";
import { CAP, ECAP } from "../../arch/vtd/capability_registers.ts";
import { R } from "../../arch/vtd/reasons.ts";
import { Digest } from "../../base/digest.ts";
import { presetById, presetIdentity } from "./presets.ts";
import { ControlWorld, MESSAGES, RAM, TABLE } from "./testing/control_world.ts";
import { Translation } from "./translation.ts";

const TE = 1 << 31;
const SRTP = 1 << 30;
const IRE = 1 << 25;
const SIRTP = 1 << 24;
const CFI = 1 << 23;

/** A recordable fault of a requester at a page. */
function fault(sid: number, iovaLo: number, changes: Partial<Translation> = {}): Translation {
  const t = new Translation();
  Object.assign(t, { sid, iovaLo, ...changes });
  t.fault(R.LRT_2);
  return t;
}

function digestOf(world: ControlWorld): string {
  const digest = new Digest();
  world.unit.digest(digest);
  return digest.hex();
}

describe("global commands, VT-d §11.4", () => {
  it("takes RTADDR into use with SRTP only, and drops what is cached of it where CAP.ESRTPS says so", () => {
    const world = new ControlWorld("qemu-11.1-legacy");
    world.write("RTADDR", 0x5400, 1);
    expect(world.state).toMatchObject({ ttm: 0, rootHi: 0, rootLo: 0 });
    world.write("GCMD", SRTP);
    expect(world.state).toMatchObject({ ttm: 1, rootHi: 1, rootLo: 0x5000 });
    expect(world.dropped).toEqual(["contextAll", "pasidAll", "iotlbAll"]);
  });

  it("keeps lasting commands as the last write has them", () => {
    const world = new ControlWorld();
    world.write("GCMD", TE | IRE);
    expect(world.read("GSTS")).toBe((TE | IRE) >>> 0);
    expect(world.state.enabled).toBe(true);
    world.write("GCMD", IRE | CFI);
    expect(world.read("GSTS")).toBe((IRE | CFI) >>> 0);
    expect(world.state.enabled).toBe(false);
    expect(world.read("GCMD")).toBe(0);
  });

  it("ignores commands that the unit does not offer", () => {
    const cap = new Uint32Array(2);
    CAP.f.FRO.set(cap, 0, 0x22);
    const ecap = new Uint32Array(2);
    ECAP.f.IRO.set(ecap, 0, 0xf);
    const half = (w: Uint32Array): { hi: number; lo: number } => ({ hi: w[1]!, lo: w[0]! });
    const world = new ControlWorld({ ver: 0x60, cap: half(cap), ecap: half(ecap) });
    world.write("GCMD", -1);
    expect(world.read("GSTS")).toBe(SRTP);
  });
});

describe("invalidation by register, VT-d §6.5.1", () => {
  it("does what CCMD asks and says so in CAIG", () => {
    const world = new ControlWorld();
    world.write("CCMD", (0x18 << 16) | 7, (0xe0000000 | 3) >>> 0);
    expect(world.dropped).toEqual(["contextDevice 7 24 65528"]);
    expect(world.unit.registers.get("CCMD", "CAIG")).toBe(3);
    expect(world.unit.registers.get("CCMD", "ICC")).toBe(0);
  });

  it("takes the page of IVA, which reads as zero", () => {
    const world = new ControlWorld();
    world.write("IVA", 0x5002, 1);
    expect(world.read("IVA")).toBe(0);
    world.writeUpper("IOTLB", (0xb0000000 | 7) >>> 0);
    expect(world.dropped).toEqual(['iotlbPages 7 {"hi":1,"lo":20480,"maskLg2":2,"leafOnly":false}']);
    expect(world.unit.registers.get("IOTLB", "IAIG")).toBe(3);
  });

  it.each([
    ["an address mask beyond CAP.MAMV", (w: ControlWorld) => w.write("IVA", 46)],
    ["the invalidation queue on", (w: ControlWorld) => w.startQueue()],
  ])("does nothing with %s", (_, prepare) => {
    const world = new ControlWorld();
    prepare(world);
    world.writeUpper("IOTLB", 0xb0000000);
    expect(world.dropped).toEqual([]);
    expect(world.unit.registers.get("IOTLB", "IAIG")).toBe(0);
  });
});

describe("fault recording, VT-d §7.3", () => {
  const filled = (world: ControlWorld): number[] =>
    Array.from({ length: 8 }, (_, i) => world.unit.registers.get(`FRCD${i}`, "F"));

  it("fills registers in turn, counts a further one as overflow, and goes on after both are cleared", () => {
    const world = new ControlWorld("skylake-sp");
    for (let sid = 0; sid < 8; sid++) expect(world.unit.fault(fault(sid, 0x1000 * sid))).toBe(true);
    expect(world.read("FSTS")).toBe(2);
    expect(world.unit.fault(fault(8, 0))).toBe(false);
    expect(world.read("FSTS")).toBe(3);
    world.unit.write(world.unit.registers.entries.find((e) => e.name === "FRCD0")!.offset + 12, 4, 0, 1 << 31);
    expect(world.unit.fault(fault(9, 0))).toBe(false);
    world.write("FSTS", 1);
    expect(world.unit.fault(fault(9, 0))).toBe(true);
    expect(filled(world)).toEqual([1, 1, 1, 1, 1, 1, 1, 1]);
    expect(world.unit.registers.get("FRCD0", "SID")).toBe(9);
    expect(world.unit.registers.get("FSTS", "FRI")).toBe(0);
  });

  it("says in FRI which register was filled first since none was", () => {
    const world = new ControlWorld("skylake-sp");
    world.unit.fault(fault(1, 0));
    world.unit.write(world.unit.registers.entries.find((e) => e.name === "FRCD0")!.offset + 12, 4, 0, 1 << 31);
    expect(world.read("FSTS")).toBe(0);
    world.unit.fault(fault(1, 0));
    expect(world.unit.registers.get("FSTS", "FRI")).toBe(1);
  });

  it("lists each record once, while it is in its register", () => {
    const world = new ControlWorld("skylake-sp");
    world.unit.fault(fault(1, 0x5000));
    world.unit.fault(
      fault(2, 0x6000, { write: true, hasPasid: true, pasid: 0xabcde, privileged: true, instruction: true }),
    );
    const records = world.unit.faults.takeRecords();
    expect(records.map((r) => [...r])).toEqual([
      [0x5000, 0, 1, 0xc0000001],
      [0x6000, 0, 0xe0000002, 0x8abcde01],
    ]);
    expect(world.unit.faults.takeRecords()).toEqual([]);
    expect(world.unit.faults.records).toHaveLength(2);
  });

  it("sends one message for as long as any status is set", () => {
    const world = new ControlWorld("skylake-sp");
    world.write("FEDATA", 0x77);
    world.write("FEADDR", MESSAGES);
    world.write("FECTL", 0);
    world.unit.fault(fault(1, 0));
    world.unit.fault(fault(2, 0));
    expect(world.word(MESSAGES)).toBe(0x77);
    expect(world.unit.faults.event.sent).toBe(1);
  });

  it("forgets a pending message when software has dealt with every status", () => {
    const world = new ControlWorld();
    world.unit.fault(fault(1, 0));
    expect(world.read("FECTL") >>> 30).toBe(3);
    world.unit.write(world.unit.registers.entries.find((e) => e.name === "FRCD0")!.offset + 8, 8, 1 << 31, 0);
    expect(world.read("FECTL") >>> 30).toBe(2);
  });
});

describe("protected memory, VT-d §3.15", () => {
  it("covers both regions, limits included, while PMEN.PRS is set", () => {
    const world = new ControlWorld();
    const { protectedMemory } = world.unit;
    world.write("PLMBASE", 0x20_0000);
    world.write("PLMLIMIT", 0x40_0000);
    world.write("PHMBASE", 0, 1);
    world.write("PHMLIMIT", 0x20_0000, 2);
    expect(protectedMemory.covers(0, 0x20_0000)).toBe(false);
    world.write("PMEN", 1 << 31);
    expect(world.read("PMEN")).toBe(0x8000_0001);
    const covered = [
      [0, 0x1f_ffff],
      [0, 0x20_0000],
      [0, 0x5f_ffff],
      [0, 0x60_0000],
      [1, 0],
      [2, 0x3f_ffff],
      [2, 0x40_0000],
    ].map(([hi, lo]) => protectedMemory.covers(hi!, lo!));
    expect(covered).toEqual([false, true, true, false, true, true, false]);
    world.write("PLMBASE", 0x60_0000);
    expect(world.read("PLMBASE")).toBe(0x20_0000);
  });

  it("does not exist without CAP.PLMR and CAP.PHMR", () => {
    const world = new ControlWorld("qemu-11.1-legacy");
    expect(world.unit.registers.has("PMEN")).toBe(false);
    expect(world.unit.protectedMemory.covers(0, 0)).toBe(false);
  });
});

describe("virtual commands, VT-d §11.4", () => {
  const ALLOCATE = 1;
  const FREE = 2;
  const answer = (world: ControlWorld): [number, number] => [
    world.unit.registers.get("VCRSP", "SC"),
    world.unit.registers.get("VCRSP", "RSLT"),
  ];

  it("hands out the lowest free PASID and takes it back", () => {
    const world = new ControlWorld("virtual-nested");
    world.write("VCMD", ALLOCATE);
    world.write("VCMD", ALLOCATE);
    expect(answer(world)).toEqual([0, 2]);
    world.write("VCMD", FREE | (1 << 16));
    expect(answer(world)).toEqual([0, 0]);
    world.write("VCMD", ALLOCATE);
    expect(answer(world)).toEqual([0, 1]);
    world.write("VCMD", FREE | (9 << 16));
    expect(answer(world)).toEqual([16, 0]);
    world.write("VCMD", 0x80);
    expect(answer(world)).toEqual([1, 0]);
  });

  it("runs out of PASIDs", () => {
    const identity = presetIdentity(presetById("virtual-nested")!);
    const ecap = Uint32Array.of(identity.ecap.lo, identity.ecap.hi);
    ECAP.f.PSS.set(ecap, 0, 1);
    const world = new ControlWorld({ ...identity, ecap: { hi: ecap[1]!, lo: ecap[0]! } });
    for (let i = 0; i < 3; i++) world.write("VCMD", ALLOCATE);
    expect(answer(world)).toEqual([0, 3]);
    world.write("VCMD", ALLOCATE);
    expect(answer(world)).toEqual([16, 0]);
  });
});

describe("interrupt remapping, VT-d §5.1", () => {
  const remappable = (handle: number, subhandle = false): number =>
    (0xfee00010 | ((handle & 0x7fff) << 5) | ((handle >>> 15) << 2) | (subhandle ? 8 : 0)) >>> 0;

  function remapping(extended = false): ControlWorld {
    const world = new ControlWorld();
    world.write("IRTA", TABLE | 3 | (extended ? 0x800 : 0));
    world.write("GCMD", SIRTP);
    world.write("GCMD", IRE);
    return world;
  }

  it("lets everything pass while it is off", () => {
    const world = new ControlWorld();
    expect(world.unit.interrupt(0x18, remappable(0), 0)).toEqual({ kind: "unchanged" });
  });

  it("remaps by index, subhandle included", () => {
    const world = remapping();
    world.put(TABLE + 0x50, 0x0041_0031, 0x0300, 0x0004_0018, 0);
    expect(world.unit.interrupt(0x18, remappable(3, true), 2)).toEqual({
      kind: "remapped",
      index: 5,
      interrupt: { vector: 0x41, destination: 3, logical: false, deliveryMode: 1, level: true },
    });
  });

  it("takes 32-bit destinations in extended mode", () => {
    const world = remapping(true);
    world.put(TABLE, 0x0041_0005, 0x1234_5678, 0, 0);
    expect(world.unit.interrupt(0x18, remappable(0), 0)).toMatchObject({
      interrupt: { destination: 0x1234_5678, logical: true },
    });
  });

  const entry =
    (...words: number[]): ((w: ControlWorld) => void) =>
    (w) =>
      w.put(TABLE, ...words);
  it.each([
    ["reserved data bits", remappable(0, true), 0x10000, entry(1), R.IR_REQUEST_RESERVED],
    ["an index beyond the table", remappable(16), 0, entry(1), R.IR_INDEX],
    ["an absent entry", remappable(0), 0, entry(0), R.IR_NOT_PRESENT],
    [
      "a table that nothing answers at",
      remappable(0),
      0,
      (w: ControlWorld) => w.unit.load("IRTA", 0, RAM | 3),
      R.IR_ACCESS,
    ],
    ["reserved bits of an entry", remappable(0), 0, entry(0x1001), R.IR_ENTRY_RESERVED],
    ["an x2APIC destination without extended mode", remappable(0), 0, entry(1, 1), R.IR_ENTRY_RESERVED],
    ["compatibility format without CFIS", 0xfee00000, 0, entry(1), R.IR_COMPATIBILITY],
    ["another requester", remappable(0), 0, entry(1, 0, 0x0004_0020), R.IR_SOURCE],
    ["a bus out of range", remappable(0), 0, entry(1, 0, 0x0008_0203), R.IR_SOURCE],
    ["a reserved SVT", remappable(0), 0, entry(1, 0, 0x000c_0018), R.IR_SOURCE],
    ["a posted descriptor that nothing answers at", remappable(0), 0, entry(0x8001, 0, 0, 1), R.IR_POSTED_ACCESS],
  ])("blocks and records a request with %s", (_, address, data, prepare, reason) => {
    const world = remapping();
    prepare(world);
    expect(world.unit.interrupt(0x18, address, data)).toMatchObject({ kind: "blocked", reason });
    expect(world.unit.faults.takeRecords()).toHaveLength(1);
    expect(world.unit.registers.get("FRCD0", "SID")).toBe(0x18);
  });

  it.each([
    ["all bits but 2 of SID", 0x0005_0014, true],
    ["all bits but 2:1", 0x0006_0016, false],
    ["all bits but 2:0", 0x0007_001f, true],
    ["buses 0 to 2", 0x0008_0002, true],
  ])("compares %s", (_, word, passes) => {
    const world = remapping();
    world.put(TABLE, 1, 0, word, 0);
    const sid = word === 0x0008_0002 ? 0x1ff : word === 0x0005_0014 ? 0x10 : 0x18;
    expect(world.unit.interrupt(sid, remappable(0), 0).kind).toBe(passes ? "remapped" : "blocked");
  });

  it("leaves no record where FPD is set and the fault is of the entry", () => {
    const world = remapping();
    world.put(TABLE, 2);
    expect(world.unit.interrupt(0x18, remappable(0), 0)).toMatchObject({ kind: "blocked", record: false });
    expect(world.unit.faults.takeRecords()).toEqual([]);
  });

  it("lets the compatibility format pass with CFIS, but not in extended mode", () => {
    for (const extended of [false, true]) {
      const world = remapping(extended);
      world.write("GCMD", IRE | CFI);
      expect(world.unit.interrupt(0x18, 0xfee00000, 0).kind).toBe(extended ? "blocked" : "unchanged");
    }
  });

  it("is on QEMU's unit as QEMU has it", () => {
    const world = new ControlWorld("qemu-11.1-legacy");
    world.write("IRTA", TABLE | 3);
    world.write("GCMD", SIRTP);
    world.write("GCMD", IRE | CFI);
    expect(world.read("GSTS") & CFI).toBe(0);
    expect(world.unit.interrupt(0x18, 0xfee00000, 0).kind).toBe("unchanged");
    world.unit.interrupt(0x18, remappable(0), 0);
    expect(world.unit.registers.get("FRCD0", "F")).toBe(1);
    expect(world.unit.registers.get("FRCD0", "SID")).toBe(0);
  });

  it("posts into the descriptor and notifies once until software clears ON", () => {
    const world = remapping();
    const pid = TABLE + 0x1000;
    world.put(TABLE, 0x0045_8001, pid & ~0x3f, 0, 0);
    world.put(pid + 32, 0x00f2_0000, 0x0700);
    expect(world.unit.interrupt(0x18, remappable(0), 0)).toEqual({
      kind: "posted",
      index: 0,
      notification: { vector: 0xf2, destination: 7, logical: false, deliveryMode: 0, level: false },
    });
    expect(world.word(pid + 8)).toBe(1 << 5);
    expect(world.word(pid + 32)).toBe(0x00f2_0001);
    expect(world.unit.interrupt(0x18, remappable(0), 0)).toMatchObject({ kind: "posted", notification: null });
  });

  it("does nothing for somebody who only looks", () => {
    const world = remapping();
    const before = digestOf(world);
    world.unit.interrupt(0x18, remappable(0), 0, false);
    expect(digestOf(world)).toBe(before);
  });
});

describe("images", () => {
  it("go back to a state with everything in it", () => {
    const world = new ControlWorld("virtual-nested");
    const [image, before] = [world.unit.snapshot(), digestOf(world)];
    world.write("RTADDR", 0x5000);
    world.write("GCMD", (SRTP | TE) >>> 0);
    world.write("IRTA", TABLE);
    world.write("GCMD", (SIRTP | TE) >>> 0);
    world.write("VCMD", 1);
    world.write("IVA", 0x5000);
    world.unit.fault(fault(1, 0));
    const [later, after] = [world.unit.snapshot(), digestOf(world)];
    world.unit.restore(image);
    expect(digestOf(world)).toBe(before);
    expect(world.state.enabled).toBe(false);
    expect(world.unit.faults.records).toEqual([]);
    world.unit.restore(later);
    expect(digestOf(world)).toBe(after);
    expect(world.unit.faults.records).toHaveLength(1);
  });
});
