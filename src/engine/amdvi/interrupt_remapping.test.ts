import { describe, expect, it } from "vitest";
import { DTE } from "../../arch/amdvi/dte.ts";
import { DeviceTable } from "./device_table.ts";
import { Delivery, InterruptMessage, InterruptRemapper } from "./interrupt_remapping.ts";
import { InterfaceWorld, ON } from "./testing/interface_world.ts";

const TABLE = 0x100000;
const ENTRIES = 0x110000;
const DEVICE = 3;
const I_FLAG = 0x80000;

type Bits = Readonly<Record<string, number>>;

class World extends InterfaceWorld {
  readonly remapper = new InterruptRemapper(this.memory, new DeviceTable(this.memory, this.controls), this.io);
  readonly message = new InterruptMessage();

  constructor(bits: Bits, control: readonly [number, number] = [ON, 0]) {
    super();
    this.write("DEVTAB_BASE", TABLE);
    const dte = new Uint32Array(8);
    const fields: Bits = { IV: 1, IntCtl: 2, IntTabLen: 5, InterruptTableRootPtr: ENTRIES >>> 6, DomainID: 9, ...bits };
    for (const [name, value] of Object.entries(fields)) DTE.f[name as keyof typeof DTE.f].set(dte, 0, value);
    for (let i = 0; i < 8; i += 2) this.memory.write64(0, TABLE + 32 * DEVICE + 4 * i, dte[i + 1]!, dte[i]!);
    this.write("CONTROL", ...control);
  }

  send(data: number): InterruptMessage {
    Object.assign(this.message, { deviceId: DEVICE, addressHi: 0, addressLo: 0xfee00000, data });
    this.remapper.remap(this.message);
    return this.message;
  }
}

const IRTE = 0x00440c01; // vector 0x44, destination 0x0c, fixed, enabled

describe("interrupt remapping, §2.2.5", () => {
  it("follows a 32-bit entry", () => {
    const w = new World({});
    w.memory.write64(0, ENTRIES + 8, IRTE | 0x44, 0);
    expect(w.send(3)).toMatchObject({
      delivery: Delivery.Remapped,
      vector: 0x44,
      destination: 0x0c,
      logical: true,
      type: 1,
    });
    expect(w.events()).toEqual([]);
  });

  it("follows a 128-bit entry, with 32 bits of destination where XTEn is set", () => {
    const w = new World({}, [ON | 0x20000, 0x40000]);
    w.memory.write64(0, ENTRIES + 16, 0, 0x56789a01);
    w.memory.write64(0, ENTRIES + 24, 0x12000000, 0x77);
    expect(w.send(1)).toMatchObject({ delivery: Delivery.Remapped, vector: 0x77, destination: 0x1256789a });
    w.write("CONTROL", ON | 0x20000, 0);
    expect(w.send(1).destination).toBe(0x9a);
  });

  it("passes what IV or IntCtl leave unmapped", () => {
    expect(new World({ IV: 0 }).send(3).delivery).toBe(Delivery.Unmapped);
    expect(new World({ IntCtl: 1 }).send(3).delivery).toBe(Delivery.Unmapped);
    expect(new World({ IntCtl: 2, NMIPass: 1 }).send(0x400).delivery).toBe(Delivery.Unmapped);
    expect(new World({}, [0, 0]).send(3).delivery).toBe(Delivery.Unmapped);
  });

  it.each<[string, Bits, number, number[]]>([
    ["IntCtl 0: INVALID_DEVICE_REQUEST of type 5", { IntCtl: 0 }, 3, [DEVICE, 0x8a000000, 0xfee00000, 0]],
    ["an NMI without NMIPass", {}, 0x400, [DEVICE, 0x8a000000, 0xfee00000, 0]],
    ["IntCtl 3: ILLEGAL_DEV_TABLE_ENTRY", { IntCtl: 3 }, 3, [DEVICE, 0x10200000 | I_FLAG, 0xfee00000, 0]],
    ["IntTabLen 12: ILLEGAL_DEV_TABLE_ENTRY", { IntTabLen: 12 }, 3, [DEVICE, 0x10200000 | I_FLAG, 0xfee00000, 0]],
    ["an index beyond the table: IO_PAGE_FAULT", {}, 32, [DEVICE, 0x20200009 | I_FLAG, 0xfee00000, 0]],
    ["an entry that is off: IO_PAGE_FAULT", {}, 3, [DEVICE, 0x20200009 | I_FLAG, 0xfee00000, 0]],
    [
      "a table where nothing answers: PAGE_TAB_HARDWARE_ERROR",
      { InterruptTableRootPtr: 0x800000 >>> 6 },
      3,
      [DEVICE, 0x42200009 | I_FLAG, 0x80000c & ~7, 0],
    ],
  ])("stops at %s", (_what, bits, data, record) => {
    const w = new World(bits);
    expect(w.send(data).delivery).toBe(Delivery.Blocked);
    expect(w.events()).toEqual([record]);
  });

  it.each<[string, number, number]>([
    ["a reserved type", IRTE | 8, 0x20300009],
    ["a reserved bit", IRTE | 0x01000000, 0x20b00009],
    ["GuestMode in 32 bits", IRTE | 0x80, 0x20b00009],
  ])("says PR for %s", (_what, irte, flags) => {
    const w = new World({});
    w.memory.write64(0, ENTRIES + 8, irte, 0);
    w.send(3);
    expect(w.events()).toEqual([[DEVICE, flags | I_FLAG, 0xfee00000, 0]]);
  });

  it("keeps quiet where SupIOPF or IG says so", () => {
    const suppressed = new World({});
    suppressed.memory.write64(0, ENTRIES + 8, 2, 0);
    expect([suppressed.send(3).delivery, suppressed.events()]).toEqual([Delivery.Blocked, []]);
    const ignored = new World({ IG: 1 });
    expect([ignored.send(3).delivery, ignored.events()]).toEqual([Delivery.Blocked, []]);
  });
});
