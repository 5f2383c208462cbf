import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { SurveyReader } from "../../engine/common/survey.ts";
import { vtdSecondFormat } from "../../pagetable/formats/vtd_second.ts";
import type { StreamRow } from "../../protocol/engine.ts";
import { ARCHES, type Arch, type MachineDescription } from "../../protocol/machine.ts";
import type { OverlapAnswer, OverlapContext, OverlapQuery } from "../../protocol/overlaps.ts";
import { importFiles } from "../../scenario/import_files.ts";
import { Session } from "../session.ts";
import { WORLDS } from "../testing/worlds.ts";
import { loadArchitecture } from "../units.ts";
import { findOverlaps } from "./overlaps.ts";
import { type ContextTables, passesAll, type SourceRoot } from "./table_source.ts";

const PAGE = 4096;
const PAGES = 16;

/** The value a generator comes to. */
function resultOf<T>(search: Generator<unknown, T>): T {
  for (;;) {
    const { done, value } = search.next();
    if (done === true) return value;
  }
}

const streamRow = (sid: number, state: StreamRow["state"]): StreamRow => {
  return { sid, state, bdf: null, label: null, why: null, tags: [], ssids: [], events: 0 };
};

/** Each way to reach a page, as "context rights input", by the page's address. */
type Ways = Map<bigint, string[]>;

const tell = (ways: Ways, page: bigint, way: string): void => void ways.set(page, [...(ways.get(page) ?? []), way]);

/** What an answer says of each page of its rows: "context rights count". */
function pagesOf({ rows }: Pick<OverlapAnswer, "rows">): Map<bigint, string[]> {
  const pages = new Map<bigint, string[]>();
  for (const { from, to, reaches } of rows) {
    for (let page = from; page < to; page += BigInt(PAGE)) {
      pages.set(
        page,
        reaches.map(({ context, permissions, count }) => `${context} ${permissions} ${count}`),
      );
    }
  }
  return pages;
}

/** The same of pages that were tried one by one. */
function triedPages(ways: Ways, of: number | null): Map<bigint, string[]> {
  const pages = new Map<bigint, string[]>();
  const sorted = [...ways].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [page, all] of sorted) {
    const contexts = all.map((way) => way.split(" ").slice(0, 2).join(" "));
    if (all.length < 2 || (of !== null && !contexts.some((way) => way.startsWith(`${of} `)))) continue;
    const counts = new Map<string, number>();
    for (const way of contexts) counts.set(way, (counts.get(way) ?? 0) + 1);
    const order = (way: string): number => Number(way.split(" ")[0]) * 8 + Number(way.split(" ")[1]);
    pages.set(
      page,
      [...counts].sort(([a], [b]) => order(a) - order(b)).map(([way, n]) => `${way} ${n}`),
    );
  }
  return pages;
}

describe("Overlaps of tables made by chance", () => {
  /** A table of one level: page `i` leads to page `to[i]` with rights, 0 for nothing. */
  interface Table {
    readonly at: number;
    readonly to: readonly (readonly [page: number, rights: number])[];
  }
  const fmt = vtdSecondFormat({ largePages: 0, snoop: false, transientMapping: false });

  const rootOf = ({ at, to }: Table): SourceRoot => {
    const reader = {
      lo: 0,
      hi: 0,
      readEntry(place: number): number {
        const [page, rights] = to[(place - at) / 8] ?? [0, 0];
        this.lo = rights === 0 ? 0 : (page * PAGE) | rights;
        return 0;
      },
      physical: (place: number) => place,
    };
    return {
      scan: { fmt, at, level: 0, entries: PAGES, outputBits: 48 },
      reader: reader as unknown as SurveyReader,
      inputBits: 16,
      inputAddress: (offset) => [0, offset],
      verdict: ({ lo }) => ({ permissions: lo & 3, reason: 0 }),
      badReason: () => 0,
    };
  };
  const context = (first: Table | null, second: Table | null): ContextTables => ({
    resolved: true,
    stages: [first === null ? null : () => [rootOf(first)], second === null ? null : () => [rootOf(second)]],
    levelOf: (level) => level,
    untranslated: () => [],
    upkeep: () => null,
    beneath: () => () => ({ type: "unknown" }),
  });

  const table = (at: number) =>
    fc
      .array(fc.tuple(fc.nat(PAGES - 1), fc.constantFrom(0, 1, 3, 3)), { minLength: PAGES, maxLength: PAGES })
      .map((to): Table => ({ at, to }));
  /** Which of its tables a context uses: stage 1 of its own, one of two for stage 2. */
  const kinds = fc.constantFrom([true, null], [true, 0], [true, 1], [false, 0], [false, 1]) as fc.Arbitrary<
    readonly [boolean, number | null]
  >;
  const machines = fc.record({
    contexts: fc.array(fc.tuple(table(0x10_0000), kinds), { minLength: 1, maxLength: 4 }),
    seconds: fc.tuple(table(0x20_0000), table(0x30_0000)),
    space: fc.constantFrom("PA", "IPA"),
    all: fc.boolean(),
  });

  it("are those that trying every page finds, each with its rights and counts", () => {
    fc.assert(
      fc.property(machines, ({ contexts, seconds, space, all }) => {
        const chosen = contexts[0]![1][1];
        const peers = contexts.filter(([, [, second]]) => space === "PA" || (chosen !== null && second === chosen));
        const ways: Ways = new Map();
        for (const [i, [first, [own, second]]] of peers.entries()) {
          for (let page = 0; page < PAGES; page++) {
            const [middle, r1] = own ? first.to[page]! : [page, 3];
            const [end, r2] = second === null ? [middle, 3] : seconds[second]!.to[middle]!;
            const rights = space === "IPA" && own ? r1 : r1 & r2;
            if (rights !== 0) tell(ways, BigInt((space === "PA" ? end : middle) * PAGE), `${i} ${rights} ${page}`);
          }
        }
        const tables = contexts.map(([first, [own, second]]) =>
          context(own ? first : null, second === null ? null : seconds[second]!),
        );
        const streams = tables.map((_, sid) => streamRow(sid, "stage 1"));
        const answer = resultOf(
          findOverlaps({ sid: 0, ssid: null, space, all, bypassing: false, at: null }, streams, (sid) => tables[sid]!),
        );
        const tried = triedPages(ways, all ? null : 0);
        expect([...pagesOf(answer)]).toEqual([...tried]);
        expect(answer.bytes).toBe(BigInt(tried.size * PAGE));
        expect(answer.ranges).toBe(answer.rows.length);
        expect(answer.truncated).toBe(false);
        // Marks are the pages of the chosen context that lead to these.
        const marked = answer.marks.flatMap(([from, to]) =>
          Array.from({ length: Number(to - from) / PAGE }, (_, i) => Number(from) / PAGE + i),
        );
        const led = [...tried.keys()].flatMap((page) => ways.get(page)!.filter((way) => way.startsWith("0 ")));
        expect(marked).toEqual(led.map((way) => Number(way.split(" ")[2])).sort((a, b) => a - b));
      }),
      { numRuns: 200 },
    );
  });

  it("are none between requests without a PASID and the PASID whose tables they go by", () => {
    const pages: Table = { at: 0x10_0000, to: [[1, 3]] };
    const other: Table = { at: 0x40_0000, to: [[1, 3]] };
    const stream = { ...streamRow(0, "stage 1"), ssids: [0, 1] };
    const tablesOf = (_sid: number, ssid: number | null) => context(ssid === 1 ? other : pages, null);
    for (const ssid of [null, 0]) {
      const query: OverlapQuery = { sid: 0, ssid, space: "PA", all: true, bypassing: false, at: null };
      const { contexts, rows } = resultOf(findOverlaps(query, [stream], tablesOf));
      expect(contexts.map((c) => c.ssid)).toEqual([ssid, 1]);
      expect(rows.map(({ reached }) => reached)).toEqual([2]);
    }
  });

  it("are told of any one address, be it reached in one way or in none", () => {
    const [one, two]: Table[] = [
      {
        at: 0x10_0000,
        to: [
          [1, 3],
          [2, 1],
          [2, 3],
        ],
      },
      {
        at: 0x20_0000,
        to: [
          [2, 1],
          [5, 3],
        ],
      },
    ];
    const tablesOf = (sid: number) => context(sid === 0 ? one! : two!, null);
    const waysTo = (at: bigint, all: boolean) =>
      resultOf(
        findOverlaps(
          { sid: 0, ssid: null, space: "PA", all, bypassing: false, at },
          [streamRow(0, "stage 1"), streamRow(1, "stage 1")],
          tablesOf,
        ),
      );
    const ways = ({ rows }: Pick<OverlapAnswer, "rows">) =>
      rows.flatMap((row) => row.reaches.map((r) => [r.context, r.permissions, r.count, ...r.inputs]));
    expect(ways(waysTo(0x2008n, true))).toEqual([
      [0, 1, 1, 0x1008n],
      [0, 3, 1, 0x2008n],
      [1, 1, 1, 0x8n],
    ]);
    expect(ways(waysTo(0x5fffn, true))).toEqual([[1, 3, 1, 0x1fffn]]);
    expect(ways(waysTo(0x5fffn, false))).toEqual([]);
    expect(ways(waysTo(0x6000n, true))).toEqual([]);
    expect(ways(waysTo(1n << 60n, true))).toEqual([]);
    expect(waysTo(0x2008n, false).marks).toEqual([
      [0x1008n, 0x1009n],
      [0x2008n, 0x2009n],
    ]);
  });

  it("stop at what they look through at most, and say so", () => {
    const streams = Array.from({ length: 1100 }, (_, sid) => streamRow(sid, "bypass"));
    const query: OverlapQuery = { sid: 0, ssid: null, space: "PA", all: true, bypassing: true, at: null };
    const answer = resultOf(findOverlaps(query, streams, () => context(null, null)));
    expect(answer).toMatchObject({ truncated: true, ranges: 0, rows: [], marks: [] });
    expect(answer.bypassing).toHaveLength(1100);
  });

  it("count streams that pass untranslated where that is asked for, and where one address is", () => {
    const tables: Table = { at: 0x10_0000, to: [[5, 3]] };
    const passing: ContextTables = { ...context(null, null), untranslated: () => [passesAll(48)] };
    const streams = [streamRow(0, "stage 1"), streamRow(1, "bypass")];
    const search = (bypassing: boolean, at: bigint | null) =>
      resultOf(
        findOverlaps({ sid: 0, ssid: null, space: "PA", all: true, bypassing, at }, streams, (sid) =>
          sid === 0 ? context(tables, null) : passing,
        ),
      );
    const told = ({ rows }: Pick<OverlapAnswer, "rows">) =>
      rows.map(({ from, to, reaches }) => [from, to, ...reaches.map((r) => `${r.context} ${r.permissions}`)]);
    expect(told(search(false, null))).toEqual([]);
    expect(told(search(true, null))).toEqual([[0x5000n, 0x6000n, "0 3", "1 7"]]);
    expect(told(search(false, 0x5004n))).toEqual([[0x5004n, 0x5005n, "0 3", "1 7"]]);
    expect(search(false, 0x7008n).rows[0]?.reaches).toEqual([
      { context: 1, permissions: 7, count: 1, inputs: [0x7008n] },
    ]);
  });
});

/** Rights of accesses that pass untranslated at an address. */
function passingRights(session: Session, { sid, ssid }: OverlapContext, iova: bigint): number {
  const plain = { sid, ssid, iova, write: false, privileged: false, instruction: false };
  const kinds = [plain, { ...plain, write: true }, { ...plain, instruction: true }];
  const passes = kinds.map((access) => {
    const { outcome } = session.walk(access);
    return outcome.type === "ok" && outcome.bypass;
  });
  return passes.reduce((rights, ok, bit) => rights | (Number(ok) << bit), 0);
}

/**
 * Overlaps of a session as its own translations give them, page by page of what is mapped, and as the search does. Of
 * memory that no table leads to, which contexts share that pass untranslated, nothing is compared.
 */
function bothWays(session: Session): [Map<bigint, string[]>, Map<bigint, string[]>] {
  const [chosen] = session.streams(0, 1).rows;
  const query = { sid: chosen!.sid, ssid: null, space: "PA", all: true, bypassing: true, at: null } as const;
  const answer = resultOf(session.overlaps(query))!;
  const ways: Ways = new Map();
  for (const [i, { sid, ssid }] of answer.contexts.entries()) {
    const leaves = session.leaves(sid, ssid);
    for (let n = 0; n < leaves.count; n++) {
      const from = (BigInt(leaves.iovaHi[n]!) << 32n) | BigInt(leaves.iovaLo[n]!);
      const size = 1n << BigInt(leaves.sizeLg2[n]!);
      for (let iova = from; iova < from + size; iova += BigInt(PAGE)) {
        const plain = { sid, ssid, iova, write: false, privileged: false, instruction: false };
        const reached = [plain, { ...plain, write: true }, { ...plain, instruction: true }].map(
          (access) => session.walk(access).outcome,
        );
        const ok = reached.find(({ type }) => type === "ok");
        if (ok?.type === "ok" && !ok.bypass) tell(ways, ok.pa, `${i} ${ok.permissions} ${iova}`);
      }
    }
  }
  for (const page of ways.keys()) {
    for (const [i, context] of answer.contexts.entries()) {
      const rights = passingRights(session, context, page);
      if (rights !== 0) tell(ways, page, `${i} ${rights} ${page}`);
    }
  }
  const rows = answer.rows.filter(({ from, to }) => to - from <= 1n << 30n);
  const found = [...pagesOf({ rows })].filter(([page]) => ways.has(page));
  return [new Map(found), triedPages(ways, null)];
}

async function opened(arch: Arch, machine: MachineDescription): Promise<Session> {
  const recorded = { accesses: [], events: [] };
  const session = Session.open({ title: "", about: "", machine, actions: [], recorded }, await loadArchitecture(arch));
  if (!session.ok) throw new Error(session.error.detail);
  return session.value;
}

describe.each(ARCHES)("Overlaps of random nested tables of %s", (arch) => {
  it.each([1, 2, 3, 7])("are what walks of every mapped page come to, seed %i", async (seed) => {
    const [found, tried] = bothWays(await opened(arch, WORLDS[arch](seed).machine));
    expect([...found]).toEqual([...tried]);
  });
});

describe("An exclusion range", () => {
  it.each([2, 4, 10])("is reached as it is, and not by way of tables, 48882 §3.4.2, seed %i", async (seed) => {
    const { machine } = WORLDS.amdvi(seed);
    const before = await opened("amdvi", machine);
    const [page] = bothWays(before)[1].keys();
    // ExEn and Allow: every device may use it.
    const registers = { ...machine.registers, EXCL_BASE: page! | 3n, EXCL_LIMIT: page! + 0x3000n };
    const after = await opened("amdvi", { ...machine, registers });
    const [found, tried] = bothWays(after);
    expect([...found]).toEqual([...tried]);
    const rightsIn = (session: Session): number[] =>
      session.streams(0, 8).rows.map(({ sid }) => passingRights(session, { sid, ssid: null }, page!));
    expect(rightsIn(before)).toContain(0);
    expect(new Set(rightsIn(after))).toEqual(new Set([7]));
  });
});

describe.each(["smmuv3-both-4k", "smmuv3-s2-4k", "amdvi-v1-strict"])("Overlaps of the recorded %s", (name) => {
  it("are what walks of every mapped page come to", { timeout: 60_000 }, async () => {
    const folder = new URL(`../../conformance/data/captures/${name}/`, import.meta.url);
    const files = ["capture.json", "memory.bin.gz"].map((file) => ({
      name: file,
      bytes: Uint8Array.from(readFileSync(new URL(file, folder))),
    }));
    const imported = await importFiles(files);
    if (!imported.ok) throw new Error(imported.error.detail);
    const { scenario } = imported.value;
    const opened = Session.open(scenario, await loadArchitecture(scenario.machine.arch));
    if (!opened.ok) throw new Error(opened.error.detail);
    const [found, tried] = bothWays(opened.value);
    expect(tried.size).toBeGreaterThan(0);
    expect([...found]).toEqual([...tried]);
  });
});
