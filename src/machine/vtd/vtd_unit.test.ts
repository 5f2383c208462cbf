import { describe, expect, it } from "vitest";
import { descriptorByName } from "../../arch/vtd/commands.ts";
import { PASID_DIRECTORY_ENTRY, PASID_TABLE_ENTRY, Pgtt } from "../../arch/vtd/pasid_entries.ts";
import { R } from "../../arch/vtd/reasons.ts";
import { CONTEXT_ENTRY, ROOT_ENTRY, SM_CONTEXT_ENTRY, SM_ROOT_ENTRY } from "../../arch/vtd/root_context.ts";
import { high, low } from "../../base/halves.ts";
import type { FieldAccess, Layout } from "../../base/layout.ts";
import { xorshift32 } from "../../base/rng.ts";
import { LeafStatus } from "../../protocol/engine.ts";
import type { Access, MachineDescription } from "../../protocol/machine.ts";
import { TRACE, TRACE_WORDS } from "../../protocol/trace.ts";
import { Machine } from "../machine.ts";
import { VTD } from "./architecture.ts";
import type { VtdUnit } from "./vtd_unit.ts";

const SID = 0x98;
const ROOT = 0x1000n;
const CONTEXT = 0x2000n;
const DIRECTORY = 0x3000n;
const PASIDS = 0x4000n;
const SECOND = 0x10000n;
const FIRST = 0x20000n;
const DATA = 0x80000n;

type Fields = Readonly<Record<string, bigint | number>>;

function structure(l: Layout, fields: Fields): Uint8Array {
  const words = new Uint32Array(l.bits / 32);
  const access = l.f as Readonly<Record<string, FieldAccess>>;
  for (const [name, given] of Object.entries(fields)) {
    const d = l.fields.find((f) => f.name === name)!;
    const value = d.form === "address" ? BigInt(given) >> BigInt(d.lo & 63) : BigInt(given);
    access[name]!.set(words, 0, low(value), high(value));
  }
  return new Uint8Array(words.buffer);
}

const quad = (value: bigint): Uint8Array => new Uint8Array(BigUint64Array.of(value).buffer);

/** A machine with the server preset, RAM and structures for one requester; translation is on. */
class World {
  readonly machine: Machine<VtdUnit>;

  constructor(scalable: boolean, description: Partial<MachineDescription> = {}) {
    this.machine = new Machine<VtdUnit>(
      {
        arch: "vtd",
        preset: "sapphire-rapids",
        registers: {},
        memory: { outside: "abort", zero: [[0n, 0x100000n]], segments: [] },
        devices: [{ sid: SID, bdf: "0000:00:13.0", label: "edu" }],
        ...description,
      },
      VTD.make,
    );
    if (scalable) this.scalable();
    else this.legacy();
    // Three levels of the second stage: identity for the first 2 MiB but its last 4 KiB page.
    this.put(SECOND, quad(0x11003n));
    this.put(0x11000n, quad(0x12003n));
    for (let i = 0n; i < 511n; i++) this.put(0x12000n + 8n * i, quad((i << 12n) | 3n));
    this.register("RTADDR", scalable ? ROOT | 0x400n : ROOT);
    this.register("GCMD", 1n << 30n);
    this.register("GCMD", 1n << 31n);
  }

  legacy(): void {
    this.put(ROOT, structure(ROOT_ENTRY, { P: 1, CTP: CONTEXT }));
    this.put(CONTEXT + 16n * BigInt(SID), structure(CONTEXT_ENTRY, { P: 1, AW: 2, SSPTPTR: SECOND, DID: 9 }));
    // Of four levels: one more table above.
    this.put(0x13000n, quad(SECOND | 3n));
    this.put(CONTEXT + 16n * BigInt(SID), structure(CONTEXT_ENTRY, { P: 1, AW: 2, SSPTPTR: 0x13000n, DID: 9 }));
  }

  scalable(): void {
    this.put(0x13000n, quad(SECOND | 3n));
    this.put(ROOT, structure(SM_ROOT_ENTRY, { UP: 1, UCTP: CONTEXT }));
    const context = { P: 1, PASIDE: 1, PASIDDIRPTR: DIRECTORY, RID_PASID: 3 };
    this.put(CONTEXT + 32n * BigInt(SID & 0x7f), structure(SM_CONTEXT_ENTRY, context));
    this.put(DIRECTORY, structure(PASID_DIRECTORY_ENTRY, { P: 1, SMPTBLPTR: PASIDS }));
    this.entry(3, { PGTT: Pgtt.Nested });
    // First stage: 0x7000 maps to guest page 0x80000.
    for (const [i, at] of [FIRST, FIRST + 0x1000n, FIRST + 0x2000n].entries()) {
      this.put(at, quad((FIRST + 0x1000n * BigInt(i + 1)) | 7n));
    }
    this.put(FIRST + 0x3000n + 8n * 7n, quad(DATA | 7n));
  }

  entry(pasid: number, fields: Fields): void {
    const entry = { P: 1, AW: 2, SSPTPTR: 0x13000n, FSPTPTR: FIRST, DID: 9, ...fields };
    this.put(PASIDS + 64n * BigInt(pasid), structure(PASID_TABLE_ENTRY, entry));
  }

  put(at: bigint, bytes: Uint8Array): void {
    if (!this.machine.writeMemory(at, bytes)) throw new Error(`no memory at ${at}`);
  }

  register(name: string, value: bigint): void {
    const place = this.machine.unit.register(name)!;
    this.machine.unit.write(place.offset, value, place.width);
  }

  access(iova: bigint, changed: Partial<Access> = {}): Access {
    return { sid: SID, ssid: null, iova, write: false, privileged: false, instruction: false, ...changed };
  }
}

describe("a VT-d unit behind the machine", () => {
  it("moves data through the second stage of legacy mode, and records what it blocks, VT-d §7.2", () => {
    const { machine, access } = bound(new World(false));
    machine.writeMemory(0x5010n, Uint8Array.of(1, 2, 3, 4));
    expect(machine.unit.transfer({ ...access(0x5010n), length: 4 })).toEqual({
      ok: true,
      pa: 0x5010n,
      data: Uint8Array.of(1, 2, 3, 4),
    });
    expect(machine.unit.transfer({ ...access(0x1ff000n, { write: true }), length: 4 })).toEqual({
      ok: false,
      razwi: false,
    });
    expect(machine.unit.takeRecords()).toHaveLength(1);
    const record = machine.unit.inspect.record(machine.unit.records()[0]!);
    expect(record).toMatchObject({ number: 5, name: "LGN.2", sid: SID, access: { iova: 0x1ff000n, write: true } });
  });

  it("shows a nested walk: four structures, 4 first-stage and 20 second-stage reads, VT-d §3.8", () => {
    const world = new World(true);
    const walk = world.machine.unit.inspect.walk(world.access(0x7123n), 1);
    expect(walk.outcome).toMatchObject({ type: "ok", pa: DATA + 0x123n, sizeLg2: 12, permissions: 3 });
    expect(walk.counts).toEqual({ config: 4, stage1: 4, stage2: 20 });
    expect([walk.stage1?.levels, walk.stage1?.startLevel, walk.stage2?.levels]).toEqual([4, 4, 4]);
    expect(walk.checks.every((check) => check.state === "passed")).toBe(true);
    expect(walk.tags).toEqual([
      { name: "DID", value: 9 },
      { name: "PASID", value: 3 },
    ]);
  });

  it("looking changes nothing, moving data sets accessed and dirty bits, VT-d §3.6.2", () => {
    const world = new World(true);
    const { machine } = world;
    const before = machine.digest();
    machine.unit.inspect.walk(world.access(0x7000n, { write: true }), 1);
    machine.unit.reach(world.access(0x7000n, { write: true }));
    expect(machine.digest()).toBe(before);
    machine.unit.transfer({ ...world.access(0x7000n, { write: true }), length: 4, data: Uint8Array.of(1, 2, 3, 4) });
    expect(machine.readMemory(FIRST + 0x3000n + 56n, 1)).toEqual(Uint8Array.of(0x67));
    expect(machine.readMemory(FIRST, 1)).toEqual(Uint8Array.of(0x27));
  });

  it("names the rule that a PASID entry breaks, and those it breaks besides, VT-d §9.6", () => {
    const world = new World(true);
    world.entry(3, { PGTT: 6, _5: 1 });
    const walk = world.machine.unit.inspect.walk(world.access(0x7000n), 1);
    expect(walk.outcome).toMatchObject({ type: "fault", reason: R.SPT_3 });
    expect(walk.checks.filter((check) => check.state !== "passed").map((check) => check.state)).toContain(
      "would fail too",
    );
    const query = { kind: "PasidEntry", pa: PASIDS + 192n, level: 0, granuleLg2: 12, sid: SID } as const;
    const lint = world.machine.unit.inspect.structure(query).lint.map((finding) => finding.field);
    expect(lint).toEqual(["", "PGTT"]);
  });

  it("lists requesters, their PASIDs, leaves and tables", () => {
    const world = new World(true);
    const { inspect } = world.machine.unit;
    const rows = inspect.streams([{ sid: SID, bdf: "0000:00:13.0", label: "edu" }], new Map([[0x20, 2]]));
    expect(rows.map(({ sid, state, ssids, events }) => ({ sid, state, ssids, events }))).toEqual([
      { sid: 0x20, state: "abort", ssids: [], events: 2 },
      { sid: SID, state: "nested", ssids: [3], events: 0 },
    ]);
    const leaves = inspect.leaves(SID, 3, 1);
    expect([leaves.count, leaves.iovaLo[0], leaves.paLo[0], leaves.status[0]]).toEqual([
      1,
      0x7000,
      0x80000,
      LeafStatus.Ok,
    ]);
    expect(inspect.tableMap(SID, 3, 1, 1)).toMatchObject({ stage: 1, tables: 4, leaves: 1, startLevel: 4 });
    expect(inspect.tableMap(SID, 3, 2, 1)).toMatchObject({ stage: 2, tables: 4, leaves: 511 });
  });

  it("takes writes into 0xFEEx_xxxx as interrupts, VT-d §3.14", () => {
    const { machine, access } = bound(new World(false));
    const message = { ...access(0xfee00000n, { write: true }), length: 4, data: Uint8Array.of(0x31, 0, 0, 0) };
    expect(machine.unit.transfer(message)).toEqual({ ok: true, pa: null });
    expect(machine.unit.transfer({ ...access(0xfee00000n), length: 4 })).toMatchObject({ ok: false });
  });

  it("shows registers, queues and what memory is for", () => {
    const world = new World(true);
    const { inspect } = world.machine.unit;
    world.register("IQA", 0x30800n);
    world.put(
      0x30000n,
      structure(descriptorByName("inv_wait_dsc")!.layout, { Type: 5, SW: 1, STDATA: 7, STADDR: 0x31000n }),
    );
    world.register("GCMD", 0x84000000n);
    const gsts = inspect.registers().find(({ name }) => name === "GSTS");
    expect(gsts).toMatchObject({ offset: 0x1c, width: 4, access: "RO", value: 0xc4000000n });
    expect(
      inspect
        .registers()
        .filter(({ name }) => name.startsWith("FRCD0"))
        .map(({ name }) => name),
    ).toEqual(["FRCD0_LO", "FRCD0_HI"]);
    expect(inspect.queues()[0]).toMatchObject({ id: "IQ", enabled: true, base: 0x30000n, entries: 128, waiting: 0 });
    world.register("IQT", 0x20n);
    const [queue] = inspect.queues();
    expect(queue).toMatchObject({ producer: { index: 1 }, consumer: { index: 1 }, error: null });
    expect(inspect.queueEntries("IQ", 0, 1)[0]).toMatchObject({ name: "inv_wait_dsc", at: 0x30000n });
    expect(world.machine.readMemory(0x31000n, 1)).toEqual(Uint8Array.of(7));
    const owners = [...inspect.owners()].map(({ owner, from }) => `${owner} ${from.toString(16)}`);
    expect(owners).toEqual(expect.arrayContaining(["Root table 1000", "Context table 2000", "PASID table 4000"]));
    expect(owners.some((owner) => owner.startsWith("Second-stage tables"))).toBe(true);
  });

  it("answers devices: a translation, then an access to what it gave, VT-d §4.2", () => {
    const world = new World(true);
    const { pcie } = world.machine.unit;
    const context = { P: 1, DTE: 1, PASIDE: 1, PASIDDIRPTR: DIRECTORY, RID_PASID: 3 };
    const request = world.access(0x7000n);
    expect(pcie.request(request)).toEqual({ status: "UR" });
    world.put(CONTEXT + 32n * BigInt(SID & 0x7f), structure(SM_CONTEXT_ENTRY, context));
    expect(pcie.request(request)).toMatchObject({ status: "success", pa: DATA, read: true, sizeLg2: 12 });
    expect(pcie.request(world.access(0x9000n))).toMatchObject({ status: "success", read: false, pa: null });
    const records = world.machine.unit.takeRecords();
    expect(records.map((bytes) => bytes[12])).toEqual([0x44]);
  });

  it("erratum 772415 writes through a second stage that forbids it, and the trace says so", () => {
    const readOnly = (world: World): void => world.put(0x12000n + 8n * (FIRST >> 12n), quad(FIRST | 1n));
    const [right, wrong] = [new World(true), new World(true, { options: { erratum772415: true } })];
    for (const world of [right, wrong]) readOnly(world);
    const access = right.access(0x7000n);
    expect(right.machine.unit.inspect.walk(access, 1).outcome).toMatchObject({ type: "fault", reason: R.SFS_8 });
    expect(wrong.machine.unit.inspect.walk(access, 1).outcome).toMatchObject({ type: "ok" });
    expect(wrong.machine.unit.transfer({ ...access, length: 4 })).toMatchObject({ ok: true });
    expect(wrong.machine.readMemory(FIRST, 1)).toEqual(Uint8Array.of(0x27));
  });

  it.each([
    ["legacy mode, by SNP of the leaf", false],
    ["scalable mode, by PGSNP of the PASID table entry", true],
  ])("says what becomes of No Snoop in %s, VT-d §9.6, §9.8", (_name, scalable) => {
    const world = new World(scalable);
    const page = scalable ? DATA >> 12n : 7n;
    const told = (): number => {
      const { trace } = world.machine.unit.inspect.walk(world.access(0x7000n, { noSnoop: true }), 1);
      return TRACE.f.reason.get(trace, trace.length - TRACE_WORDS);
    };
    const plain = world.machine.unit.inspect.walk(world.access(0x7000n), 1).trace;
    expect([TRACE.f.reason.get(plain, plain.length - TRACE_WORDS), told()]).toEqual([0, R.NOT_SNOOPED]);
    world.put(0x12000n + 8n * page, quad((page << 12n) | 0x803n));
    // In scalable mode the bit of the leaf says nothing.
    expect(told()).toBe(scalable ? R.NOT_SNOOPED : R.SNOOP_FORCED);
    if (!scalable) return;
    world.entry(3, { PGTT: Pgtt.Nested, PGSNP: 1 });
    expect(told()).toBe(R.SNOOP_FORCED);
  });

  it("goes back to a snapshot: registers, faults, what is latched", () => {
    const world = new World(true);
    const { machine } = world;
    const [image, digest] = [machine.snapshot(), machine.digest()];
    world.register("GCMD", 0n);
    machine.unit.transfer({ ...world.access(0x9000n), length: 4 });
    world.register("RTADDR", 0x400n);
    expect(machine.digest()).not.toBe(digest);
    machine.restore(image);
    expect(machine.digest()).toBe(digest);
    expect(machine.unit.transfer({ ...world.access(0x9000n), length: 4 })).toMatchObject({ ok: false });
  });

  it.each([1, 2, 3, 128383])("nothing that memory or registers hold makes it throw, seed %i", (seed) => {
    const next = xorshift32(seed);
    const world = new World(next() % 2 === 0);
    const { unit } = world.machine;
    const names = ["RTADDR", "GCMD", "CCMD", "IQA", "IQT", "PMEN", "IRTA", "FSTS", "FRCD0_HI", "IOTLB"];
    const places = [ROOT, CONTEXT + 32n * BigInt(SID & 0x7f), PASIDS + 192n, DIRECTORY, SECOND, FIRST, 0x12000n];
    for (let i = 0; i < 400; i++) {
      const at = places[next() % places.length]! + BigInt(8 * (next() % 8));
      const word = (BigInt(next()) << 32n) | BigInt(next());
      if (next() % 2 === 0)
        world.machine.writeMemory(at, quad(next() % 3 === 0 ? word : (BigInt(next() % 256) << 12n) | 7n));
      if (next() % 4 === 0) world.register(names[next() % names.length]!, next() % 2 === 0 ? word : ROOT | 0x400n);
      const ssid = next() % 2 === 0 ? null : next() % 2 ** 20;
      const iova = next() % 3 === 0 ? word : BigInt(next() % 2 ** 21);
      const flags = { write: next() % 2 === 0, privileged: next() % 2 === 0, instruction: next() % 4 === 0 };
      const access = world.access(iova, { ssid, ...flags });
      const { outcome } = unit.inspect.walk(access, i);
      const reach = unit.reach(access);
      expect(reach.end === "ok").toBe(outcome.type === "ok" || outcome.type === "interrupt");
      unit.transfer({ ...access, length: 1 + (next() % 64) });
    }
    unit.inspect.streams([], new Map());
    unit.inspect.leaves(SID, null, 1);
    unit.inspect.tableMap(SID, null, 2, 1);
    expect(unit.inspect.registers().length).toBeGreaterThan(30);
    for (const { id } of unit.inspect.queues()) unit.inspect.queueEntries(id, 0, 64);
    expect([...unit.inspect.owners()].length).toBeGreaterThan(0);
  });
});

/** A world's parts as values of their own. */
const bound = (world: World): { machine: World["machine"]; access: World["access"] } => ({
  machine: world.machine,
  access: (iova, changed) => world.access(iova, changed),
});
