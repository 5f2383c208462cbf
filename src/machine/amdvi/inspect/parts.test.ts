import { describe, expect, it } from "vitest";
import { DTE } from "../../../arch/amdvi/dte.ts";
import { GCR3_ENTRY } from "../../../arch/amdvi/gcr3.ts";
import { CACHE_NAMES } from "../../../engine/amdvi/caches/options.ts";
import { type Fields, put } from "../../../engine/amdvi/testing/built_world.ts";
import { PhysicalMemory } from "../../../engine/memory/physical_memory.ts";
import type { Action, MachineDescription, SessionDocument } from "../../../protocol/machine.ts";
import { TRACE, TRACE_WORDS, TraceKind, TraceVerdict } from "../../../protocol/trace.ts";
import { Session } from "../../session.ts";
import { AMDVI } from "../architecture.ts";

const DEVTAB = 0x10_0000;
const COMMANDS = 0x20_0000;
const EVENTS = 0x30_0000;
const HOST = 0x40_0000;
const GUEST = 0x50_0000;
const GCR3 = 0x5f_f000;
const DEVICE = 8;
const PASID = 5;
const HOST_RW = 0x6000_0000n << 32n;
/** Bits of CONTROL: IommuEn, EventLogEn, CmdBufEn, GTEn, GCR3TRPMode. */
const ON = 0x1_1005n | (1n << 58n);
const LENGTH_256 = 8n << 56n;

const words64 = (...values: bigint[]): Uint8Array => new Uint8Array(BigUint64Array.from(values).buffer);
const write = (at: number, ...values: bigint[]): Action => ({ do: "write", at: BigInt(at), bytes: words64(...values) });
const register = (name: string, value: bigint): Action => ({ do: "register", name, value });
const access = { sid: DEVICE, ssid: PASID, iova: 0x123n, write: false, privileged: false, instruction: false };

const MACHINE: MachineDescription = {
  arch: "amdvi",
  preset: "full",
  registers: {},
  memory: { outside: "abort", zero: [[0n, 2n ** 32n]], segments: [] },
  devices: [
    {
      sid: DEVICE,
      bdf: "0000:00:01.0",
      label: "device",
      ats: { capacity: 4, pageRequests: 1, responsePasidRequired: false, answersInvalidations: true },
    },
  ],
  caches: Object.fromEntries(CACHE_NAMES.map((name) => [name, { entries: 16, ways: 4 }])),
};

/** Bytes of a structure. */
function bytesOf(layout: typeof DTE | typeof GCR3_ENTRY, fields: Fields): Uint8Array {
  const memory = new PhysicalMemory({ outside: "abort", zero: [[0, 4096]], segments: [] });
  put(memory, layout, 0, fields);
  const bytes = new Uint8Array(layout.bits / 8);
  memory.readBytes(0, bytes);
  return bytes;
}

/** Host tables of mode 3 map the first GiB to itself; the guest's map its first 2 MiB. */
const SET_UP: readonly Action[] = [
  {
    do: "write",
    at: BigInt(DEVTAB + 32 * DEVICE),
    bytes: bytesOf(DTE, {
      V: 1,
      TV: 1,
      Mode: 3,
      HostPageTableRootPtr: HOST,
      GV: 1,
      GCR3TRP_14_12: GCR3 >>> 12,
      GCR3TRP_30_15: GCR3 >>> 15,
      IR: 1,
      IW: 1,
      I: 1,
      DomainID: 9,
    }),
  },
  write(HOST, HOST_RW | 0x1n),
  { do: "write", at: BigInt(GCR3 + 8 * PASID), bytes: bytesOf(GCR3_ENTRY, { V: 1, Address: GUEST }) },
  write(GUEST, BigInt(GUEST + 0x1000) | 7n),
  write(GUEST + 0x1000, BigInt(GUEST + 0x2000) | 7n),
  write(GUEST + 0x2000, 0x8000_0087n - 0x4000_0000n - 0x2000_0000n),
  register("DEVTAB_BASE", BigInt(DEVTAB)),
  register("CMD_BASE", BigInt(COMMANDS) | LENGTH_256),
  register("EVT_BASE", BigInt(EVENTS) | LENGTH_256),
  register("CONTROL", ON),
];

function open(...actions: readonly Action[]): Session {
  const document: SessionDocument = {
    title: "",
    about: "",
    machine: MACHINE,
    actions: [...SET_UP, ...actions],
    recorded: { accesses: [], events: [] },
  };
  const opened = Session.open(document, AMDVI);
  if (!opened.ok) throw new Error(`${opened.error.place}: ${opened.error.detail}`);
  return opened.value;
}

const dma = { do: "dma", ...access, length: 4 } as const;

describe("a walk", () => {
  it("shows the device table entry, the guest CR3 table and both stages' tables, 48882 §2.2.7", () => {
    const walk = open().walk(access);
    expect(walk.outcome).toMatchObject({ type: "ok", pa: 0x2000_0123n, sizeLg2: 21, permissions: 7 });
    expect(walk.stage1).toMatchObject({ name: "Guest tables", levels: 4, startLevel: 4, root: BigInt(GUEST) });
    expect(walk.stage2).toMatchObject({ name: "Host tables", levels: 3, startLevel: 3, root: BigInt(HOST) });
    expect(walk.tags).toEqual([
      { name: "DomainID", value: 9 },
      { name: "PASID", value: PASID },
    ]);
    const { trace } = walk;
    const records = Array.from({ length: trace.length / TRACE_WORDS }, (_, i) => i * TRACE_WORDS);
    const kinds = records.map((at) => TRACE.f.kind.get(trace, at));
    expect(kinds.filter((kind) => kind === TraceKind.DTE)).toHaveLength(1);
    expect(kinds.filter((kind) => kind === TraceKind.GCR3)).toHaveLength(1);
    expect(kinds.at(-1)).toBe(TraceKind.Output);
    // One entry of the host for the guest CR3 table, for each of three guest tables, and for the address itself.
    expect(walk.counts).toEqual({ config: 3, stage1: 3, stage2: 4 });
    expect(walk.checks.every(({ state }) => state === "passed")).toBe(true);
  });

  it("says what stopped it, and what was not reached", () => {
    const session = open(write(GUEST + 0x1000, 0n));
    const walk = session.walk(access);
    expect(walk.outcome).toMatchObject({ type: "fault", event: { name: "IO_PAGE_FAULT", sid: DEVICE, access } });
    const last = walk.trace.length - TRACE_WORDS;
    expect(TRACE.f.verdict.get(walk.trace, last)).toBe(TraceVerdict.Fault);
    expect(walk.checks.filter(({ state }) => state !== "passed").map(({ text }) => text)).toEqual([
      "The guest entry is not present: bit 0 is 0.",
      "Host tables for the final address",
    ]);
  });

  it("names further rules that a device table entry breaks", () => {
    const session = open(
      { do: "toggle", at: BigInt(DEVTAB + 32 * DEVICE), bit: 2 },
      { do: "toggle", at: BigInt(DEVTAB + 32 * DEVICE), bit: 63 },
    );
    const states = session.walk(access).checks.map(({ state }) => state);
    expect(states.slice(0, 2)).toEqual(["failed", "would fail too"]);
    const lint = session.structure({
      kind: "DTE",
      pa: BigInt(DEVTAB + 32 * DEVICE),
      level: 0,
      granuleLg2: 12,
      sid: DEVICE,
    }).lint;
    expect(lint.map(({ field }) => field)).toEqual(["_6_2", "_63"]);
  });
});

describe("lists", () => {
  it("show requesters with their PASIDs", () => {
    const { rows } = open().streams(0, 9);
    expect(rows).toMatchObject([
      { sid: DEVICE, bdf: "0000:00:01.0", state: "nested", ssids: [PASID], tags: [{ name: "DomainID", value: 9 }] },
    ]);
  });

  it("show what a requester maps, through both stages", () => {
    const leaves = open().leaves(DEVICE, PASID);
    expect([leaves.count, leaves.sizeLg2[0], leaves.paLo[0], leaves.permissions[0]]).toEqual([1, 21, 0x2000_0000, 7]);
    const host = open().leaves(DEVICE, null);
    expect([host.count, host.sizeLg2[0], host.permissions[0]]).toEqual([1, 30, 7]);
  });

  it("map tables of either stage", () => {
    const map = open().tableMap(DEVICE, PASID, 1)!;
    expect(map).toMatchObject({ inputBits: 47, startLevel: 4, leaves: 1 });
    // Three tables of the lower half, and the root once more for the upper.
    expect(map.tables).toBe(4);
    expect(open().tableMap(DEVICE, PASID, 2)).toMatchObject({ inputBits: 39, startLevel: 3, tables: 1, leaves: 1 });
    expect(open().tableMap(9, null, 2)).toBeNull();
  });
});

describe("parts", () => {
  it("are registers by rising offset", () => {
    const { rows } = open().registers();
    const offsets = rows.map((r) => r.offset);
    expect(offsets).toEqual(offsets.toSorted((a, b) => a - b));
    expect(rows.find((r) => r.name === "EFR")).toMatchObject({ access: "RO", offset: 0x30 });
    expect(rows.find((r) => r.name === "CONTROL")).toMatchObject({ access: "RW", value: ON });
  });

  it("are rings with what waits and why one stands still, §2.4, §2.5", () => {
    const session = open(
      write(COMMANDS, 8n << 60n, 0n),
      write(COMMANDS + 16, 15n << 60n, 0n),
      register("CMD_TAIL", 0x30n),
      { ...dma, ssid: 6 },
    );
    const { queues } = session.queues();
    expect(queues.map(({ id }) => id)).toEqual(["CMD", "EVT", "EVT_B", "PPR", "PPR_B"]);
    expect(queues[0]).toMatchObject({ entries: 256, waiting: 2, enabled: false, consumer: { index: 1 } });
    expect(queues[0]?.error).toMatch(/CmdBufRun/);
    expect(queues[1]).toMatchObject({ base: BigInt(EVENTS), waiting: 2, overflow: false, error: null });
    expect(session.queueEntries("CMD", 0, 2).map(({ name }) => name)).toEqual(["INVALIDATE_IOMMU_ALL", "reserved"]);
    expect(session.queueEntries("EVT", 0, 3)).toMatchObject([
      { name: "ILLEGAL_COMMAND_ERROR", waiting: true },
      { name: "IO_PAGE_FAULT", waiting: true },
      { name: "reserved", waiting: false },
    ]);
  });

  it("are caches with stale marks and the commands that are missing", () => {
    const session = open(dma, write(GUEST + 0x2000, 0n));
    const { caches } = session.caches();
    expect(caches.map(({ name }) => name)).toEqual([...CACHE_NAMES, "ATC"]);
    const iotlb = caches.find(({ name }) => name === "iotlb")!;
    expect(iotlb.entries).toMatchObject([
      { input: 0n, sizeLg2: 21, output: 0x2000_0000n, permissions: 7, stale: { what: "page tables" } },
    ]);
    expect(iotlb.entries[0]?.stale?.missing[0]).toMatch(/^INVALIDATE_IOMMU_PAGES.*DomainID 0x9/);
    expect(caches[0]?.entries).toMatchObject([{ tags: [{ name: "DeviceID", value: DEVICE }], stale: null }]);
  });

  it("of devices are filled by translation requests", () => {
    const session = open({ do: "access", ...access, length: 4 });
    expect(session.caches().caches.at(-1)?.entries).toMatchObject([{ input: 0n, output: 0x2000_0000n }]);
  });

  it("own memory", () => {
    const owners = open()
      .owners()
      .rows.map(({ owner, from }) => [owner, from]);
    expect(owners).toEqual([
      ["Device table", BigInt(DEVTAB)],
      ["Command buffer", BigInt(COMMANDS)],
      ["Event log", BigInt(EVENTS)],
      ["Host tables", BigInt(HOST)],
      ["Guest tables", BigInt(GUEST)],
      ["Guest CR3 table", BigInt(GCR3)],
    ]);
  });
});

describe("going back and forth", () => {
  it("gives equal digests for equal steps", () => {
    const session = open(dma, { ...dma, ssid: 6 }, { ...dma, write: true }, register("CMD_TAIL", 0x10n));
    const end = SET_UP.length + 4;
    const digests = Array.from({ length: end + 1 }, (_, step) => {
      session.seek(step);
      return session.summary().digest;
    });
    for (const step of [end, 3, SET_UP.length + 1, 0, end]) {
      session.seek(step);
      expect(session.summary().digest).toBe(digests[step]);
    }
  });
});
