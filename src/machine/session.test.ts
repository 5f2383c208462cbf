import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { REASONS } from "../arch/smmuv3/reasons.ts";
import { LeafStatus, MapNodeKind, type Outcome, type Result, type WalkAnswer } from "../protocol/engine.ts";
import type { Access, Action, SessionDocument } from "../protocol/machine.ts";
import { TRACE, TRACE_WORDS, TraceVerdict } from "../protocol/trace.ts";
import { importFiles } from "../scenario/import_files.ts";
import { Session } from "./session.ts";
import { SMMUV3 } from "./smmuv3/architecture.ts";

const FOLDER = new URL("../../public/captures/smmuv3-iommufd-nested/", import.meta.url);
const file = (name: string) => ({ name, bytes: Uint8Array.from(readFileSync(new URL(name, FOLDER))) });
const imported = await importFiles([file("capture.json"), file("memory.bin")]);
if (!imported.ok) throw new Error(imported.error.detail);
/** The shipped capture: a Linux guest that owns stage 1 under a nest parent of iommufd. */
const SHIPPED: SessionDocument = imported.value.scenario;

function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(`${result.error.place}: ${result.error.detail}`);
  return result.value;
}

const open = (actions: readonly Action[] = []): Session => value(Session.open({ ...SHIPPED, actions }, SMMUV3));

const join = (hi: number, lo: number): bigint => (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
const read = (sid: number, iova: bigint): Access => ({
  sid,
  ssid: null,
  iova,
  write: false,
  privileged: false,
  instruction: false,
});
const reasonOf = (o: Outcome): string => ("reason" in o ? REASONS[o.reason]!.id : o.type);

/** What was recorded of the tables when the capture was made: streams, stage-1 tables and leaves, stage-2 ones. */
const STRUCTURES = [
  { sid: 0, state: "stage 1", asid: 1, vmid: null, stage1: [1, 0], stage2: null },
  { sid: 8, state: "stage 1", asid: 2, vmid: null, stage1: [5, 316], stage2: null },
  { sid: 16, state: "nested", asid: 33, vmid: 1, stage1: [12, 42], stage2: [13, 4113] },
  { sid: 24, state: "nested", asid: 34, vmid: 1, stage1: [7, 12], stage2: [13, 4113] },
  { sid: 32, state: "nested", asid: null, vmid: 1, stage1: null, stage2: [13, 4113] },
  { sid: 40, state: "nested", asid: 33, vmid: 1, stage1: [12, 42], stage2: [13, 4113] },
] as const;

/** Leaves of stage 1 by log2 of their size. */
const SIZES: Readonly<Record<number, Readonly<Record<number, number>>>> = {
  8: { 12: 316 },
  16: { 12: 39, 21: 2, 30: 1 },
  24: { 12: 11, 21: 1 },
  40: { 12: 39, 21: 2, 30: 1 },
};

describe("the shipped capture", () => {
  const session = open();

  it("has a summary", () => {
    const s = session.summary();
    expect(s).toMatchObject({
      revision: 1,
      arch: "smmuv3",
      step: 0,
      actions: [],
      streams: STRUCTURES.length,
      view: null,
    });
    expect(s.recorded).toEqual({ accesses: 687, events: 11 });
    expect(s.memory.bytes).toBeGreaterThanOrEqual(258048);
    expect(s.digest).toMatch(/^[0-9a-f]{16}$/);
    expect(s.capabilities.map((c) => [c.name, c.value])).toContainEqual(["OAS", "44 bits"]);
    expect(s.notModelled.length).toBeGreaterThan(0);
  });

  it("lists the streams that were set up", () => {
    const { total, rows } = session.streams(0, 100);
    expect(total).toBe(STRUCTURES.length);
    const tagged = (name: string, value: number | null) => (value === null ? [] : [{ name, value }]);
    expect(rows.map(({ sid, state, tags }) => ({ sid, state, tags }))).toEqual(
      STRUCTURES.map(({ sid, state, asid, vmid }) => {
        return { sid, state, tags: [...tagged("ASID", asid), ...tagged("VMID", vmid)] };
      }),
    );
    // The CD of stream 0x20 was left invalid on purpose: that is said, and the stage below it still shows.
    expect(rows.map((row) => row.why)).toEqual(
      STRUCTURES.map(({ sid }) => (sid === 32 ? REASONS.find((r) => r.id === "CD_V")!.text : null)),
    );
    expect(rows.find((row) => row.sid === 16)).toMatchObject({ bdf: "0000:00:02.0", ssids: [] });
    expect(session.streams(2, 2).rows.map((row) => row.sid)).toEqual([16, 24]);
    expect(session.streams(100, 2)).toEqual({ total, rows: [] });
  });

  it("agrees with every access that was recorded", () => {
    const { count, agrees, went } = session.recorded();
    expect([count, [...agrees].every((a) => a === 1), [...went].filter((w) => w === 1).length]).toEqual([
      687,
      true,
      621,
    ]);
  });

  it.each(STRUCTURES)("maps of stream $sid have the tables and leaves that were counted", ({ sid, stage1, stage2 }) => {
    for (const [stage, expected] of [
      [1, stage1],
      [2, stage2],
    ] as const) {
      const map = session.tableMap(sid, null, stage);
      if (expected === null) {
        expect(map).toBeNull();
        continue;
      }
      expect([stage, map!.tables, map!.leaves, map!.truncated]).toEqual([stage, ...expected, false]);
      const kinds = [...map!.kind];
      const runs = kinds.reduce((sum, kind, i) => sum + (kind === MapNodeKind.Leaves ? map!.used[i]! : 0), 0);
      expect([kinds.filter((kind) => kind === MapNodeKind.Table).length, runs]).toEqual([...expected]);
    }
  });

  it("a map puts parents before children, and children inside their parents in ascending order", () => {
    for (const { sid } of STRUCTURES) {
      for (const stage of [1, 2] as const) {
        const map = session.tableMap(sid, null, stage);
        if (map === null) continue;
        const from = (i: number): bigint => join(map.fromHi[i]!, map.fromLo[i]!);
        const last = (i: number): bigint => BigInt.asUintN(64, join(map.toHi[i]!, map.toLo[i]!) - 1n);
        const lastOf = new Map<number, bigint>();
        for (let i = 0; i < map.count; i++) {
          const parent = map.parent[i]!;
          expect(parent).toBeLessThan(i);
          expect(from(i)).toBeLessThanOrEqual(last(i));
          if (parent < 0) continue;
          expect(map.kind[parent]).toBe(MapNodeKind.Table);
          expect(from(i) >= from(parent) && last(i) <= last(parent)).toBe(true);
          expect(lastOf.get(parent) ?? -1n).toBeLessThan(from(i));
          lastOf.set(parent, last(i));
        }
      }
    }
  });

  it.each([8, 16, 24, 40])("leaves of stream %i are of the sizes that were counted", (sid) => {
    const { count, sizeLg2, truncated, reason } = session.leaves(sid, null);
    expect(truncated).toBe(false);
    const sizes: Record<number, number> = {};
    for (let i = 0; i < count; i++) {
      // An address that is too large, and a table that stage 2 does not map, were not counted as leaves.
      const notLeaf = REASONS[reason[i]!]!.id.endsWith("ADDRESS_SIZE") || sizeLg2[i] === 39;
      if (!notLeaf) sizes[sizeLg2[i]!] = (sizes[sizeLg2[i]!] ?? 0) + 1;
    }
    expect(sizes).toEqual(SIZES[sid]);
  });

  it("knows what stream 0x10 maps badly, and why", () => {
    const { count, iovaHi, iovaLo, status, reason } = session.leaves(16, null);
    const bad = [...status.keys()].filter((i) => i < count && status[i] !== LeafStatus.Ok);
    expect(bad.map((i) => [join(iovaHi[i]!, iovaLo[i]!), status[i], REASONS[reason[i]!]!.id])).toEqual([
      [0x50000n, LeafStatus.Stage1Fault, "ACCESS_FLAG"],
      [0x60000n, LeafStatus.Stage2Fault, "INVALID"],
      [0x80000n, LeafStatus.Stage1Fault, "OUTPUT_ADDRESS_SIZE"],
      [0x9600_0000_0000n, LeafStatus.Stage2Fault, "INVALID"],
    ]);
  });

  it.each(STRUCTURES)("every leaf of stream $sid is what a walk of its address finds", ({ sid }) => {
    const leaves = session.leaves(sid, null);
    const wrong: unknown[] = [];
    for (let i = 0; i < leaves.count; i++) {
      const iova = join(leaves.iovaHi[i]!, leaves.iovaLo[i]!);
      const allowed = leaves.permissions[i]!;
      const status = leaves.status[i];
      for (const [bit, how] of [
        [1, {}],
        [2, { write: true }],
        [4, { instruction: true }],
      ] as const) {
        const { outcome } = session.walk({ ...read(sid, iova), ...how });
        const pa = join(leaves.paHi[i]!, leaves.paLo[i]!);
        const fits =
          status !== LeafStatus.Ok
            ? outcome.type !== "ok" && (bit !== 1 || reasonOf(outcome) === REASONS[leaves.reason[i]!]!.id)
            : (allowed & bit) !== 0
              ? outcome.type === "ok" && outcome.pa === pa && (outcome.permissions & 7) === allowed
              : outcome.type !== "ok";
        if (!fits) wrong.push({ iova: iova.toString(16), bit, status, allowed, outcome });
      }
    }
    expect(wrong).toEqual([]);
  });

  it("walks a page of stream 0x10 through both stages", () => {
    const walk = session.walk({ ...read(16, 0x10000n), write: true });
    expect(walk.outcome).toMatchObject({ type: "ok", pa: 0x480cd000n, sizeLg2: 12, bypass: false });
    expect(walk).toMatchObject({
      tags: [
        { name: "ASID", value: 33 },
        { name: "VMID", value: 1 },
      ],
    });
    expect(walk.stage1).toMatchObject({
      granuleLg2: 12,
      inputBits: 48,
      startLevel: 0,
      levels: 4,
      base: "TTB0",
      root: 0x40803000n,
    });
    expect(walk.stage2).toMatchObject({ inputBits: 44, startLevel: 0, levels: 4, root: 0x4156d000n, concatenated: 1 });
    expect(walk.checks.every((line) => line.state === "passed")).toBe(true);
    expect(walk.counts.stage1 + walk.counts.stage2).toBe(24);
  });

  it("looking changes nothing", () => {
    const before = session.summary();
    for (const { access } of SHIPPED.recorded.accesses.slice(0, 50)) session.walk(access);
    for (const { sid } of STRUCTURES) {
      session.leaves(sid, null);
      session.tableMap(sid, null, 1);
    }
    session.recorded();
    session.events();
    value(session.share(read(16, 0x10000n)));
    expect(session.summary()).toEqual(before);
  });
});

/** The record of a walk where the last descriptor was read, and the address of that descriptor. */
function lastRead(walk: WalkAnswer): bigint {
  for (let at = walk.trace.length - TRACE_WORDS; at >= 0; at -= TRACE_WORDS) {
    const stage1 = TRACE.f.stage.get(walk.trace, at) === 1;
    if (stage1 && TRACE.f.verdict.get(walk.trace, at) === TraceVerdict.Done && TRACE.f.access.get(walk.trace, at) > 0) {
      return join(TRACE.f.pa.getHi(walk.trace, at), TRACE.f.pa.get(walk.trace, at));
    }
  }
  throw new Error("no stage-1 leaf was read");
}

describe("edits", () => {
  const access = { ...read(16, 0x10000n), write: true };

  it("of a bit change the walk and are taken back by the same edit", () => {
    const session = open();
    const { digest } = session.summary();
    const leaf = lastRead(session.walk(access));
    const invalid: Action = { do: "toggle", at: leaf, bit: 0 };
    const changed = value(session.apply(invalid));
    expect(changed.revision).toBe(2);
    expect(changed.digest).not.toBe(digest);
    const { outcome, checks } = session.walk(access);
    expect([outcome.type, reasonOf(outcome)]).toEqual(["fault", "INVALID"]);
    expect(checks.find((line) => line.state === "failed")?.text).toBe(REASONS.find((r) => r.id === "INVALID")!.text);
    const back = value(session.apply(invalid));
    expect([back.digest, back.step, back.actions.length]).toEqual([digest, 2, 2]);
    expect(session.walk(access).outcome.type).toBe("ok");
  });

  it("of every bit of a structure, made twice, leave the digest as it was", () => {
    const session = open();
    const { digest } = session.summary();
    const at = lastRead(session.walk(access));
    const digests = new Set<string>();
    for (let bit = 0; bit < 64; bit++) {
      digests.add(value(session.apply({ do: "toggle", at, bit })).digest);
      expect(value(session.apply({ do: "toggle", at, bit })).digest).toBe(digest);
    }
    expect(digests.size).toBe(64);
  });

  it("show in the structure: which bits, and by which action", () => {
    const session = open();
    const pa = lastRead(session.walk(access));
    const query = { kind: "S1 descriptor", pa, level: 3, granuleLg2: 12, sid: 16 } as const;
    expect(session.structure(query)).toMatchObject({ editedBits: [], writtenBy: null, lint: [] });
    session.apply({ do: "toggle", at: 0x41525000n, bit: 1 });
    session.apply({ do: "toggle", at: pa, bit: 54 });
    session.apply({ do: "write", at: pa + 1n, bytes: Uint8Array.of(0xff) });
    const { editedBits, writtenBy, words } = session.structure(query);
    expect(writtenBy).toEqual({ action: 2, by: "hand" });
    expect(editedBits).toContain(54);
    expect((words![0]! >>> 8) & 0xff).toBe(0xff);
    value(session.seek(2));
    expect(session.structure(query)).toMatchObject({ editedBits: [54], writtenBy: { action: 1, by: "hand" } });
    value(session.seek(1));
    expect(session.structure(query)).toMatchObject({ editedBits: [], writtenBy: null });
  });

  it("that make an STE or CD illegal are found by lint, with every rule that is broken", () => {
    const session = open();
    const ste = { kind: "STE", pa: 0n, level: 0, granuleLg2: 12, sid: 16 } as const;
    const { trace } = session.walk(access);
    const steAt = join(TRACE.f.pa.getHi(trace, TRACE_WORDS), TRACE.f.pa.get(trace, TRACE_WORDS));
    const query = { ...ste, pa: steAt };
    expect(session.structure(query).lint).toEqual([]);
    // S2TG [175:174] becomes reserved, bit 255 is reserved.
    for (const bit of [174, 175, 255]) {
      session.apply({ do: "toggle", at: steAt + 8n * BigInt(bit >> 6), bit: bit & 63 });
    }
    const { lint, editedBits } = session.structure(query);
    expect(lint.map((l) => [l.severity, l.field])).toEqual([
      ["illegal", "S2TG"],
      ["warning", "_255"],
    ]);
    expect(editedBits).toEqual([174, 175, 255]);
    expect(reasonOf(session.walk(access).outcome)).toBe("STE_S2TG");
    expect(session.streams(0, 10).rows.find((row) => row.sid === 16)?.state).toBe("invalid");
  });

  it("take the notes to the actions that they replace with them, and no others", () => {
    const toggle = (bit: number): Action => ({ do: "toggle", at: 0x41525000n, bit });
    const notes = [0, 1, 2, 3].map((step) => ({ step, text: `note ${step}` }));
    const actions = [toggle(1), toggle(2), toggle(3)];
    const session = value(Session.open({ ...SHIPPED, actions, notes }, SMMUV3));
    expect(value(session.apply(toggle(4))).notes).toEqual(notes);
    value(session.seek(1));
    expect(session.summary().notes).toEqual(notes);
    expect(value(session.apply(toggle(5))).notes).toEqual(notes.slice(0, 2));
    expect(session.document().notes).toEqual(notes.slice(0, 2));
  });

  it("leave the walk that they found to be looked at, and looking changes nothing", () => {
    const session = open();
    const found = session.walk(access).digest;
    expect(session.walk(access, true).digest).toBe(found);
    const { trace } = session.walk(access);
    const steAt = join(TRACE.f.pa.getHi(trace, TRACE_WORDS), TRACE.f.pa.get(trace, TRACE_WORDS));
    const { digest, revision } = value(session.apply({ do: "toggle", at: steAt, bit: 0 }));
    const left = session.walk(access);
    expect(left.outcome.type).not.toBe("ok");
    expect(session.walk(access, true)).toMatchObject({ digest: found, revision, outcome: { type: "ok" } });
    expect(session.summary()).toMatchObject({ digest, step: 1 });
    expect(session.walk(access)).toEqual(left);
  });

  it("after going back drop what was ahead", () => {
    const session = open();
    const digests = [session.summary().digest];
    for (let bit = 0; bit < 5; bit++) {
      digests.push(value(session.apply({ do: "toggle", at: 0x41525000n, bit })).digest);
    }
    expect(value(session.seek(2)).digest).toBe(digests[2]);
    expect(session.summary()).toMatchObject({ step: 2, actions: { length: 5 } });
    const other = value(session.apply({ do: "toggle", at: 0x41525008n, bit: 9 }));
    expect([other.step, other.actions.length]).toEqual([3, 3]);
    expect(value(session.seek(0)).digest).toBe(digests[0]);
    expect(session.document().actions).toHaveLength(3);
    expect(value(Session.open(session.document(), SMMUV3)).summary()).toMatchObject({ step: 3, digest: other.digest });
  });

  it("that cannot be done are refused with the place, and nothing changes", () => {
    const session = open();
    const before = session.summary();
    const bad: readonly Action[] = [
      { do: "toggle", at: 4n, bit: 0 },
      { do: "toggle", at: -8n, bit: 0 },
      { do: "toggle", at: 1n << 52n, bit: 0 },
      { do: "toggle", at: 0n, bit: 64 },
      { do: "toggle", at: 0n, bit: -1 },
      { do: "toggle", at: 0n, bit: Number.NaN },
      { do: "write", at: -1n, bytes: Uint8Array.of(1) },
      { do: "write", at: (1n << 52n) - 1n, bytes: Uint8Array.of(1, 2) },
      { do: "register", name: "IDR99", value: 0n },
      { do: "dma", length: 0, ...access },
      { do: "dma", length: (1 << 20) + 1, ...access },
      { do: "dma", length: Number.NaN, ...access },
    ];
    for (const action of bad) {
      expect(session.apply(action)).toMatchObject({ ok: false, error: { place: "action", title: expect.any(String) } });
      const opened = Session.open({ ...SHIPPED, actions: [{ do: "toggle", at: 0x41525000n, bit: 0 }, action] }, SMMUV3);
      expect(opened).toMatchObject({ ok: false, error: { place: "steps[1]" } });
    }
    for (const step of [-1, 1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(session.seek(step)).toMatchObject({ ok: false, error: { place: `step ${step}` } });
    }
    expect(session.summary()).toEqual(before);
  });
});

describe("opening", () => {
  it.each(["IDR0", "IDR5"])("is refused where %s is missing, and says so", (name) => {
    const { [name]: _, ...registers } = SHIPPED.machine.registers;
    const result = Session.open({ ...SHIPPED, machine: { ...SHIPPED.machine, registers } }, SMMUV3);
    expect(result).toMatchObject({ ok: false, error: { place: `machine.registers.${name}` } });
    const prefixed = { ...registers, [`SMMU_${name}`]: SHIPPED.machine.registers[name]! };
    expect(Session.open({ ...SHIPPED, machine: { ...SHIPPED.machine, registers: prefixed } }, SMMUV3).ok).toBe(true);
  });
});

describe("transactions", () => {
  it("that fault are recorded, listed after what the capture recorded, and counted for their stream", () => {
    const session = open();
    const before = session.streams(0, 10).rows.find((row) => row.sid === 16)!.events;
    expect(session.events()).toHaveLength(11);
    value(session.apply({ do: "dma", length: 4, ...read(16, 0x7fff_0000_0000n) }));
    const events = session.events();
    expect(events.map((e) => e.name).at(-1)).toBe("F_TRANSLATION");
    expect(events).toHaveLength(12);
    expect(session.streams(0, 10).rows.find((row) => row.sid === 16)!.events).toBe(before + 1);
    value(session.seek(0));
    expect(session.events()).toHaveLength(11);
  });
});

describe("a case that was cut down to one walk", () => {
  /** Share a walk of a session, open the case, and compare. */
  function same(session: Session, access: Access): SessionDocument {
    const shared = value(session.share(access));
    const copy = value(Session.open(shared.document, SMMUV3));
    const [here, there] = [session.walk(access), copy.walk(access)];
    expect([there.digest, there.digest]).toEqual([here.digest, shared.walkDigest]);
    expect({ ...there, revision: 0 }).toEqual({ ...here, revision: 0 });
    expect(copy.summary().view).toEqual(access);
    return shared.document;
  }

  it("shows the same walk for accesses of every kind, those that fault too", () => {
    const session = open();
    const types = new Set<string>();
    for (const [i, { access }] of SHIPPED.recorded.accesses.entries()) {
      if (i % 23 !== 0 && i < 621) continue;
      types.add(session.walk(access).outcome.type);
      same(session, access);
    }
    for (const { sid } of STRUCTURES) {
      for (const iova of [0n, 0x1000n, 0xffff_8000_0000_0000n, 0x7f_ffff_f000n, 1n << 55n])
        same(session, read(sid, iova));
    }
    // A stream that the table does not reach, and one that is out of range: RECINVSID has both recorded.
    for (const sid of [0x77, 0x1_0000]) same(session, read(sid, 0n));
    expect(reasonOf(session.walk(read(0x1_0000, 0n)).outcome)).toBe("SID_RANGE");
    expect([...types].sort()).toEqual(["fault", "ok"]);
  });

  it("holds little: the words that the walk reads", () => {
    const document = same(open(), read(16, 0x10000n));
    const bytes = document.machine.memory.segments.reduce((sum, s) => sum + s.bytes.length, 0);
    // An STE and a CD of 64 bytes, an L1STD, and 4 + 24 descriptors, but shared ones count once.
    expect(bytes).toBeLessThanOrEqual(2 * 64 + 8 + 28 * 8);
    expect(document.machine.memory.outside).toBe("unknown");
    expect(document.machine.devices.map((d) => d.sid)).toEqual([16]);
  });

  it("keeps edits as actions that can be taken back", () => {
    const session = open();
    const access = read(16, 0x10000n);
    const at = lastRead(session.walk(access));
    const edits: readonly Action[] = [
      { do: "toggle", at, bit: 54 },
      { do: "write", at: at + 2n, bytes: Uint8Array.of(0x34, 0x12) },
      { do: "dma", length: 4, ...access },
      { do: "register", name: "CR2", value: 0n },
      { do: "toggle", at: 0x41f8_f100n, bit: 3 },
    ];
    for (const edit of edits) value(session.apply(edit));
    const document = same(session, access);
    expect(document.actions).toEqual(edits.filter((edit) => edit.do !== "dma"));
    const copy = value(Session.open(document, SMMUV3));
    // A word that no walk reads comes along, so that its edit shows there too.
    const far = { kind: "S1 descriptor", pa: 0x41f8_f100n, level: 3, granuleLg2: 12, sid: 16 } as const;
    expect(copy.structure(far)).toMatchObject({ editedBits: [3], words: session.structure(far).words });
    const plain = document.actions.map((_, step) => {
      value(copy.seek(step));
      return copy.walk(access).digest;
    });
    const whole = [0, 1, 2, 4].map((step) => {
      value(session.seek(step));
      return session.walk(access).digest;
    });
    expect(plain).toEqual(whole);
  });

  it("has more than 32 edits worked into its memory", () => {
    const session = open();
    const access = read(16, 0x10000n);
    const at = lastRead(session.walk(access));
    for (let bit = 0; bit < 40; bit++) value(session.apply({ do: "toggle", at: at + 8n * BigInt(bit), bit: 55 }));
    expect(same(session, access).actions).toEqual([]);
  });

  it("is that of the step one is at", () => {
    const session = open();
    const access = read(16, 0x10000n);
    const at = lastRead(session.walk(access));
    for (const bit of [0, 54, 10]) value(session.apply({ do: "toggle", at, bit }));
    for (const step of [0, 1, 2, 3]) {
      value(session.seek(step));
      expect(same(session, access).actions).toHaveLength(step);
      expect(session.summary()).toMatchObject({ step, actions: { length: 3 } });
    }
  });

  it("has no outcome where its memory does not reach, and says which address is missing", () => {
    const copy = value(Session.open(same(open(), read(16, 0x10000n)), SMMUV3));
    const { outcome, checks } = copy.walk(read(16, 0x1000_0000n));
    expect(outcome).toMatchObject({ type: "unknown", what: expect.stringContaining("does not hold") });
    expect(checks.some((line) => line.state === "failed")).toBe(true);
    expect(copy.walk(read(24, 0x10000n)).outcome.type).toBe("unknown");
    const shared = copy.share(read(16, 0x1000_0000n));
    expect(shared.ok).toBe(true);
    expect(copy.leaves(16, null).count).toBeGreaterThan(0);
    expect(copy.tableMap(16, null, 1)?.leaves).toBeGreaterThan(0);
  });
});
