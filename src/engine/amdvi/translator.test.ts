import { describe, expect, it } from "vitest";
import {
  DEV_TAB_HARDWARE_ERROR,
  EVENT_WORDS,
  eventByCode,
  ILLEGAL_DEV_TABLE_ENTRY,
  INVALID_DEVICE_REQUEST,
  PAGE_TAB_HARDWARE_ERROR,
} from "../../arch/amdvi/events.ts";
import { REASONS } from "../../arch/amdvi/reasons.ts";
import { fromHalves } from "../../base/address.ts";
import { decodeFields } from "../../base/layout.ts";
import { V1_READ, V1_WRITE } from "../../pagetable/formats/amdv1.ts";
import { AddressType, End, Updates } from "../common/request.ts";
import { encodeEvent } from "./event_record.ts";
import { ALL, BuiltWorld, DEVICE, DOMAIN, output, PAGE, PASID, type WorldShape } from "./testing/built_world.ts";
import type { Translation } from "./translation.ts";

const VA = 0x1234_5000;

/** The event record's fields that are not zero, by name; null where none is logged. */
function recordOf(t: Translation): Record<string, number> | null {
  if (!t.record) return null;
  const words = new Uint32Array(EVENT_WORDS);
  encodeEvent(t, words, 0);
  const definition = eventByCode(words[1]! >>> 28)!;
  const fields = decodeFields(definition.layout, words).filter(({ value }) => value !== 0n);
  return {
    [definition.name]: 1,
    ...Object.fromEntries(
      fields.filter(({ declaration: d }) => d.name !== "EventCode").map((f) => [f.declaration.name, Number(f.value)]),
    ),
  };
}

const why = (t: Translation): string => (t.end === End.Fault ? REASONS[t.reason]!.id : `end ${t.end}`);

/** A world with one page mapped, and what became of a request to it. */
function mapped(shape: WorldShape = {}, rights = ALL): { world: BuiltWorld; gpa: number } {
  const world = new BuiltWorld(shape);
  return { world, gpa: world.map(VA, rights) };
}

/** Clear and set bits of the low and high half of a table entry. */
function change(world: BuiltWorld, at: number, { clearLo = 0, setLo = 0, clearHi = 0, setHi = 0 }): void {
  world.memory.read64(0, at);
  const { lo, hi } = world.memory;
  world.memory.write64(0, at, (hi & ~clearHi) | setHi, (lo & ~clearLo) | setLo);
}

/** Where the guest's entry of {@link VA} at a level lies, 1 for the leaf. */
function guestEntry(world: BuiltWorld, level: number): number {
  let table = world.guest.root;
  for (let l = world.guest.level + 1; ; l--) {
    const at = world.placed(table) + 8 * (Math.floor(VA / 2 ** (3 + 9 * l)) % 512);
    if (l === level) return at;
    world.memory.read64(0, at);
    table = fromHalves(world.memory.hi & 0xfffff, world.memory.lo & ~0xfff);
  }
}

/** Where the host's entry of a guest physical address stands: its leaf. */
const hostLeaf = (world: BuiltWorld, gpa: number): number => world.host!.find(gpa - (gpa % PAGE))!.at;

describe("the device table entry, 48882 §2.2.2", () => {
  it.each([
    ["_6_2", 1, "DTE_RSVD_6_2", 1],
    ["_63", 1, "DTE_RSVD_63", 1],
    ["_181_180", 2, "DTE_RSVD_181", 1],
    ["_206_192", 0x4000, "DTE_RSVD_206", 1],
    ["_245_240", 1, "DTE_RSVD_245", 1],
    ["Mode", 7, "DTE_MODE", 0],
    ["HAD", 2, "DTE_HAD", 0],
    ["GLX", 3, "DTE_GLX", 0],
    ["GuestPagingMode", 2, "DTE_GUEST_PAGING", 0],
  ])("is illegal with %s %i", (field, value, reason, rz) => {
    const { world } = mapped({ entry: { [field]: value } });
    const t = world.translate(VA, { write: true });
    expect(why(t)).toBe(reason);
    const record: Record<string, number> = { ILLEGAL_DEV_TABLE_ENTRY: 1, DeviceID: DEVICE, PASID_15_0: PASID };
    expect(recordOf(t)).toEqual({ ...record, GN: 1, RW: 1, Address: VA, ...(rz === 1 ? { RZ: 1 } : {}) });
    world.entry({ V: 0 });
    expect(output(world.translate(VA))).toBe(VA);
  });

  it("may ask for no more levels than EFR.HATS offers", () => {
    const { world } = mapped({ mode: 5, caps: { hostLevels: 4 } });
    expect(why(world.translate(VA))).toBe("DTE_MODE");
    world.entry({ TV: 0, GV: 0 });
    expect(why(world.translate(VA, { hasPasid: false }))).toBe("DTE_TV0");
  });

  it("is found in the segment that the upper bits of the DeviceID name, §3.4.7", () => {
    const { world } = mapped();
    const { controls } = world;
    controls.segmentsLg2 = 3;
    const deviceId = 0xa000 | (DEVICE & 0x1fff);
    expect(why(world.translate(VA, { deviceId }))).toBe("DEVICE_ID_RANGE");
    [controls.segmentHi[5], controls.segmentLo[5]] = [controls.segmentHi[0]!, controls.segmentLo[0]!];
    controls.segmentEntries[5] = 512;
    expect(why(world.translate(VA, { deviceId }))).toBe("end 0");
    controls.segmentEntries[5] = 256;
    expect(recordOf(world.translate(VA, { deviceId }))).toMatchObject({ [ILLEGAL_DEV_TABLE_ENTRY.name]: 1 });
  });

  it("that cannot be read makes a hardware error with its own address, §2.5.4", () => {
    const { world } = mapped();
    world.controls.segmentHi[0] = 0x80;
    expect(recordOf(world.translate(VA))).toEqual({
      [DEV_TAB_HARDWARE_ERROR.name]: 1,
      DeviceID: DEVICE,
      Type: 1,
      Address: 0x80 * 2 ** 32 + world.controls.segmentLo[0]! + 32 * DEVICE,
    });
  });

  it("with Mode 0 and no guest lets IR and IW decide", () => {
    for (const [IR, IW] of [
      [0, 0],
      [1, 0],
      [0, 1],
    ] as const) {
      const { world } = mapped({ mode: 0, entry: { GV: 0, IR, IW } });
      const ends = [false, true].map((write) => why(world.translate(VA, { write, hasPasid: false })));
      expect(ends).toEqual([IR === 1 ? "end 0" : "HOST_READ", IW === 1 ? "end 0" : "HOST_WRITE"]);
    }
  });
});

describe("page faults, 48882 §2.5.3", () => {
  const guestRecord = { IO_PAGE_FAULT: 1, DeviceID: DEVICE, DomainID_PASID: PASID, GN: 1, US: 1 };

  it("are not recorded where SA is set, and once where SE is", () => {
    const { world } = mapped({ entry: { SA: 1 } });
    expect(recordOf(world.translate(0x9000, { updates: Updates.Make }))).toBeNull();
    world.entry({ SA: 0, SE: 1 });
    const ask = () => world.translate(0x9000, { updates: Updates.Make }).record;
    expect([ask(), ask(), ask()]).toEqual([true, false, false]);
    world.translator.faulted.delete(DEVICE);
    expect([ask(), ask()]).toEqual([true, false]);
  });

  it.each([1, 2, 3, 4])("tell of a guest entry of level %i that is not present", (level) => {
    const { world } = mapped({ glx: 1 });
    change(world, guestEntry(world, level), { clearLo: 1 });
    const t = world.translate(VA + 0x123, { write: true });
    expect([why(t), recordOf(t)]).toEqual(["GUEST_ABSENT", { ...guestRecord, RW: 1, Address: VA + 0x123 }]);
  });

  it.each([1, 2, 3, 4])("tell of rights missing in a guest entry of level %i", (level) => {
    const { world } = mapped({ mode: 0 });
    const denied = { ...guestRecord, PR: 1, PE: 1, Address: VA };
    change(world, guestEntry(world, level), { clearLo: 2 });
    expect(why(world.translate(VA))).toBe("end 0");
    expect(recordOf(world.translate(VA, { write: true }))).toEqual({ ...denied, RW: 1 });
    change(world, guestEntry(world, level), { setLo: 2, clearLo: 4 });
    expect(recordOf(world.translate(VA))).toEqual(denied);
    expect(why(world.translate(VA, { privileged: true }))).toBe("end 0");
    change(world, guestEntry(world, level), { setLo: 4, setHi: 1 << 31 });
    expect(why(world.translate(VA))).toBe("end 0");
    expect(recordOf(world.translate(VA, { instruction: true }))).toEqual({ ...denied, NX: 1 });
  });

  it("tell of reserved bits in guest entries, and of addresses that are not canonical", () => {
    const { world } = mapped();
    change(world, guestEntry(world, 4), { setLo: 0x80 });
    expect(recordOf(world.translate(VA))).toEqual({ ...guestRecord, PR: 1, RZ: 1, Address: VA });
    const t = world.request(0x8000, 0);
    world.translator.translate(t, null);
    expect(why(t)).toBe("GVA_CANONICAL");
  });

  it("tell of PASIDs without tables", () => {
    const { world } = mapped();
    expect(why(world.translate(VA, { pasid: 512 }))).toBe("PASID_RANGE");
    expect(recordOf(world.translate(VA, { pasid: 6 }))).toEqual({ ...guestRecord, DomainID_PASID: 6, Address: VA });
    world.entry({ GV: 0 });
    expect(why(world.translate(VA))).toBe("PASID_NO_GUEST");
    world.entry({ GV: 1 });
    world.controls.gtEn = false;
    expect(why(world.translate(VA))).toBe("PASID_NO_GUEST");
  });

  it("of host tables carry the domain and the guest physical address", () => {
    const { world, gpa } = mapped();
    const at = hostLeaf(world, gpa);
    const record = { IO_PAGE_FAULT: 1, DeviceID: DEVICE, DomainID_PASID: DOMAIN, Address: gpa + 8 };
    change(world, at, { clearHi: V1_WRITE });
    expect(why(world.translate(VA + 8))).toBe("end 0");
    const denied = world.translate(VA + 8, { write: true });
    expect([why(denied), recordOf(denied)]).toEqual(["HOST_WRITE", { ...record, PR: 1, PE: 1, RW: 1 }]);
    change(world, at, { clearLo: 1 });
    expect(recordOf(world.translate(VA + 8))).toEqual(record);
    change(world, at, { setLo: 0x401 });
    const t = world.translate(VA + 8);
    expect([why(t), recordOf(t)]).toEqual(["HOST_LEVEL", { ...record, PR: 1 }]);
  });

  it("beneath a guest structure end the translation there", () => {
    for (const level of [0, 1, 2, 3, 4]) {
      const { world } = mapped();
      const spa = level === 0 ? world.entries.at(-1)! : guestEntry(world, level);
      const gpa = Array.from({ length: 64 }, (_, i) => 0x12_4000_0000 + i * PAGE).find(
        (at) => world.placed(at) === spa - (spa % PAGE),
      )!;
      change(world, hostLeaf(world, gpa), { clearHi: V1_READ });
      const t = world.translate(VA, { write: true });
      expect([why(t), t.addressHi, t.pe]).toEqual(["HOST_FETCH_READ", 0x12, true]);
    }
  });

  it("of a translation request are told to the device alone, §2.1.3.2", () => {
    const { world } = mapped({ entry: { I: 1 } });
    const asked = { addressType: AddressType.TranslationRequest, write: true };
    const t = world.translate(0x9000, asked);
    expect([t.end, t.record]).toEqual([End.Fault, false]);
    const { world: readOnly } = mapped({ entry: { I: 1 } }, { ...ALL, write: false });
    expect(readOnly.translate(VA, asked)).toMatchObject({ end: End.Ok, permissions1: 5 });
  });

  it("do not come of tables that cannot be read: those are hardware errors, §2.5.5", () => {
    const { world } = mapped();
    change(world, guestEntry(world, 2), { setHi: 0x80 });
    expect(why(world.translate(VA))).toBe("HOST_ABSENT");
    const { world: alone } = mapped({ mode: 0 });
    change(alone, guestEntry(alone, 2), { setHi: 0x80 });
    expect(recordOf(alone.translate(VA))).toMatchObject({ [PAGE_TAB_HARDWARE_ERROR.name]: 1, GN: 1, Type: 1 });
  });
});

describe("requests that are no memory accesses, 48882 §2.1.2, §2.5.9", () => {
  const plain = { hasPasid: false } as const;
  const send = (world: BuiltWorld, hi: number, lo: number, write: boolean, fields: Partial<Translation> = plain) => {
    const t = world.request(hi, lo, { write, ...fields });
    world.translator.translate(t, null);
    return t;
  };

  it("go to interrupt remapping where they write to the interrupt range, and are refused where they read", () => {
    const { world } = mapped();
    expect(send(world, 0, 0xfee0_0010 | 0, true).end).toBe(End.Interrupt);
    expect(send(world, 0xfd, 0xf800_0000 | 0, true).end).toBe(End.Interrupt);
    const read = send(world, 0, 0xfee0_0010 | 0, false);
    const record = { [INVALID_DEVICE_REQUEST.name]: 1, DeviceID: DEVICE };
    expect(recordOf(read)).toEqual({ ...record, Address: 0xfee0_0010 });
    const reserved = send(world, 0xfd, 0x1000, true);
    expect(recordOf(reserved)).toEqual({ ...record, Type: 6, Address: 0xfd_0000_1000 });
    world.controls.iommuEn = false;
    expect(send(world, 0, 0xfee0_0010 | 0, true).end).toBe(End.Ok);
  });

  it("have meaning for untranslated requests without a PASID only", () => {
    const { world } = mapped();
    expect(why(send(world, 0, 0xfee0_0000 | 0, true, {}))).toBe("GUEST_ABSENT");
    const { world: wide } = mapped({ caps: { htRangeIgnore: true } });
    expect(why(send(wide, 0xfd, 0x1000, true))).toBe("HOST_ABSENT");
  });

  it.each([
    [0xfc00_0000, false, { IoCtl: 0 }, "IO_CTL"],
    [0xfc00_0000, false, { IoCtl: 1 }, "end 0"],
    [0xfc00_0000, false, { IoCtl: 2 }, "HOST_ABSENT"],
    [0xf910_0000, true, { SysMgt: 0 }, "SYS_MGT"],
    [0xf910_0000, true, { SysMgt: 1 }, "end 0"],
    [0xf910_0000, false, { SysMgt: 1 }, "SYS_MGT"],
    [0xf910_0000, true, { SysMgt: 3 }, "HOST_ABSENT"],
  ] as const)("are decided by the entry at FDh_%x (write %s) with %o", (lo, write, entry, end) => {
    const { world } = mapped({ entry });
    expect(why(send(world, 0xfd, lo | 0, write))).toBe(end);
  });

  it("pass untranslated in the exclusion range, which the entry or Allow opens, §3.4.2", () => {
    const { world } = mapped({ mode: 3 });
    Object.assign(world.controls, { exclEn: true, exclBaseLo: 0x5000_0000, exclLimitLo: 0x5000_1fff });
    const at = (lo: number) => why(send(world, 0, lo, true));
    expect(at(0x5000_1000)).toBe("HOST_ABSENT");
    world.entry({ EX: 1 });
    expect([at(0x4fff_ffff), at(0x5000_0000), at(0x5000_1fff), at(0x5000_2000)]).toEqual([
      "HOST_ABSENT",
      "end 0",
      "end 0",
      "HOST_ABSENT",
    ]);
    world.entry({ EX: 0 });
    world.controls.exclAllow = true;
    expect(at(0x5000_0000)).toBe("end 0");
  });

  it("marked as translated pass where I allows it", () => {
    const { world } = mapped();
    const translated = { ...plain, addressType: AddressType.Translated };
    expect(recordOf(send(world, 0, 0x7000, true, translated))).toMatchObject({ Type: 1, Address: 0x7000 });
    world.entry({ I: 1 });
    expect(output(send(world, 0, 0x7000, true, translated))).toBe(0x7000);
  });
});

describe("guest tables, 48882 §2.2.6", () => {
  it("serve requests without a PASID where GIoV is set, as PASID 0", () => {
    const { world, gpa } = mapped({ entry: { GIoV: 1 } });
    const none = { hasPasid: false };
    expect(why(world.translate(VA, none))).toBe("GCR3_V");
    world.entry({ GIoV: 0 });
    expect(output(world.translate(gpa, none))).toBe(world.placed(gpa));
  });

  it("have a root pointer that GCR3TRPMode makes a system or a guest physical address, §3.4.3", () => {
    const { world, gpa } = mapped();
    expect(output(world.translate(VA))).toBe(world.placed(gpa));
    world.controls.gcr3TrpMode = false;
    expect(why(world.translate(VA))).toBe("GCR3_FETCH");
  });
});

describe("Accessed and Dirty bits, 48882 §2.2.7.2", () => {
  const marks = (world: BuiltWorld, at: number): number => (world.lowHalfAt(at) >>> 5) & 3;
  const make = { updates: Updates.Make } as const;

  it("of guest entries are set on the way, and the page's Dirty bit by writes", () => {
    const { world } = mapped();
    const levels = [1, 2, 3, 4].map((level) => guestEntry(world, level));
    const all = () => levels.map((at) => marks(world, at));
    world.translate(VA);
    expect(all()).toEqual([0, 0, 0, 0]);
    world.translate(VA, make);
    expect(all()).toEqual([1, 1, 1, 1]);
    world.translate(VA, { ...make, write: true });
    expect(all()).toEqual([3, 1, 1, 1]);
  });

  it("of guest entries are left alone where CONTROL says so", () => {
    const { world } = mapped();
    Object.assign(world.controls, { gaUpdateDis: true, gdUpdateDis: true });
    world.translate(VA, { ...make, write: true });
    expect(marks(world, guestEntry(world, 1))).toBe(0);
  });

  it("stay as they are where the access is refused", () => {
    const { world, gpa } = mapped();
    change(world, hostLeaf(world, gpa), { clearHi: V1_WRITE });
    expect(world.translate(VA, { ...make, write: true }).end).toBe(End.Fault);
    expect(marks(world, guestEntry(world, 1))).toBe(0);
  });

  it("of guest entries need host pages that can be written", () => {
    const { world } = mapped();
    const leaf = guestEntry(world, 1);
    const gpa = Array.from({ length: 64 }, (_, i) => 0x12_4000_0000 + i * PAGE).find(
      (at) => world.placed(at) === leaf - (leaf % PAGE),
    )!;
    change(world, hostLeaf(world, gpa), { clearHi: V1_WRITE });
    expect(why(world.translate(VA, make))).toBe("HOST_UPDATE_WRITE");
    change(world, leaf, { setLo: 0x20 });
    expect(why(world.translate(VA, make))).toBe("end 0");
    expect(why(world.translate(VA, { ...make, write: true }))).toBe("HOST_UPDATE_WRITE");
  });

  it.each([
    [0, [0, 0]],
    [1, [1, 1]],
    [3, [1, 3]],
  ] as const)("of host entries follow HAD %i", (HAD, [read, written]) => {
    const { world, gpa } = mapped({ entry: { HAD } });
    const at = hostLeaf(world, gpa);
    world.translate(VA, make);
    expect(marks(world, at)).toBe(read);
    world.translate(VA, { ...make, write: true });
    expect(marks(world, at)).toBe(written);
  });

  it("of host entries need EFR.HASup and HDSup", () => {
    const { world, gpa } = mapped({ entry: { HAD: 3 }, caps: { hdSup: false } });
    world.translate(VA, { ...make, write: true });
    expect(marks(world, hostLeaf(world, gpa))).toBe(1);
  });
});

describe("records of events", () => {
  it("are zero where there is none", () => {
    const { world } = mapped();
    const words = new Uint32Array(EVENT_WORDS).fill(7);
    encodeEvent(world.translate(VA), words, 0);
    expect([...words]).toEqual([0, 0, 0, 0]);
  });

  it("say which kind of request it was, TR", () => {
    const { world } = mapped({ entry: { _63: 1 } });
    const t = world.translate(VA, { addressType: AddressType.TranslationRequest, pasid: 0x54321 });
    expect(recordOf(t)).toMatchObject({ TR: 1, PASID_15_0: 0x4321, PASID_19_16: 5 });
  });
});

describe("coherency of requests, 48882 §2.2.2.1, §2.2.3", () => {
  const coherent = (mode: 0 | 4, entry: Record<string, number>): boolean => {
    const { world } = mapped({ mode, entry });
    const t = world.translate(VA, { noSnoop: true });
    expect(t.end).toBe(End.Ok);
    return t.forceCoherent;
  };

  it("is forced by Mode0FC where there are no host tables, and by their leaf where there are", () => {
    expect([coherent(0, {}), coherent(0, { Mode0FC: 1 })]).toEqual([false, true]);
    expect([coherent(4, {}), coherent(4, { Mode0FC: 1 })]).toEqual([false, false]);
  });
});
