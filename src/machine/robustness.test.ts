import { describe, expect, it } from "vitest";
import { REGISTERS } from "../arch/smmuv3/registers.ts";
import { randomNested } from "../engine/smmuv3/testing/random_nested.ts";
import { chooser, noise, type RandomWorld, randomConfiguration } from "../engine/smmuv3/testing/random_world.ts";
import { type Fields, NESTED_STE, World } from "../engine/smmuv3/testing/world.ts";
import type { StructureKind } from "../protocol/engine.ts";
import type { Access, Action, SessionDocument } from "../protocol/machine.ts";
import { Session } from "./session.ts";
import { SMMUV3 } from "./smmuv3/architecture.ts";
import { documentOf, randomActions } from "./testing/documents.ts";

const KINDS: readonly StructureKind[] = ["L1STD", "STE", "L1CD", "CD", "S1 descriptor", "S2 descriptor"];

interface Wild {
  readonly document: SessionDocument;
  access(): Access;
  action(): Action;
  /** An address worth looking at. */
  address(): bigint;
}

/** A session of a random world, with actions that may well happen to it. */
function fromWorld(make: (seed: number) => RandomWorld, seed: number): Wild {
  const random = make(seed);
  const { access, action } = randomActions(random, seed);
  const segments = random.world.memory.segments();
  const { pick, next } = chooser(seed + 7);
  const address = (): bigint => BigInt(pick(segments).at + (next() % 512) * 8);
  return { document: documentOf(random.world), access, action, address };
}

/** A session of nothing but chance: any value in any register, memory in any place. */
function wild(seed: number): Wild {
  const { next, one, pick, below } = chooser(seed);
  const big = (): bigint => (BigInt(next()) << 32n) | BigInt(next());
  const base = (): bigint => BigInt(pick([0, 0x1000_0000, 2 ** 32 - 4096, 2 ** 52 - 8192, below(2 ** 52)])) & ~7n;
  const address = (): bigint => (one(3) === 1 ? big() : base() + BigInt(next() % 4096) * 8n);
  const bytes = (n: number): Uint8Array => Uint8Array.from({ length: n }, () => next() & 0xff);
  const access = (): Access => ({
    sid: pick([0, 1, next() % 64, next()]),
    ssid: one(3) === 1 ? pick([0, 1, next() % 2 ** 20, next()]) : null,
    iova: pick([0n, big(), BigInt(next()), big() | (0xffffn << 48n)]),
    write: one(2) === 1,
    privileged: one(2) === 1,
    instruction: one(2) === 1,
  });
  const action = (): Action => {
    switch (next() % 4) {
      case 0:
        return { do: "toggle", at: address(), bit: next() % 70 };
      case 1:
        return { do: "write", at: address() + BigInt(next() % 8), bytes: bytes(1 + (next() % 39)) };
      case 2:
        return { do: "register", name: pick(REGISTERS).name, value: one(3) === 1 ? BigInt(next() % 64) : big() };
      default:
        return { do: "dma", length: pick([0, 1, 8, 5000, 70_000]), ...access() };
    }
  };
  const registers = Object.fromEntries(
    REGISTERS.filter((r) => r.name.startsWith("SMMU_IDR") || one(2) === 1).map(({ name }) => [
      name,
      name === "SMMU_IDR0" && one(2) === 1 ? 0x0d44_101bn : one(4) === 1 ? BigInt(next() % 64) : big(),
    ]),
  );
  // A list of 2^20 streams takes its time, and is asked for after every action: mostly the table is smaller.
  if (one(8) === 0) registers.SMMU_STRTAB_BASE_CFG = BigInt((next() % 12) | (next() & 0x307c0));
  const segments = Array.from({ length: next() % 6 }, () => ({ at: base(), bytes: bytes(8 * (next() % 300)) }));
  const zero = Array.from({ length: next() % 4 }, () => [base(), BigInt(below(2 ** pick([12, 24, 52])) & ~7)] as const);
  const outside = one(2) === 1 ? "abort" : "unknown";
  const devices = [{ sid: next(), bdf: "0000:00:00.0", label: "device" }];
  const recorded = { accesses: [], events: [{ words: [big(), big()] }] };
  const machine = { arch: "smmuv3", registers, memory: { outside, zero, segments }, devices } as const;
  return { document: { title: "", about: "", machine, actions: [], recorded }, access, action, address };
}

/** Whether a session takes an action: only then may a document hold it. */
const taken = (action: Action): boolean =>
  action.do === "register" ||
  (action.do === "dma" && action.length > 0) ||
  (action.do === "toggle" && action.at % 8n === 0n && action.at < 1n << 52n && action.bit < 64) ||
  (action.do === "write" && action.at + BigInt(action.bytes.length) <= 1n << 52n);

/** Do and ask what a page might; an exception is a bug, whatever the session holds. */
function exercise({ document, access, action, address }: Wild, seed: number): void {
  const { next, pick } = chooser(seed + 13);
  const opened = Session.open({ ...document, actions: Array.from({ length: 40 }, action).filter(taken) }, SMMUV3);
  if (!opened.ok) throw new Error(`${opened.error.place}: ${opened.error.detail}`);
  const session = opened.value;
  for (let i = 0; i < 4; i++) {
    const a = access();
    switch (next() % 7) {
      case 0:
        session.share(a);
        break;
      case 1:
        session.leaves(a.sid, a.ssid);
        break;
      case 2:
        session.tableMap(a.sid, a.ssid, pick([1, 2]));
        break;
      case 3: {
        const shape = { level: next() % 6, granuleLg2: pick([12, 14, 16, 3]), sid: a.sid };
        session.structure({ kind: pick(KINDS), pa: address(), ...shape });
        break;
      }
      case 4:
        session.seek(next() % 40);
        break;
      default:
        session.walk(a);
    }
    // What a page does after an action, with the summary taken now and then: it lists every stream.
    session.apply(action());
    if (next() % 16 === 0) {
      session.summary();
      session.streams(0, 10);
      session.events();
      session.document();
    }
  }
}

const SOURCES: readonly (readonly [string, (seed: number) => Wild, number])[] = [
  ["chance", wild, 150],
  ["noise in the place of tables", (seed) => fromWorld(noise, seed), 25],
  ["tables of any shape", (seed) => fromWorld(randomConfiguration, seed), 40],
  ["nested tables", (seed) => fromWorld(randomNested, seed), 40],
];

describe.each(SOURCES)("a session made of %s", { timeout: 60_000 }, (_, make, runs) => {
  it.each([1, 10_001, 128_383])(`never throws and always comes back, ${runs} runs from seed %i`, (seed) => {
    const thrown: unknown[] = [];
    for (let n = 0; n < runs; n++) {
      try {
        exercise(make(seed + n), seed + n);
      } catch (error) {
        thrown.push([seed + n, error instanceof Error ? error.stack?.split("\n").slice(0, 4).join("\n") : error]);
      }
    }
    expect(thrown).toEqual([]);
  });
});

describe("a stream with VMSAv8-32 tables, which are not modelled", () => {
  it.each([
    [6, {}],
    [7, {}],
    [6, { S2TG: 3 }],
    [5, { AA64: 0 }],
  ])("Config %i %o is listed, has no map, and says why it does not translate", (Config, fields) => {
    const world = new World({ IDR0: { TTF: 3 } });
    const { AA64 = 1, ...ste } = fields as Fields;
    const cd = world.cd({ V: 1, A: 1, AA64 });
    world.ste(1, { V: 1, Config, S2AA64: 0, S2SL0: 1, S1ContextPtr: cd, ...ste });
    const opened = Session.open(documentOf(world), SMMUV3);
    if (!opened.ok) throw new Error(opened.error.detail);
    const session = opened.value;
    expect(session.streams(0, 10).rows.map((row) => row.sid)).toEqual([1]);
    expect([session.tableMap(1, null, 1), session.tableMap(1, null, 2), session.leaves(1, null).count]).toEqual([
      null,
      null,
      0,
    ]);
    const access = { sid: 1, ssid: null, iova: 0x1000n, write: false, privileged: false, instruction: false };
    const { outcome, stage2 } = session.walk(access);
    expect([outcome.type, stage2]).toEqual(["abort", null]);
    expect(session.share(access).ok).toBe(true);
  });
});

describe("tables that lead to themselves", { timeout: 60_000 }, () => {
  /** 39 bits of stage 2 from level 1: every entry points to the one table below, and those of the last are alike. */
  function looped(last: number): Session {
    const world = new World();
    const tables = [0, 1, 2].map(() => world.allocate(4096));
    for (let i = 0; i < 512; i++) {
      for (const level of [0, 1]) world.write(tables[level]! + 8 * i, tables[level + 1]! + 3, 0);
      world.write(tables[2]! + 8 * i, last, 0);
    }
    world.ste(1, { ...NESTED_STE, Config: 6, S2T0SZ: 25, S2SL0: 1, S2TTB: tables[0]! });
    const opened = Session.open(documentOf(world), SMMUV3);
    if (!opened.ok) throw new Error(opened.error.detail);
    return opened.value;
  }

  it("are listed up to a bound, leaves and broken entries alike", () => {
    for (const last of [0x4c3, 1]) {
      const leaves = looped(last).leaves(1, null);
      expect([last, leaves.truncated, leaves.count]).toEqual([last, true, 1 << 20]);
    }
  });

  it("are drawn up to a bound, empty ones too", () => {
    const map = looped(0).tableMap(1, null, 2)!;
    expect([map.truncated, map.leaves, map.count <= 1 << 17]).toEqual([true, 0, true]);
  });
});
