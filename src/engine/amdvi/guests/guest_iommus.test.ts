import { describe, expect, it } from "vitest";
import { EventCode } from "../../../arch/amdvi/events.ts";
import { Digest } from "../../../base/digest.ts";
import { End } from "../../common/request.ts";
import { CacheCount } from "../../common/tagged_cache.ts";
import {
  ENABLED,
  GUEST,
  GUEST_DEVICE,
  GUEST_DOMAIN,
  GUESTS_ON,
  GuestWorld,
  STORE,
  vf,
} from "../testing/guest_world.ts";
import { ON } from "../testing/interface_world.ts";
import { COMMANDS, DEVICE, DOMAIN, GPA, GVA, PASID, SPA } from "../testing/nested_world.ts";

type Words = readonly [number, number, number, number];

const opcode = (code: number): number => (code << 28) >>> 0;
const WAIT = { store: 1, interrupt: 2 } as const;
const wait = (flags: number, at = GPA + STORE, data = 0xabcd): Words => [at | flags, opcode(1), data, 0];
const guestPage = (domain: number, page: number): Words => [
  PASID,
  (opcode(3) | domain) >>> 0,
  (GVA + 0x1000 * page) | 4,
  0,
];
const status = { eventOverflow: 1, eventLogInt: 2, comWaitInt: 4, eventLogRun: 8, cmdBufRun: 16 } as const;

/** IO_PAGE_FAULT of a device, in the guest's tables where `gn` is set. */
const fault = (gn: 0 | 1): Words => [DEVICE, (opcode(EventCode.IO_PAGE_FAULT) | (gn << 16) | PASID) >>> 0, GVA, 0];
const request: Words = [DEVICE, (opcode(1) | PASID) >>> 0, GVA, 0];
const digestOf = (w: GuestWorld): string => {
  const digest = new Digest();
  w.io.digest(digest);
  return digest.hex();
};
const stored = (w: GuestWorld): number => {
  w.memory.read64(0, SPA + STORE);
  return w.memory.lo;
};

describe("A guest's mapping tables, 48882 chapter 5", () => {
  it("are written in the private address space, and the command says that it is done", () => {
    const w = new GuestWorld();
    w.memory.read64(0, 0x160000 + 16 * GUEST_DEVICE);
    expect([w.memory.lo >>> 24, w.memory.hi & 0xff]).toEqual([DEVICE, 0]);
    w.memory.read64(0, 0x161000 + 8 * GUEST_DOMAIN);
    expect(w.memory.lo & 0xffff).toBe(DOMAIN);
    expect(w.read(vf("GUEST_DID_MAP_CONTROL0")) & 1).toBe(0);
  });

  it("are not written by a command that is not valid", () => {
    const w = new GuestWorld();
    w.write(vf("GUEST_DID_MAP_CONTROL1"), (9 << 14) | 1, GUEST_DOMAIN << 14);
    w.memory.read64(0, 0x161000 + 8 * GUEST_DOMAIN);
    expect(w.memory.lo & 0xffff).toBe(DOMAIN);
  });

  it("are looked through for what a guest forgets as a whole, which counts for no cache", () => {
    const w = new GuestWorld();
    const { counts } = w.cached.caches!.table("dte")!;
    const lookUps = (): number => counts[CacheCount.Hits]! + counts[CacheCount.Misses]!;
    w.access(w.cached, 2, false, true);
    const before = lookUps();
    w.guestCommand([0, opcode(8), 0, 0]);
    expect(w.cached.caches!.config.recallDte(DEVICE, new Uint32Array(8))).toBe(false);
    // The two halves of the command were fetched by way of an entry; the last one is the look just now.
    expect(lookUps() - before).toBeLessThanOrEqual(3);
  });

  it("that nothing backs are a hardware error of the vIOMMU, told to the host", () => {
    const w = new GuestWorld();
    w.map("GUEST_DID_MAP_CONTROL1", 512, 9);
    const [[first, second, lo, hi]] = w.events() as [number[]];
    expect(second! >>> 28).toBe(EventCode.VIOMMU_HARDWARE_ERROR);
    expect(first! & 0xffff).toBe(GUEST);
    expect([hi, lo]).toEqual([0x20, 0x81000]);
  });
});

describe("A guest's command buffer", () => {
  it("reaches the host's caches by the guest's ids", () => {
    const w = new GuestWorld();
    expect(w.access(w.cached, 2, false, true).paLo).toBe(SPA + 0x2008);
    w.guestPage(2, 5);
    w.guestCommand(guestPage(GUEST_DOMAIN + 1, 2));
    expect(w.access(w.cached, 2, false, true).paLo).toBe(SPA + 0x2008);
    w.guestCommand(guestPage(GUEST_DOMAIN, 2));
    expect(w.access(w.cached, 2, false, true).paLo).toBe(SPA + 0x5008);
    expect(w.read(vf("CMD_HEAD"))).toBe(32);
    expect(w.events()).toEqual([]);
  });

  it("names devices by the guest's ids", () => {
    const w = new GuestWorld();
    const writes = (): boolean => w.access(w.cached, 2, true, true).end === End.Ok;
    expect(writes()).toBe(true);
    w.entry({ IW: 0 });
    w.guestCommand([DEVICE, opcode(2), 0, 0], guestPage(GUEST_DOMAIN, 2));
    expect(writes()).toBe(true);
    w.guestCommand([GUEST_DEVICE, opcode(2), 0, 0], guestPage(GUEST_DOMAIN, 2));
    expect(writes()).toBe(false);
  });

  it("stores at guest physical addresses, and tells the guest that it waited", () => {
    const w = new GuestWorld();
    w.guestCommand(wait(WAIT.store | WAIT.interrupt));
    expect(stored(w)).toBe(0xabcd);
    expect(w.read(vf("STATUS")) & status.comWaitInt).toBe(status.comWaitInt);
    expect(w.read("STATUS") & status.comWaitInt).toBe(0);
  });

  it("does not store where the guest has no memory", () => {
    const w = new GuestWorld();
    w.hostPage(STORE >>> 12, null);
    w.command(COMMANDS.hostAll);
    w.guestCommand(wait(WAIT.store));
    expect(stored(w)).toBe(0);
    expect(w.read(vf("CMD_HEAD"))).toBe(16);
  });

  it.each([
    ["inserts events", 9],
    ["resets registers of guests", 10],
    ["is none", 15],
  ])("stops at a command that %s, and says so in the guest's log", (_name, code) => {
    const w = new GuestWorld();
    w.guestCommand(wait(0), [0, opcode(code), 0, 0], wait(WAIT.store));
    expect(w.read(vf("CMD_HEAD"))).toBe(16);
    expect(w.read(vf("STATUS")) & (status.cmdBufRun | status.eventLogInt)).toBe(status.eventLogInt);
    expect(w.guestEvents()).toEqual([[0, opcode(EventCode.ILLEGAL_COMMAND_ERROR), GPA + 16, 0]]);
    expect(stored(w)).toBe(0);
    expect(w.events()).toEqual([]);
  });

  it("runs again where its host turns it off and on", () => {
    const w = new GuestWorld();
    w.guestCommand([0, opcode(15), 0, 0]);
    w.memory.write64(0, SPA, opcode(1), (GPA + STORE) | WAIT.store);
    w.memory.write64(0, SPA + 8, 0, 7);
    w.write(vf("GUEST_CMD_CONTROL"), GPA | (ENABLED & 15));
    expect(stored(w)).toBe(0);
    w.write(vf("GUEST_CMD_CONTROL"), GPA | ENABLED);
    expect(stored(w)).toBe(7);
  });

  it.each([
    ["vCmdEn", 1 << 20],
    ["vIommuEn", 1 << 21],
  ])("waits for CONTROL.%s", (_name, bit) => {
    const w = new GuestWorld();
    w.write("CONTROL", ON | 0x10000, GUESTS_ON & ~bit);
    w.guestCommand(wait(WAIT.store));
    expect([stored(w), w.read(vf("STATUS")) & status.cmdBufRun]).toEqual([0, 0]);
    w.write("CONTROL", ON | 0x10000, GUESTS_ON);
    expect(stored(w)).toBe(0xabcd);
  });

  it("lies in the private address space without GstBufferTRPMode", () => {
    const w = new GuestWorld();
    w.write("CONTROL", ON | 0x10000, GUESTS_ON & ~(1 << 28));
    w.guestCommand(wait(WAIT.store));
    // Nothing is mapped there.
    expect([stored(w), w.read(vf("STATUS")) & status.cmdBufRun]).toEqual([0, 0]);
    const [[, second, lo, hi]] = w.events() as [number[]];
    expect(second! >>> 28).toBe(EventCode.GUEST_EVENT_FAULT);
    expect([lo, hi]).toEqual([0, 0]);
  });
});

describe("A guest's logs", () => {
  it("take faults in the guest's tables, with the guest's DeviceID", () => {
    const w = new GuestWorld();
    w.io.event(fault(1));
    expect(w.guestEvents()).toEqual([[GUEST_DEVICE, fault(1)[1], GVA, 0]]);
    expect(w.events()).toEqual([]);
  });

  it("do not take faults in the host's tables, nor those of others' devices", () => {
    const w = new GuestWorld();
    w.io.event(fault(0));
    w.entry({ vImuEn: 0 });
    w.command(COMMANDS.devtab);
    w.io.event(fault(1));
    expect(w.guestEvents()).toEqual([]);
    expect(w.events()).toEqual([[...fault(0)], [...fault(1)]]);
  });

  it("take the page requests of the guest's devices", () => {
    const w = new GuestWorld();
    w.io.pageRequest(request);
    expect(w.guestRequests()).toEqual([[GUEST_DEVICE, ...request.slice(1)]]);
    expect(w.read("PPR_TAIL")).toBe(0);
  });

  it("that are full stop, and the host is told", () => {
    const w = new GuestWorld();
    for (let n = 0; n < 256; n++) w.io.event(fault(1));
    expect(w.read(vf("EVT_TAIL"))).toBe(255 * 16);
    expect(w.read(vf("STATUS")) & (status.eventOverflow | status.eventLogRun)).toBe(status.eventOverflow);
    expect(w.events().map(([, second]) => [second! & 0xffff, second! >>> 28])).toEqual([
      [GUEST, EventCode.GUEST_EVENT_FAULT],
    ]);
    // The guest makes room, its host starts the log again.
    w.write(vf("EVT_HEAD"), 255 * 16);
    w.write(vf("STATUS"), status.eventOverflow);
    w.write(vf("GUEST_EVT_CONTROL"), (GPA + 0x1000) | ENABLED);
    w.io.event(fault(1));
    expect(w.read(vf("EVT_TAIL"))).toBe(0);
  });
});

describe("The registers of guests", () => {
  it("are reset by the host's RESET_VMMIO: those of commands, or all", () => {
    const w = new GuestWorld();
    w.guestCommand(wait(WAIT.interrupt));
    w.io.event(fault(1));
    w.command([GUEST, opcode(10), 0, 0]);
    expect([w.read(vf("CMD_TAIL")), w.read(vf("EVT_TAIL"))]).toEqual([16, 0]);
    expect([w.read(vf("GUEST_CMD_CONTROL")) & ENABLED, w.read(vf("GUEST_EVT_CONTROL"))]).toEqual([ENABLED, 0]);
    w.command([((1 << 31) | GUEST) >>> 0, opcode(10), 0, 0]);
    expect([w.read(vf("CMD_TAIL")), w.read(vf("GUEST_CMD_CONTROL"))]).toEqual([0, 0]);
    w.command([((1 << 28) | GUEST) >>> 0, opcode(10), 0, 0]);
    expect([w.read(vf("GUEST_MISC_CONTROL")), w.read(vf("GUEST_PPR_CONTROL"))]).toEqual([0, 0]);
  });

  it("of guests that nobody wrote to read as after a reset, and reading leaves no trace", () => {
    const w = new GuestWorld();
    const before = digestOf(w);
    expect([w.read(vf("GUEST_CMD_CONTROL", 7)), w.read(vf("GUEST_MISC_CONTROL", 0xffff))]).toEqual([0, 0]);
    expect(digestOf(w)).toBe(before);
    w.write(vf("GUEST_MISC_CONTROL", 0xffff), DEVICE << 16);
    expect(w.read(vf("GUEST_MISC_CONTROL", 0xffff))).toBe(0);
  });

  it("come back with a saved state", () => {
    const w = new GuestWorld();
    w.guestCommand(wait(WAIT.interrupt));
    const [image, before] = [w.io.snapshot(), digestOf(w)];
    w.io.event(fault(1));
    w.guestCommand(wait(WAIT.interrupt), [0, opcode(15), 0, 0]);
    w.write(vf("GUEST_MISC_CONTROL", 9), 0);
    expect(digestOf(w)).not.toBe(before);
    w.io.restore(image);
    expect(digestOf(w)).toBe(before);
    expect(w.read(vf("CMD_TAIL"))).toBe(16);
    w.write(vf("CMD_TAIL"), 32);
    expect(w.read(vf("CMD_HEAD"))).toBe(32);
  });
});
