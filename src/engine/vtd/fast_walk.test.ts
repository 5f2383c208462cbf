import { describe, expect, it } from "vitest";
import { xorshift32 } from "../../base/rng.ts";
import { End, Updates } from "../common/request.ts";
import { FastWalk } from "./fast_walk.ts";
import { RequestConfig } from "./request_config.ts";
import { ALL, NestedWorld, PAGE, type WorldShape } from "./testing/nested_world.ts";
import { VtdTraceRecorder } from "./trace_recorder.ts";
import { Translation } from "./translation.ts";

/** Every field of a translation, in the order of its class. */
const FIELDS = Object.keys(new Translation()) as (keyof Translation)[];
const answer = (t: Translation): unknown[] => FIELDS.map((name) => t[name]);

interface Tally {
  cases: number;
  /** Requests that the fast walk did itself. */
  fast: number;
  readonly ends: Set<number>;
  readonly different: unknown[];
}

/** A world with a few pages mapped at random, everything about them left to chance. */
function randomWorld(next: () => number): { world: NestedWorld; pages: number[]; bits: number } {
  const one = (n: number): number => (next() % n === 0 ? 1 : 0);
  const shape: WorldShape = {
    aw: ([1, 2, 2, 3] as const)[next() % 4]!,
    firstLevels: one(3) === 1 ? 5 : 4,
    options: { hostAddressWidth: 40 + (next() % 13), transientMapping: one(2) === 1, erratum772415: one(4) === 1 },
  };
  const world = new NestedWorld(shape);
  const bits = 12 + 9 * (shape.firstLevels ?? 4);
  const base = Math.floor((next() / 2 ** 32) * 2 ** (bits - 14)) * PAGE;
  const pages = Array.from({ length: 12 }, () => base + (next() % 2048) * PAGE);
  for (const va of pages) {
    const rights = { ...ALL, write: one(4) === 0, user: one(6) === 0, execute: one(2) === 0 };
    world.map(va, rights, world.guestPage(one(6) === 0 ? ALL : { ...ALL, write: false }));
  }
  world.entry({ WPE: one(2), SRE: one(4) === 0 ? 1 : 0, EAFE: one(3), SMEP: one(3), NXE: one(2), ERE: one(2) });
  return { world, pages, bits };
}

function compare(seed: number, tally: Tally): void {
  const next = xorshift32(seed);
  const { world, pages, bits } = randomWorld(next);
  const { memory, remapper } = world;
  const features = { snoop: true, transientMapping: world.caps.transientMapping, largePages: 3 };
  const fast = new FastWalk(memory, features);
  const recorder = new VtdTraceRecorder();
  for (const va of pages) {
    for (const write of [false, true]) world.translate(va, { write, updates: Updates.Make });
  }
  for (let round = 0; round < 8; round++) {
    for (let i = 0; i < 24; i++) {
      const va = pages[next() % pages.length]! + (next() % 16 === 0 ? PAGE : 0) + (next() % PAGE);
      const upper = next() % 8 === 0 ? 2 ** bits : 0;
      const t = world.request(Math.floor((va + upper) / 2 ** 32), va % 2 ** 32, {
        write: next() % 2 === 0,
        privileged: next() % 3 === 0,
        instruction: next() % 8 === 0,
        hasPasid: next() % 4 !== 0,
        updates: next() % 2 === 0 ? Updates.Make : Updates.Show,
      });
      const asked = answer(t);
      const config = new RequestConfig();
      t.begin();
      if (remapper.resolve(t, null, config) && config.fast && fast.translate(t, config)) tally.fast++;
      for (const [k, name] of FIELDS.entries()) Object.assign(t, { [name]: asked[k] });
      const show = Object.assign(new Translation(), t, { updates: Updates.Show });
      recorder.begin(0);
      remapper.translate(show, recorder);
      remapper.translate(t, null);
      const slow = answer(Object.assign(show, { updates: t.updates }));
      const quick = answer(t);
      tally.cases++;
      tally.ends.add(t.end);
      const field = FIELDS.find((_, k) => slow[k] !== quick[k]);
      if (field !== undefined)
        tally.different.push({ seed, round, i, asked, field, slow: show.reason, quick: t.reason });
    }
    const at = world.entries[next() % world.entries.length]!;
    const bit = next() % 64;
    memory.read64(0, at);
    const [hi, lo] = [memory.hi, memory.lo];
    memory.write64(0, at, bit < 32 ? hi : hi ^ (1 << (bit - 32)), bit < 32 ? lo ^ (1 << bit) : lo);
  }
}

describe("the fast walk of nested VT-d tables, VT-d §3.8", () => {
  it.each([1, 1001, 2001, 3001, 128383])("equals the walker in every field, 12 worlds from seed %i", (seed) => {
    const tally: Tally = { cases: 0, fast: 0, ends: new Set(), different: [] };
    for (let world = 0; world < 12; world++) compare(seed + world, tally);
    expect(tally.different).toEqual([]);
    expect(tally.fast).toBeGreaterThan(tally.cases / 16);
    expect(tally.cases - tally.fast).toBeGreaterThan(tally.cases / 16);
    expect([...tally.ends].sort()).toEqual([End.Ok, End.Fault]);
  });

  it("takes over once hardware has set the accessed and dirty bits", () => {
    const world = new NestedWorld();
    const guest = world.map(0x1234_5000);
    const config = new RequestConfig();
    const fast = new FastWalk(world.memory, { snoop: true, transientMapping: false, largePages: 3 });
    const t = world.request(0, 0x1234_5678, { write: true, updates: Updates.Make });
    t.begin();
    expect(world.remapper.resolve(t, null, config)).toBe(true);
    expect(fast.translate(t, config)).toBe(false);
    world.remapper.translate(t, null);
    expect(fast.translate(t, config)).toBe(true);
    expect(t.paLo).toBe(world.host(guest) + 0x678);
  });
});
