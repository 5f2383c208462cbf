/** Sessions of captures of every architecture: what a page asks of one it may ask of all. */
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { ARCHITECTURES } from "../arch/architectures.ts";
import type { StructureKind, WalkAnswer } from "../protocol/engine.ts";
import type { Access, SessionDocument } from "../protocol/machine.ts";
import { TRACE, TRACE_WORDS, TraceKind, traceAddress } from "../protocol/trace.ts";
import { readScenario, writeScenario } from "../scenario/document.ts";
import { importFiles } from "../scenario/import_files.ts";
import { Session } from "./session.ts";
import type { Architecture } from "./unit.ts";
import { loadArchitecture } from "./units.ts";

const CAPTURES = ["smmuv3-both-4k", "smmuv3-s2-4k", "vtd-legacy-strict", "vtd-scalable-fs", "amdvi-v1-strict"];
const KINDS = new Map<number, string>(Object.entries(TraceKind).map(([name, code]) => [code, name]));

async function load(name: string): Promise<{ document: SessionDocument; architecture: Architecture }> {
  const folder = new URL(`../conformance/data/captures/${name}/`, import.meta.url);
  const files = ["capture.json", "memory.bin.gz"].map((file) => ({
    name: file,
    bytes: Uint8Array.from(readFileSync(new URL(file, folder))),
  }));
  const imported = await importFiles(files);
  if (!imported.ok) throw new Error(`${imported.error.place}: ${imported.error.detail}`);
  const document = imported.value.scenario;
  return { document, architecture: await loadArchitecture(document.machine.arch) };
}

describe.each(CAPTURES)("a session of %s", { timeout: 30_000 }, (name) => {
  let document: SessionDocument;
  let architecture: Architecture;
  let session: Session;
  /** Every 37th access that was recorded. */
  let accesses: readonly Access[];

  const open = (of: SessionDocument): Session => {
    const opened = Session.open(of, architecture);
    if (!opened.ok) throw new Error(`${opened.error.place}: ${opened.error.detail}`);
    return opened.value;
  };

  beforeAll(async () => {
    ({ document, architecture } = await load(name));
    session = open(document);
    accesses = document.recorded.accesses.filter((_, i) => i % 37 === 0).map(({ access }) => access);
  });

  /** What each record of a walk read, as the inspector asks for it. */
  const readBy = (walk: WalkAnswer): { kind: StructureKind; pa: bigint; level: number }[] =>
    Array.from({ length: walk.trace.length / TRACE_WORDS }, (_, record) => record)
      .filter((record) => TRACE.f.access.get(walk.trace, record * TRACE_WORDS) > 0)
      .map((record) => {
        const at = record * TRACE_WORDS;
        const kind = TRACE.f.kind.get(walk.trace, at);
        const descriptor = `S${TRACE.f.stage.get(walk.trace, at)} descriptor`;
        return {
          kind: (kind === TraceKind.Descriptor ? descriptor : KINDS.get(kind)!) as StructureKind,
          pa: traceAddress("pa", walk.trace, record),
          level: TRACE.f.level.get(walk.trace, at) - 1,
        };
      });

  it("agrees with everything that was recorded", () => {
    const { count, agrees } = session.recorded();
    expect(count).toBe(document.recorded.accesses.length);
    expect(agrees.every((one) => one === 1)).toBe(true);
  });

  it("walks, counts and names what it reads, and every structure read is there and has a layout", () => {
    const facts = ARCHITECTURES[document.machine.arch];
    for (const access of accesses) {
      const walk = session.walk(access);
      const { config, stage1, stage2 } = walk.counts;
      const read = readBy(walk);
      expect([walk.arch, config + stage1 + stage2]).toEqual([document.machine.arch, read.length]);
      for (const { kind, pa, level } of read) {
        const { words, wide } = session.structure({ kind, pa, level, granuleLg2: 12, sid: access.sid });
        expect(words).not.toBeNull();
        const layout = facts.structures[kind]!.layoutOf({ level, granuleLg2: 12, wide }, words!);
        expect(layout.bits).toBe(words!.length * 32);
      }
      expect(walk.checks.map((line) => line.text)).not.toContain("");
    }
  });

  it("lists streams, and of each the leaves and maps that its walks go through", () => {
    const { total, rows } = session.streams(0, 1000);
    expect([rows.length, session.summary().streams]).toEqual([total, total]);
    let leaves = 0;
    for (const { sid, state, tags } of rows) {
      const columns = session.leaves(sid, null);
      leaves += columns.count;
      const stages = ([1, 2] as const).map((stage) => session.tableMap(sid, null, stage));
      const translates = state === "stage 1" || state === "stage 2" || state === "nested";
      expect([sid, stages.some((map) => map !== null)]).toEqual([sid, translates]);
      if (!translates) continue;
      expect(tags.length).toBeGreaterThan(0);
      for (let i = 0; i < columns.count; i += 50) {
        const iova = (BigInt(columns.iovaHi[i]!) << 32n) | BigInt(columns.iovaLo[i]!);
        const write = (columns.permissions[i]! & 1) === 0;
        const access = { sid, ssid: null, iova, write, privileged: false, instruction: false };
        const { outcome } = session.walk(access);
        const pa = (BigInt(columns.paHi[i]!) << 32n) | BigInt(columns.paLo[i]!);
        expect(outcome).toMatchObject(columns.status[i] === 0 ? { type: "ok", pa } : { type: "fault" });
      }
    }
    expect(leaves).toBeGreaterThan(100);
  });

  it("shows events, registers, queues and the owners of its memory", () => {
    expect(session.events().length).toBe(document.recorded.events.length);
    const { rows } = session.registers();
    const values = Object.entries(document.machine.registers).filter(([, value]) => value !== 0n);
    const found = values.filter(([register, value]) =>
      rows.some((row) => row.name.replace("SMMU_", "") === register && row.value === value),
    );
    expect(found.length).toBeGreaterThan(values.length / 2);
    for (const queue of session.queues().queues) {
      const entries = session.queueEntries(queue.id, 0, 8);
      expect(entries.length).toBe(Math.min(8, queue.entries));
    }
    const owners = session.owners().rows;
    for (const access of accesses.slice(0, 10)) {
      for (const { pa } of readBy(session.walk(access))) {
        expect([pa, owners.some(({ from, to }) => from <= pa && pa < to)]).toEqual([pa, true]);
      }
    }
  });

  it("cuts a case down that shows the same walk, through the text of a scenario", () => {
    for (const access of accesses.slice(0, 12)) {
      const shared = session.share(access);
      if (!shared.ok) throw new Error(shared.error.detail);
      const read = readScenario(JSON.parse(JSON.stringify(writeScenario(shared.value.document))), "case");
      if (!read.ok) throw new Error(`${read.error.place}: ${read.error.detail}`);
      expect(open(read.value).walk(access).digest).toBe(session.walk(access).digest);
      const bytes = read.value.machine.memory.segments.reduce((sum, { bytes: b }) => sum + b.length, 0);
      expect(bytes).toBeLessThan(1024);
    }
  });

  it("goes back to where it was, whatever was done, and looking changes nothing", () => {
    const one = open(document);
    const before = one.summary();
    const at = readBy(one.walk(accesses[0]!)).at(-1)!.pa;
    for (const bit of [0, 1, 12, 40]) {
      one.apply({ do: "toggle", at, bit });
      for (const access of accesses.slice(0, 4)) one.apply({ do: "dma", ...access, length: 64 });
    }
    const digests = Array.from({ length: 21 }, (_, step) => {
      one.seek(step);
      return one.summary().digest;
    });
    for (const step of [20, 3, 11, 0]) {
      one.seek(step);
      for (const access of accesses) one.walk(access);
      one.recorded();
      expect(one.summary().digest).toBe(digests[step]);
    }
    expect(one.summary().digest).toBe(before.digest);
  });
});
