import { describe, expect, it } from "vitest";
import { AtsDevice } from "../device/ats_device.ts";
import { DeviceSet } from "../device/device_set.ts";
import { presetRegisters } from "./presets.ts";
import { InterfaceWorld, ON, PLACES } from "./testing/interface_world.ts";

const op = (opcode: number): number => (opcode << 28) >>> 0;
const store = (value: number): [number, number, number, number] => [PLACES.store | 1, op(1), value, 0];
const stored = (w: InterfaceWorld): number => {
  w.memory.read64(0, PLACES.store);
  return w.memory.lo;
};

const EVENT_OVERFLOW = 1;
const EVENT_INT = 2;
const COM_WAIT_INT = 4;
const EVENT_RUN = 8;
const CMD_RUN = 16;

describe("the registers", () => {
  it("of the QEMU preset say what QEMU's say", () => {
    const qemu = presetRegisters("qemu-11.1");
    expect(qemu.get("EFR")).toEqual({ hi: 0, lo: 0x29d3 });
    expect(qemu.get("PCICAP_MISC0")!.lo).toBe(0x182840);
  });

  it("keep reserved bits and fields of absent features at zero", () => {
    const w = new InterfaceWorld(presetRegisters("minimal"));
    w.write("DEVTAB_BASE", -1, -1);
    w.write("CONTROL", -1 & ~1, -1);
    w.write("PPR_BASE", -1, -1);
    w.write("DEVTAB_SEG1_BASE", -1, -1);
    w.io.read(0, 8);
    expect([w.io.hi, w.io.lo]).toEqual([0x000fffff, 0xfffff1ff]);
    expect(w.read("CONTROL") & 0x3ffe000).toBe(0x00bc0000);
    expect(w.read("PPR_BASE")).toBe(0);
    expect(w.read("DEVTAB_SEG1_BASE")).toBe(0);
  });

  it("give translation what it needs of them", () => {
    const w = new InterfaceWorld();
    w.write("DEVTAB_BASE", 0x5000 | 3, 1);
    w.write("EXCL_BASE", 0x8003);
    w.write("EXCL_LIMIT", 0x9000);
    w.write("CONTROL", ON | 0x10000, 2 << 2);
    expect(w.controls).toMatchObject({ iommuEn: true, gtEn: true, segmentsLg2: 2, exclEn: true, exclAllow: true });
    expect([w.controls.segmentHi[0], w.controls.segmentLo[0], w.controls.segmentEntries[0]]).toEqual([1, 0x5000, 512]);
    expect([w.controls.exclBaseLo, w.controls.exclLimitLo]).toEqual([0x8000, 0x9fff]);
  });

  it("show the MSI capability at 0158h where EFR.MsiCapMmioSup says so", () => {
    const w = new InterfaceWorld();
    w.io.write(0x15c, 4, 0, 0x40004);
    expect(w.read("MSI_ADDR_LO")).toBe(0x40004);
    const without = new InterfaceWorld(presetRegisters("minimal"));
    without.io.write(0x15c, 4, 0, 0x40004);
    expect(without.read("MSI_ADDR_LO")).toBe(0);
  });
});

describe("the command buffer", () => {
  it("stores, interrupts and moves its head, §2.4.1", () => {
    const w = new InterfaceWorld();
    w.command(store(7), [2, op(1), 0, 0]);
    expect(stored(w)).toBe(7);
    expect(w.read("CMD_HEAD")).toBe(0x20);
    expect(w.read("STATUS")).toBe(EVENT_RUN | CMD_RUN | COM_WAIT_INT);
    w.write("STATUS", COM_WAIT_INT);
    expect(w.read("STATUS")).toBe(EVENT_RUN | CMD_RUN);
  });

  it.each([
    ["opcode 0", [0, 0, 0, 0]],
    ["opcode 11", [0, op(11), 0, 0]],
    ["a reserved bit of INVALIDATE_DEVTAB_ENTRY", [0x10000, op(2), 0, 0]],
    ["a reserved bit of COMPLETION_WAIT", [0, op(1) | (1 << 20), 0, 0]],
    ["a reserved bit of INVALIDATE_IOMMU_ALL", [1, op(8), 0, 0]],
  ] as [string, [number, number, number, number]][])("stops at %s and logs it, §2.5.6", (_what, command) => {
    const w = new InterfaceWorld();
    w.command(store(1), command, store(2));
    expect(stored(w)).toBe(1);
    expect(w.read("CMD_HEAD")).toBe(0x10);
    expect(w.read("STATUS") & CMD_RUN).toBe(0);
    expect(w.events()).toEqual([[0, 0x50000000, PLACES.commands + 0x10, 0]]);
  });

  it("takes INVALIDATE_IOMMU_ALL only where EFR.IASup offers it", () => {
    const w = new InterfaceWorld(presetRegisters("minimal"));
    w.command([0, op(8), 0, 0]);
    expect(w.events()).toHaveLength(1);
  });

  it("goes on after its enable was written 0 and 1, at the command that stopped it", () => {
    const w = new InterfaceWorld();
    w.command([0, 0, 0, 0], store(3));
    w.memory.write64(0, PLACES.commands + 8, 0, 0);
    w.memory.write64(0, PLACES.commands, op(8), 0);
    w.write("CONTROL", ON);
    expect(w.read("CMD_HEAD")).toBe(0);
    w.write("CONTROL", ON & ~0x1000);
    w.write("CONTROL", ON);
    expect(w.read("CMD_HEAD")).toBe(0x20);
    expect(stored(w)).toBe(3);
  });

  it("that cannot be read stops with COMMAND_HARDWARE_ERROR, §2.5.7", () => {
    const w = new InterfaceWorld();
    w.write("CMD_BASE", 0x800000, 0x08000000);
    w.write("CMD_TAIL", 0x10);
    expect(w.events()).toEqual([[0, 0x62000000, 0x800000, 0]]);
    expect(w.read("STATUS") & CMD_RUN).toBe(0);
  });

  it("waits for commands in memory that the session does not hold", () => {
    const w = new InterfaceWorld(undefined, {}, "unknown");
    w.write("CMD_BASE", 0x800000, 0x08000000);
    w.write("CMD_TAIL", 0x10);
    expect([w.read("CMD_HEAD"), w.read("STATUS") & CMD_RUN, w.events()]).toEqual([0, CMD_RUN, []]);
  });

  it("keeps its head while it runs, and starts anew with a new base", () => {
    const w = new InterfaceWorld();
    w.command(store(1));
    w.write("CMD_HEAD", 0x40);
    expect(w.read("CMD_HEAD")).toBe(0x10);
    w.write("CMD_BASE", PLACES.commands, 0x08000000);
    expect([w.read("CMD_HEAD"), w.read("CMD_TAIL")]).toEqual([0, 0]);
  });
});

describe("devices that do not answer INVALIDATE_IOTLB_PAGES, §2.4.4", () => {
  const DEVICE = { sid: 8, capacity: 4, pageRequests: 0, responsePasidRequired: false, answersInvalidations: false };
  const silent = (): DeviceSet => {
    const devices = new DeviceSet();
    devices.add(new AtsDevice(DEVICE));
    return devices;
  };

  it("keep COMPLETION_WAIT waiting while CONTROL.InvTimeOut is 0", () => {
    const w = new InterfaceWorld(undefined, { devices: silent() });
    w.command([8, op(4), 0, 0], store(5));
    expect([w.read("CMD_HEAD"), stored(w)]).toEqual([0x10, 0]);
  });

  it("leave IOTLB_INV_TIMEOUT where it is not", () => {
    const w = new InterfaceWorld(undefined, { devices: silent() });
    w.write("CONTROL", ON | 0x20);
    w.command([8, op(4), 0, 0], store(5));
    expect(stored(w)).toBe(5);
    expect(w.events()).toEqual([[8, 0x70000000, PLACES.commands, 0]]);
  });

  it("are sent the PASID and the range that the command names", () => {
    const devices = new DeviceSet();
    const w = new InterfaceWorld(undefined, { devices });
    // PASID 0xabcde in three pieces, address 0x1234_0000, S with bits 12 to 15 set: 2^17 bytes.
    w.command([0x00bc0008, op(4) | (0xa << 24) | (0xde << 16) | 8, 0x1234f005, 0x7]);
    expect(devices.takeInvalidations()).toEqual([
      { sid: 8, ssv: true, ssid: 0xabcde, global: false, hi: 7, lo: 0x12340000, sizeLg2: 17 },
    ]);
  });
});

describe("the event log", () => {
  const record = (n: number): number[] => [n, 0x20000000, n, 0];
  const fill = (w: InterfaceWorld, count: number): void => {
    for (let n = 0; n < count; n++) w.io.event(record(n));
  };

  it("loses what finds no room, says so and stops, §2.5", () => {
    const w = new InterfaceWorld();
    fill(w, 300);
    expect(w.read("EVT_TAIL")).toBe(0xff0);
    expect(w.read("STATUS")).toBe(CMD_RUN | EVENT_INT | EVENT_OVERFLOW);
    w.write("EVT_HEAD", 0x800);
    fill(w, 1);
    expect(w.read("EVT_TAIL")).toBe(0xff0);
  });

  it("runs again when EventOverflow is cleared and EventLogEn written", () => {
    const w = new InterfaceWorld();
    fill(w, 256);
    w.write("EVT_HEAD", 0x800);
    w.write("CONTROL", ON);
    fill(w, 1);
    w.write("STATUS", EVENT_OVERFLOW);
    fill(w, 1);
    expect(w.read("EVT_TAIL")).toBe(0xff0);
    w.write("CONTROL", ON);
    fill(w, 2);
    expect(w.read("EVT_TAIL")).toBe(0x10);
    expect(w.read("STATUS")).toBe(CMD_RUN | EVENT_INT | EVENT_RUN);
  });

  it("swaps buffers where DualEventLogEn says so", () => {
    const w = new InterfaceWorld();
    w.write("EVT_BASE_B", 0x50000, 0x08000000);
    w.write("CONTROL", ON, 2);
    fill(w, 300);
    expect(w.read("EVT_TAIL")).toBe(0xff0);
    expect(w.read("EVT_TAIL_B")).toBe((300 - 255) * 16);
    expect(w.records(0x50000, 1)).toEqual([record(255)]);
    expect(w.read("STATUS")).toBe(CMD_RUN | EVENT_RUN | EVENT_INT | EVENT_OVERFLOW | 0x10000);
  });

  it("that cannot be written leaves the event in the hardware event registers", () => {
    const w = new InterfaceWorld();
    w.write("EVT_BASE", 0x800000, 0x08000000);
    fill(w, 2);
    w.io.read(0x40, 8);
    expect([w.io.hi, w.io.lo]).toEqual([0x20000000, 0]);
    expect(w.read("HW_EVT_STATUS")).toBe(3);
    w.write("HW_EVT_STATUS", 3);
    expect(w.read("HW_EVT_STATUS")).toBe(0);
  });
});

describe("interrupts", () => {
  const withMsi = (): InterfaceWorld => {
    const w = new InterfaceWorld();
    w.write("MSI_ADDR_LO", 0x60004);
    w.write("MSI_DATA", 0x4020);
    w.write("MSI_HEADER", 0x10000);
    return w;
  };
  const message = (w: InterfaceWorld): number => {
    w.memory.read64(0, 0x60000);
    return w.memory.hi;
  };

  it("are messages, one for each time a status bit passes", () => {
    const w = withMsi();
    w.write("CONTROL", ON | 8);
    w.io.event([0, 0x20000000, 0, 0]);
    expect(message(w)).toBe(0x4020);
    w.io.event([0, 0x20000000, 0, 0]);
    expect(w.io.interrupts.raised[0]).toBe(1);
    w.write("STATUS", EVENT_INT);
    w.io.event([0, 0x20000000, 0, 0]);
    expect(w.io.interrupts.raised[0]).toBe(2);
  });

  it("come when a bit that is set is enabled", () => {
    const w = withMsi();
    w.command([2, op(1), 0, 0]);
    expect(message(w)).toBe(0);
    w.write("CONTROL", ON | 0x10);
    expect(message(w)).toBe(0x4020);
  });

  it("with IntCapXTEn go to the APIC that the control register names", () => {
    const w = withMsi();
    w.io.write(0x170, 8, 0x12000031, 0x34567804);
    w.write("CONTROL", ON | 0x10, 0x80000);
    w.command([2, op(1), 0, 0]);
    expect([message(w), w.io.interrupts.raised[0]]).toEqual([0, 1]);
  });
});

describe("a saved state", () => {
  it("comes back whole", () => {
    const w = new InterfaceWorld();
    w.command(store(1), [2, op(1), 0, 0]);
    const image = w.io.snapshot();
    const before = w.read("STATUS");
    w.write("CONTROL", 0);
    w.write("STATUS", 0xff);
    w.io.restore(image);
    expect(w.read("STATUS")).toBe(before);
    expect(w.controls.iommuEn).toBe(true);
    expect(w.read("CMD_HEAD")).toBe(0x20);
  });
});
