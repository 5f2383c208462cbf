import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { CD } from "../../../arch/smmuv3/cd.ts";
import { commandByName } from "../../../arch/smmuv3/commands.ts";
import { STE } from "../../../arch/smmuv3/ste.ts";
import { CACHE_NAMES } from "../../../engine/smmuv3/caches/options.ts";
import { encode, type Fields, NESTED_STE, PLAIN_CD } from "../../../engine/smmuv3/testing/world.ts";
import { MemoryState } from "../../../protocol/inspection.ts";
import type { Action, MachineDescription, SessionDocument } from "../../../protocol/machine.ts";
import { importFiles } from "../../../scenario/import_files.ts";
import { Session } from "../../session.ts";
import { SMMUV3 } from "../architecture.ts";

const STRTAB = 0x1000_0000;
const CMDQ = 0x1100_0000;
const EVENTQ = 0x1200_0000;
const ROOT = 0x1300_0000;
const CONTEXT = 0x1400_0000;
const SID = 3;
const BLOCK = 0x4000_0c41n;

const words64 = (...values: bigint[]): Uint8Array => new Uint8Array(BigUint64Array.from(values).buffer);

/** An SMMU of the Neoverse class: stream 3 has one table of 1 GiB blocks. */
const MACHINE: MachineDescription = {
  arch: "smmuv3",
  preset: "neoverse",
  registers: {
    STRTAB_BASE: BigInt(STRTAB),
    STRTAB_BASE_CFG: 4n,
    CMDQ_BASE: BigInt(CMDQ + 4),
    EVENTQ_BASE: BigInt(EVENTQ + 2),
    CR0: 0b1101n,
    CR0ACK: 0b1101n,
  },
  memory: { outside: "abort", zero: [[0n, 2n ** 32n]], segments: [] },
  devices: [
    {
      sid: SID,
      bdf: "0000:00:00.3",
      label: "device",
      ats: { capacity: 4, pageRequests: 1, responsePasidRequired: false, answersInvalidations: true },
    },
  ],
  caches: Object.fromEntries(CACHE_NAMES.map((name) => [name, { entries: 16, ways: 4 }])),
};

const write = (at: number, bytes: Uint8Array): Action => ({ do: "write", at: BigInt(at), bytes });
const structure = (at: number, layout: Parameters<typeof encode>[0], fields: Fields): Action =>
  write(at, new Uint8Array(encode(layout, fields).buffer));
const command = (index: number, name: string, fields: Fields = {}): Action => {
  const { layout, opcode } = commandByName(name)!;
  return structure(CMDQ + 16 * index, layout, { Opcode: opcode, ...fields });
};
const register = (name: string, value: number): Action => ({ do: "register", name, value: BigInt(value) });
const access = { sid: SID, ssid: null, iova: 0x123n, write: false, privileged: false, instruction: false };

const SET_UP: readonly Action[] = [
  structure(STRTAB + SID * 64, STE, { ...NESTED_STE, Config: 5, EATS: 1, S1ContextPtr: CONTEXT }),
  structure(CONTEXT, CD, { ...PLAIN_CD, T0SZ: 25, TTB0: ROOT, ASID: 9 }),
  // For every access, of one address space, Access flag set.
  write(ROOT, words64(BLOCK)),
];

function open(...actions: readonly Action[]): Session {
  const document: SessionDocument = {
    title: "",
    about: "",
    machine: MACHINE,
    actions: [...SET_UP, ...actions],
    recorded: { accesses: [], events: [] },
  };
  const opened = Session.open(document, SMMUV3);
  if (!opened.ok) throw new Error(`${opened.error.place}: ${opened.error.detail}`);
  return opened.value;
}

describe("registers", () => {
  it("are all there by rising offset, decoded, and say what software may do, IHI 0070 §6.3", () => {
    const { rows } = open(register("EVENTQ_CONS", 2)).registers();
    const offsets = rows.map((r) => r.offset);
    expect(offsets).toEqual(offsets.toSorted((a, b) => a - b));
    const cons = rows.find((r) => r.name === "SMMU_EVENTQ_CONS")!;
    expect(cons).toMatchObject({ block: "", offset: 0x1_00ac, width: 4, access: "RW", value: 2n });
    expect(cons.fields.find((f) => f.name === "RD")).toMatchObject({ hi: 19, lo: 0, value: 2n });
    expect(rows.find((r) => r.name === "SMMU_IDR0")).toMatchObject({ access: "RO" });
    expect(rows.every((r) => r.fields.every((f) => !f.name.startsWith("_")))).toBe(true);
  });
});

describe("queues", () => {
  it("show what waits, what was lost and why one stands still, IHI 0070 §3.5, §7.1", () => {
    const fault = { do: "dma", ...access, iova: 1n << 40n, length: 4 } as const;
    const session = open(
      command(0, "CMD_TLBI_NSNH_ALL"),
      command(1, "CMD_SYNC", { CS: 3 }),
      register("CMDQ_PROD", 2),
      ...Array.from({ length: 5 }, () => fault),
    );
    const { queues } = session.queues();
    expect(queues.map((q) => q.id)).toEqual(["CMDQ", "EVENTQ", "PRIQ"]);
    const [commands, events] = queues;
    expect(commands).toMatchObject({
      writer: "software",
      enabled: true,
      base: BigInt(CMDQ),
      entryBytes: 16,
      entries: 16,
      producer: { register: "CMDQ_PROD", index: 2, wrap: 0 },
      consumer: { index: 1 },
      waiting: 1,
      error: "CERROR_ILL",
    });
    expect(events).toMatchObject({ base: BigInt(EVENTQ), entries: 4, waiting: 4, overflow: true, error: null });
    expect(events?.producer).toMatchObject({ index: 0, wrap: 1 });
  });

  it("give their entries decoded, as far as there are any", () => {
    const session = open(command(0, "CMD_TLBI_NH_ASID", { ASID: 9, VMID: 2 }), register("CMDQ_PROD", 1), {
      do: "dma",
      ...access,
      iova: 1n << 40n,
      length: 4,
    });
    const [first, second, ...rest] = session.queueEntries("CMDQ", 0, 99);
    expect(first).toMatchObject({ index: 0, at: BigInt(CMDQ), name: "CMD_TLBI_NH_ASID", waiting: false });
    expect(first?.fields.find((f) => f.name === "ASID")?.value).toBe(9n);
    expect(second?.words).toEqual(new Uint32Array(4));
    expect(rest).toHaveLength(14);
    const [event] = session.queueEntries("EVENTQ", 0, 1);
    expect(event).toMatchObject({ name: "F_TRANSLATION", waiting: true, at: BigInt(EVENTQ) });
    expect(event?.words?.[1]).toBe(SID);
    expect(session.queueEntries("EVENTQ", 3, 9)).toHaveLength(1);
    expect(session.queueEntries("EVENTQ", 9, 9)).toEqual([]);
    expect(session.queueEntries("none", 0, 9)).toEqual([]);
    expect(session.queueEntries("CMDQ", Number.NaN, -1)).toEqual([]);
  });
});

describe("caches", () => {
  it("show what they hold, with tags, and count", () => {
    const session = open({ do: "dma", ...access, length: 4 }, { do: "dma", ...access, length: 4 });
    const { caches } = session.caches();
    expect(caches.map((c) => c.name)).toEqual([...CACHE_NAMES, "ATC"]);
    const [tlb] = caches.filter((c) => c.name === "tlb");
    expect(tlb).toMatchObject({ capacity: 16, ways: 4, sid: null, counts: { hits: 1, misses: 1, fills: 1 } });
    expect(tlb?.entries).toEqual([
      expect.objectContaining({
        tags: [
          { name: "ASID", value: 9 },
          { name: "VMID", value: 0 },
          { name: "StreamID", value: SID },
        ],
        input: 0n,
        sizeLg2: 30,
        output: 0x4000_0000n,
        permissions: 7,
        stale: null,
      }),
    ]);
    const [stes] = caches;
    expect(stes?.entries).toMatchObject([{ output: BigInt(STRTAB + SID * 64), input: null }]);
  });

  it("mark what no longer is what memory says, with the command that is missing, IHI 0070 §3.21", () => {
    const session = open({ do: "dma", ...access, length: 4 }, write(ROOT, words64(0n)));
    const entry = session.caches().caches.find((c) => c.name === "tlb")!.entries[0]!;
    expect(entry.stale).toMatchObject({ what: "stage 1" });
    expect(entry.stale?.missing[0]).toMatch(/^CMD_TLBI_NH_VA.*ASID 0x9.*Address 0x0/);
  });

  it("of devices show what a completion gave them", () => {
    const session = open({ do: "access", ...access, length: 4 });
    expect(session.log(SET_UP.length, 1).rows[0]?.result).toMatchObject({ type: "device", turn: "translated" });
    const atc = session.caches().caches.at(-1)!;
    expect(atc).toMatchObject({ name: "ATC", sid: SID, capacity: 4 });
    expect(atc.entries).toMatchObject([{ input: 0n, output: 0x4000_0000n, sizeLg2: 30 }]);
  });
});

describe("memory", () => {
  it("says what is known of each word, and ends at 2^52", () => {
    const session = open();
    const { at, bytes, state } = session.memory(BigInt(ROOT + 3), 16);
    expect([at, bytes.length, ...state]).toEqual([BigInt(ROOT), 16, MemoryState.Known, MemoryState.Known]);
    expect(bytes.subarray(0, 8)).toEqual(words64(BLOCK));
    expect([...session.memory(2n ** 40n, 8).state]).toEqual([MemoryState.Absent]);
    expect(session.memory(2n ** 52n - 8n, 64).bytes).toHaveLength(8);
    expect(session.memory(-1n, Number.NaN).bytes).toHaveLength(0);
    expect(session.memory(0n, 1e9).bytes).toHaveLength(1 << 16);
    expect(session.extents().rows).toEqual([{ from: 0n, to: 2n ** 32n }]);
  });

  it("is owned by structures, tables and queues", () => {
    const { rows, truncated } = open().owners();
    expect(truncated).toBe(false);
    expect(rows.map(({ owner, from }) => [owner, from])).toEqual([
      ["Stream table", BigInt(STRTAB)],
      ["Command queue", BigInt(CMDQ)],
      ["Event queue", BigInt(EVENTQ)],
      ["Stage 1 tables", BigInt(ROOT)],
      ["Context descriptor", BigInt(CONTEXT)],
    ]);
  });
});

describe("a capture of Linux with nested translation", () => {
  let session: Session;

  beforeAll(async () => {
    const folder = "public/captures/smmuv3-iommufd-nested/";
    const files = ["capture.json", "memory.bin"].map((name) => ({ name, bytes: readFileSync(folder + name) }));
    const imported = await importFiles(files);
    if (!imported.ok) throw new Error(imported.error.detail);
    const opened = Session.open(imported.value.scenario, SMMUV3);
    if (!opened.ok) throw new Error(opened.error.detail);
    session = opened.value;
  });

  it("owns every page that its tables were captured for once", () => {
    const { rows } = session.owners();
    const groups = new Set(rows.map((row) => row.group));
    expect([...groups].sort()).toEqual(["configuration", "queue", "stage 1", "stage 2"]);
    const { trace } = session.walk({ ...access, sid: 16, iova: 0x10000n });
    expect(trace.length).toBeGreaterThan(0);
    const keys = rows.map((row) => `${row.owner} ${row.from}`);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it("shows its queues with the last commands and events in memory", () => {
    const events = session.queues().queues.find((q) => q.id === "EVENTQ")!;
    const names = session.queueEntries("EVENTQ", 0, events.producer.index).map((e) => e.name);
    expect(new Set(names)).toEqual(new Set(["C_BAD_CD", "F_TRANSLATION", "F_PERMISSION", "F_ADDR_SIZE", "F_ACCESS"]));
  });
});
