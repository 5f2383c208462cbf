import { describe, expect, it } from "vitest";
import { xorshift32 } from "../../base/rng.ts";
import { End, Updates } from "../common/request.ts";
import { DeviceConfig } from "./device_config.ts";
import { FastWalk, qualifies } from "./fast_walk.ts";
import { ALL, BuiltWorld, output, PAGE } from "./testing/built_world.ts";
import { AmdTraceRecorder } from "./trace_recorder.ts";
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
function randomWorld(next: () => number): { world: BuiltWorld; pages: number[] } {
  const one = (n: number): boolean => next() % n === 0;
  const guestLevels = one(3) ? 5 : 4;
  const world = new BuiltWorld({
    mode: ([3, 4, 4, 5] as const)[next() % 4]!,
    guestLevels,
    glx: (next() % 3) as 0 | 1 | 2,
    entry: { HAD: ([0, 0, 1, 3] as const)[next() % 4]! },
    caps: { nxSup: !one(4), usSup: !one(4) },
  });
  world.controls.gaUpdateDis = one(4);
  world.controls.gdUpdateDis = one(4);
  const base = Math.floor((next() / 2 ** 32) * 2 ** (9 * guestLevels - 2)) * PAGE;
  const pages = Array.from({ length: 12 }, () => base + (next() % 2048) * PAGE);
  for (const va of pages) {
    const rights = { ...ALL, write: !one(4), user: !one(6), execute: !one(2) };
    world.map(va, rights, world.guestPage(one(6) ? { ...ALL, write: false } : ALL));
  }
  return { world, pages };
}

function compare(seed: number, tally: Tally): void {
  const next = xorshift32(seed);
  const { world, pages } = randomWorld(next);
  const { memory, translator } = world;
  const fast = new FastWalk(memory, translator.caps);
  const recorder = new AmdTraceRecorder();
  for (const va of pages) {
    for (const write of [false, true]) world.translate(va, { write, privileged: true, updates: Updates.Make });
  }
  for (let round = 0; round < 8; round++) {
    for (let i = 0; i < 24; i++) {
      const va = pages[next() % pages.length]! + (next() % 16 === 0 ? PAGE : 0) + (next() % PAGE);
      const asked: Partial<Translation> = {
        write: next() % 2 === 0,
        privileged: next() % 3 === 0,
        instruction: next() % 8 === 0,
        updates: Updates.Show,
      };
      const hi = Math.floor(va / 2 ** 32) | (next() % 8 === 0 ? 1 << 25 : 0);
      const t = world.request(hi, va % 2 ** 32, asked);
      const config = new DeviceConfig();
      t.begin();
      if (translator.resolve(t, null, config) && qualifies(config) && fast.translate(t, config)) tally.fast++;
      const [slow, quick] = [world.request(hi, va % 2 ** 32, asked), world.request(hi, va % 2 ** 32, asked)];
      recorder.begin(0);
      translator.translate(slow, recorder);
      translator.translate(quick, null);
      tally.cases++;
      tally.ends.add(slow.end);
      const [a, b] = [answer(slow), answer(quick)];
      const field = FIELDS.find((name, k) => name !== "pending" && a[k] !== b[k]);
      if (field !== undefined) tally.different.push({ seed, round, i, asked, field, reason: slow.reason });
    }
    const at = world.entries[next() % world.entries.length]!;
    const bit = next() % 64;
    memory.read64(0, at);
    const [hi, lo] = [memory.hi, memory.lo];
    memory.write64(0, at, bit < 32 ? hi : hi ^ (1 << (bit - 32)), bit < 32 ? lo ^ (1 << bit) : lo);
  }
}

describe("the fast walk of guest tables over host tables, 48882 §2.2.7", () => {
  it.each([1, 1001, 2001, 3001, 128383])("equals the walker in every field, 12 worlds from seed %i", (seed) => {
    const tally: Tally = { cases: 0, fast: 0, ends: new Set(), different: [] };
    for (let world = 0; world < 12; world++) compare(seed + world, tally);
    expect(tally.different).toEqual([]);
    expect(tally.fast).toBeGreaterThan(tally.cases / 16);
    expect(tally.cases - tally.fast).toBeGreaterThan(tally.cases / 16);
    expect([...tally.ends].sort()).toEqual([End.Ok, End.Fault]);
  });

  it("takes over once the Accessed and Dirty bits are set", () => {
    const world = new BuiltWorld({ entry: { HAD: 3 } });
    const gpa = world.map(0x1234_5000);
    const config = new DeviceConfig();
    const fast = new FastWalk(world.memory, world.translator.caps);
    const t = world.request(0, 0x1234_5678, { write: true, updates: Updates.Make });
    t.begin();
    expect(world.translator.resolve(t, null, config)).toBe(true);
    expect(fast.translate(t, config)).toBe(false);
    world.translator.translate(t, null);
    expect(fast.translate(t, config)).toBe(true);
    expect(output(t)).toBe(world.placed(gpa) + 0x678);
  });

  it("follows a pointer from no other level than the one its entry speaks of", () => {
    const world = new BuiltWorld();
    const gpa = world.map(0x1234_5000);
    const read = () => output(world.translate(0x1234_5000, { updates: Updates.Make }));
    expect([read(), read()]).toEqual([world.placed(gpa), world.placed(gpa)]);
    // The root's entry leads to a table of level 2 in place of one of level 3: a level is skipped.
    const at = world.host!.root + 8 * Math.floor(gpa / 2 ** 39);
    world.memory.read64(0, at);
    world.memory.write64(0, at, world.memory.hi, (world.memory.lo & ~0xe00) | (2 << 9));
    expect(world.translate(0x1234_5000).end).toBe(End.Fault);
  });
});
