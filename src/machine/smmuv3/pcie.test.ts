import { describe, expect, it } from "vitest";
import { CD } from "../../arch/smmuv3/cd.ts";
import { commandByName } from "../../arch/smmuv3/commands.ts";
import { registerByName } from "../../arch/smmuv3/registers.ts";
import { STE } from "../../arch/smmuv3/ste.ts";
import type { AtsDeviceOptions } from "../../engine/device/ats_device.ts";
import { encode, type Fields, PLAIN_CD } from "../../engine/smmuv3/testing/world.ts";
import { vmsav8Format } from "../../pagetable/formats/vmsav8.ts";
import { type Entry, TableBuilder, type TableStore } from "../../pagetable/testing/table_builder.ts";
import type { Access } from "../../protocol/machine.ts";
import { Machine } from "../machine.ts";
import { SMMUV3 } from "./architecture.ts";
import type { SmmuUnit } from "./smmu_unit.ts";

const RAM = 0x4000_0000;
const STREAM_TABLE = RAM;
const CONTEXT = RAM + 0x1_0000;
const COMMANDS = RAM + 0x2_0000;
const EVENTS = RAM + 0x3_0000;
const PAGES = RAM + 0x4_0000;
const DATA = RAM + 0x100_0000;
const SID = 3;
const VA = 0x10_0000;

const REGISTERS: Readonly<Record<string, Fields>> = {
  IDR0: { S1P: 1, TTF: 2, ATS: 1, PRI: 1, ST_LEVEL: 1, ASID16: 1 },
  IDR1: { SIDSIZE: 8, SSIDSIZE: 4, CMDQS: 8, EVENTQS: 8, PRIQS: 8 },
  IDR5: { OAS: 5, GRAN4K: 1 },
  AIDR: { ArchMinorRev: 2 },
  CR0: { SMMUEN: 1, EVENTQEN: 1, CMDQEN: 1, PRIQEN: 1, ATSCHK: 1 },
  STRTAB_BASE: { ADDR: STREAM_TABLE },
  STRTAB_BASE_CFG: { LOG2SIZE: 8 },
  CMDQ_BASE: { LOG2SIZE: 8, ADDR: COMMANDS },
  EVENTQ_BASE: { LOG2SIZE: 8, ADDR: EVENTS },
  PRIQ_BASE: { LOG2SIZE: 4, ADDR: PAGES },
};

const DEVICE: AtsDeviceOptions = {
  sid: SID,
  capacity: 16,
  pageRequests: 4,
  responsePasidRequired: false,
  answersInvalidations: true,
};

/** Tables in a machine's memory. */
class MachineStore implements TableStore {
  readonly #machine: Machine<SmmuUnit>;
  #next = RAM + 0x10_0000;

  constructor(machine: Machine<SmmuUnit>) {
    this.#machine = machine;
  }

  read(at: number): Entry {
    const words = new Uint32Array(this.#machine.readMemory(BigInt(at), 8)!.buffer);
    return [words[0]!, words[1]!];
  }

  write(at: number, entry: Entry): void {
    this.#machine.writeMemory(BigInt(at), new Uint8Array(Uint32Array.from(entry).buffer));
  }

  allocate(bytes: number): number {
    const size = Math.max(64, bytes);
    this.#next = Math.ceil(this.#next / size) * size + size;
    return this.#next - size;
  }
}

/** A machine with one ATS device whose stream translates at stage 1, and the driver's side of its queues. */
class Rig {
  readonly machine: Machine<SmmuUnit>;
  readonly tables: TableBuilder;
  #producer = 0;

  constructor(options: Partial<AtsDeviceOptions> = {}) {
    const registers = Object.entries(REGISTERS).map(([name, fields]) => {
      const [lo, hi] = encode(registerByName(name)!.layout, fields);
      return [name, (BigInt(hi ?? 0) << 32n) | BigInt(lo!)] as const;
    });
    this.machine = new Machine(
      {
        arch: "smmuv3",
        registers: Object.fromEntries(registers),
        memory: { outside: "abort", zero: [[BigInt(RAM), 0x800_0000n]], segments: [] },
        devices: [],
      },
      SMMUV3.make,
    );
    this.tables = new TableBuilder(vmsav8Format(12, false), new MachineStore(this.machine), 1, 2, 39);
    this.put(CONTEXT, CD, { ...PLAIN_CD, T0SZ: 25, TTB0: this.tables.root });
    this.put(STREAM_TABLE + 64 * SID, STE, { V: 1, Config: 5, S1ContextPtr: CONTEXT, EATS: 1 });
    this.machine.unit.pcie.add({ ...DEVICE, ...options });
  }

  put(at: number, layout: Parameters<typeof encode>[0], fields: Fields): void {
    this.machine.writeMemory(BigInt(at), new Uint8Array(encode(layout, fields).buffer));
  }

  map(to: number): void {
    this.tables.map(VA, 0, to, { AF: 1, AP: 1 });
  }

  command(name: string, fields: Fields = {}): void {
    const { layout, opcode } = commandByName(name)!;
    this.put(COMMANDS + 16 * this.#producer++, layout, { Opcode: opcode, ...fields });
    this.machine.unit.write(0x98, BigInt(this.#producer), 4);
  }

  access(changes: Partial<Access> & { readonly length?: number; readonly data?: Uint8Array } = {}) {
    const plain = { sid: SID, ssid: null, iova: BigInt(VA), write: false, privileged: false, instruction: false };
    return this.machine.unit.pcie.access({ length: 4, ...plain, ...changes })!;
  }
}

describe("a device with ATS", () => {
  it("accesses memory through its cache; what it was given stays until CMD_ATC_INV takes it back", () => {
    const rig = new Rig();
    rig.map(DATA);
    rig.machine.writeMemory(BigInt(DATA), Uint8Array.of(1, 2, 3, 4));
    rig.machine.writeMemory(BigInt(DATA + 0x1000), Uint8Array.of(5, 6, 7, 8));
    expect(rig.access()).toMatchObject({ ok: true, data: Uint8Array.of(1, 2, 3, 4), turn: { hit: false } });
    rig.map(DATA + 0x1000);
    rig.command("CMD_TLBI_NSNH_ALL");
    rig.command("CMD_SYNC");
    expect(rig.access()).toMatchObject({ data: Uint8Array.of(1, 2, 3, 4), turn: { hit: true } });
    rig.command("CMD_ATC_INV", { StreamID: SID, Address: VA, Size: 0 });
    rig.command("CMD_SYNC");
    expect(rig.access()).toMatchObject({ data: Uint8Array.of(5, 6, 7, 8), turn: { hit: false } });
    expect(rig.machine.registerValue("CMDQ_CONS")).toBe(4n);
  });

  it("accesses page after page, and ends at the first that it may not", () => {
    const rig = new Rig();
    rig.map(DATA);
    rig.tables.map(VA + 0x1000, 0, DATA + 0x5000, { AF: 1, AP: 3 });
    const data = Uint8Array.from({ length: 8 }, (_, i) => i);
    expect(rig.access({ iova: BigInt(VA + 0xffc), length: 8 })).toMatchObject({ ok: true, pa: BigInt(DATA + 0xffc) });
    const write = rig.access({ iova: BigInt(VA + 0xffc), length: 8, write: true, data });
    expect(write).toMatchObject({ ok: false, turn: { kind: "waiting" } });
    expect(rig.machine.readMemory(BigInt(DATA + 0xffc), 4)).toEqual(data.subarray(0, 4));
    expect(rig.machine.readMemory(BigInt(DATA + 0x5000), 4)).toEqual(new Uint8Array(4));
  });

  it("stops the queue at the CMD_SYNC after an invalidation that timed out, IHI 0070 §3.9.1.4", () => {
    const rig = new Rig({ answersInvalidations: false });
    rig.map(DATA);
    rig.access();
    rig.command("CMD_ATC_INV", { StreamID: SID, Size: 52 });
    rig.command("CMD_SYNC");
    expect(rig.machine.registerValue("CMDQ_CONS")).toBe(0x0300_0001n);
    expect(rig.machine.registerValue("GERROR")).toBe(1n);
    expect(rig.access()).toMatchObject({ ok: true, turn: { hit: true } });
    rig.machine.unit.write(0x64, 1n, 4);
    expect(rig.machine.registerValue("CMDQ_CONS") & 0xffffn).toBe(2n);
  });

  it("is told by CMD_PRI_RESP that the page it asked for is there, and goes on", () => {
    const rig = new Rig();
    rig.tables.map(VA + 0x8000, 0, DATA, { AF: 1, AP: 1 });
    expect(rig.access()).toMatchObject({ ok: false, turn: { kind: "waiting", prgIndex: 0 } });
    expect(rig.machine.registerValue("PRIQ_PROD")).toBe(1n);
    rig.map(DATA);
    rig.command("CMD_PRI_RESP", { StreamID: SID, PRGIndex: 0, Resp: 2 });
    expect(rig.machine.unit.pcie.takeResponses()).toEqual([{ sid: SID, ssid: null, prgIndex: 0, code: 0 }]);
    expect(rig.machine.unit.pcie.devices.get(SID)!.openGroups).toBe(0);
    expect(rig.access()).toMatchObject({ ok: true, pa: BigInt(DATA) });
  });

  it("gets its automatic response at once where the PRI queue is off", () => {
    const rig = new Rig();
    rig.machine.unit.write(0x20, 0x1dn, 4);
    expect(rig.access()).toMatchObject({ ok: false, turn: { kind: "denied", why: "page request refused" } });
    expect(rig.machine.unit.pcie.devices.get(SID)!.responseFailure).toBe(true);
  });

  it("is what it was after going back, and counts in the digest", () => {
    const rig = new Rig();
    rig.map(DATA);
    const image = rig.machine.snapshot();
    const digest = rig.machine.digest();
    rig.access();
    expect(rig.machine.digest()).not.toBe(digest);
    rig.machine.restore(image);
    expect(rig.machine.digest()).toBe(digest);
    expect(rig.access()).toMatchObject({ turn: { hit: false } });
  });
});

describe("messages by hand", () => {
  const request: Access = {
    sid: SID,
    ssid: null,
    iova: BigInt(VA + 0x123),
    write: true,
    privileged: false,
    instruction: false,
  };

  it("a Translation Request is answered in whole addresses", () => {
    const rig = new Rig();
    rig.map(DATA);
    expect(rig.machine.unit.pcie.request(request)).toEqual({
      status: "success",
      read: true,
      write: true,
      execute: false,
      privileged: false,
      noSnoop: false,
      untranslatedOnly: false,
      pa: BigInt(DATA + 0x123),
      sizeLg2: 12,
    });
    expect(rig.machine.unit.pcie.request({ ...request, sid: 9 })).toEqual({ status: "CA" });
  });

  it("a request that leads into memory the session lacks has no answer, and says where", () => {
    const rig = new Rig();
    const { machine } = rig;
    const unknown = new Machine(
      {
        arch: "smmuv3",
        registers: Object.fromEntries(
          ["IDR0", "IDR1", "IDR5", "AIDR", "CR0"].map((n) => [n, machine.registerValue(n)]),
        ),
        memory: { outside: "unknown", zero: [], segments: [] },
        devices: [],
      },
      SMMUV3.make,
    );
    unknown.unit.smmu.registers.load(registerByName("STRTAB_BASE")!, 0x8000, 0);
    expect(unknown.unit.pcie.request({ ...request, sid: 0 })).toEqual({ status: "unknown", at: 0x8000n });
  });

  it("a page hint is an E_PAGE_REQUEST event, IHI 0070 §7.3.19", () => {
    const rig = new Rig();
    rig.machine.unit.pageHint({
      sid: SID,
      ssid: 5,
      hi: 0x1234,
      lo: 0x5678_9abc,
      pages: 7,
      privileged: { r: true, w: false, x: false },
      unprivileged: { r: false, w: true, x: true },
    });
    const words = new Uint32Array(rig.machine.unit.takeRecords()[0]!.buffer);
    expect([...words]).toEqual([0x5824, SID, 0, 0b1000_1100 | (7 << 12), 0x5678_9000, 0x1234, 0, 0]);
  });
});
