/**
 * Laws of the caches: they change when things are read, never what a translation means.
 */
import { describe, expect, it } from "vitest";
import { Digest } from "../../../base/digest.ts";
import { TRACE, TRACE_WORDS, TraceHit } from "../../../protocol/trace.ts";
import type { TraceRecorder } from "../../common/trace_recorder.ts";
import { TlbiOp, TlbiScope } from "../maintenance.ts";
import { Smmuv3 } from "../smmu.ts";
import { randomFlags } from "../testing/random_flags.ts";
import { randomNested } from "../testing/random_nested.ts";
import { chooser, noise, type RandomWorld, randomConfiguration } from "../testing/random_world.ts";
import type { Request, World } from "../testing/world.ts";
import { SmmuTraceRecorder } from "../trace_recorder.ts";
import { Translation, Updates } from "../translation.ts";
import { CACHE_NAMES, type CacheOptions, EVERY_CACHE, NO_CACHE_OPTIONS } from "./options.ts";
import type { SmmuCaches } from "./smmu_caches.ts";

const SEEDS = [1, 2, 3, 5, 8, 13, 8128, 65537, 99991, 524287, 1234567, 7654321];

/** Some caches, small ones, so that entries have to go. */
function someCaches(seed: number): CacheOptions {
  const { one, pick } = chooser(seed ^ 0x5bd1e995);
  const geometry = () => {
    const ways = pick([1, 2, 4, 8]);
    return one(5) === 1 ? null : { entries: ways * pick([1, 2, 16]), ways, lru: one(4) === 1 };
  };
  const all = Object.fromEntries(CACHE_NAMES.map((n) => [n, geometry()]));
  return seed % 3 === 0 ? EVERY_CACHE : ({ ...all, shareGlobal: one(2) === 1 } as never);
}

/** A translator beside a world's own: its caches, the world's memory and registers. */
class Beside {
  readonly smmu: Smmuv3;
  readonly t = new Translation();

  constructor(world: World, caches: CacheOptions) {
    this.smmu = new Smmuv3(world.memory, world.registers, caches);
  }

  get caches(): SmmuCaches {
    return this.smmu.caches!;
  }

  translate(world: World, r: Request, updates: Updates, trace: TraceRecorder | null = null): Translation {
    const { t } = this;
    const asked = world.request(r);
    for (const field of ["sid", "ssid", "ssv", "iovaHi", "iovaLo", "write", "privileged", "instruction"] as const) {
      Object.assign(t, { [field]: asked[field] });
    }
    t.updates = updates;
    this.smmu.translate(t, trace);
    this.smmu.details(t);
    return t;
  }

  digest(): string {
    const digest = new Digest();
    this.caches.digest(digest);
    return digest.hex();
  }
}

/** What a translation came to, for comparison. */
function outcome(t: Translation): Record<string, unknown> {
  const { end, reason } = t;
  if (end !== 0) {
    const { event, stage, class: kind, ipaHi, ipaLo, fetchHi, fetchLo, razwi, privileged, instruction, ttWrite } = t;
    return { end, reason, event, stage, kind, ipaHi, ipaLo, fetchHi, fetchLo, razwi, privileged, instruction, ttWrite };
  }
  const { paHi, paLo, permissions1, permissions2, sizeLg2Stage1, sizeLg2Stage2, bypass } = t;
  const { leaf1Hi, leaf1Lo, leaf2Hi, leaf2Lo } = t;
  const leaves = { leaf1Hi, leaf1Lo, leaf2Hi, leaf2Lo };
  const sizes = { sizeLg2Stage1, sizeLg2Stage2 };
  return { end, reason, paHi, paLo: paLo | 0, permissions1, permissions2, ...sizes, ...leaves, bypass };
}

/** A pool of requests, so that the same come again and again. */
function pool(made: RandomWorld, seed: number): () => Request {
  const { pick } = chooser(seed ^ 0x1234);
  const requests = Array.from({ length: 24 }, () => made.request());
  return () => pick(requests);
}

function flush(caches: SmmuCaches): void {
  const op = new TlbiOp();
  caches.cfgiAll();
  for (const scope of [TlbiScope.NSNH_ALL, TlbiScope.EL2_ALL]) {
    op.scope = scope;
    caches.tlbi(op);
  }
}

const occupied = (caches: SmmuCaches): number =>
  CACHE_NAMES.reduce((sum, name) => sum + (caches.table(name)?.occupied ?? 0), 0);

describe.each([
  ["nested 4 KiB tables", randomNested],
  ["tables of any format", randomConfiguration],
] as const)("caches over %s", (_name, make) => {
  it.each(SEEDS)("change no answer while memory stays as it is, seed %i", (seed) => {
    const made = make(seed);
    const next = pool(made, seed);
    const beside = new Beside(made.world, someCaches(seed));
    for (let i = 0; i < 400; i++) {
      const r = next();
      const expected = outcome(made.world.translate(r));
      const looks = i % 7 === 0;
      const got = beside.translate(made.world, r, looks ? Updates.Show : Updates.Make);
      expect(outcome(got), `request ${i} ${JSON.stringify(r)}`).toEqual(expected);
    }
  });

  it.each(SEEDS)("change no answer once everything was invalidated, whatever was edited before, seed %i", (seed) => {
    const made = make(seed);
    const next = pool(made, seed);
    const beside = new Beside(made.world, someCaches(seed));
    for (let round = 0; round < 12; round++) {
      for (let i = 0; i < 30; i++) beside.translate(made.world, next(), Updates.Make);
      made.damage();
      for (let i = 0; i < 10; i++) beside.translate(made.world, next(), Updates.Make);
      flush(beside.caches);
      expect(occupied(beside.caches)).toBe(0);
      for (let i = 0; i < 30; i++) {
        const r = next();
        const expected = outcome(made.world.translate(r));
        expect(outcome(beside.translate(made.world, r, Updates.Make))).toEqual(expected);
      }
    }
  });

  it.each(SEEDS.slice(0, 6))("answer and fill the same with a trace as without, seed %i", (seed) => {
    const made = make(seed);
    const options = someCaches(seed);
    const [plain, traced] = [new Beside(made.world, options), new Beside(made.world, options)];
    const next = pool(made, seed);
    const trace = new SmmuTraceRecorder();
    for (let i = 0; i < 200; i++) {
      if (i % 40 === 20) made.damage();
      const r = next();
      const expected = outcome(plain.translate(made.world, r, Updates.Make));
      trace.begin(0);
      expect(outcome(traced.translate(made.world, r, Updates.Make, trace)), `request ${i}`).toEqual(expected);
      expect(traced.digest(), `request ${i} ${JSON.stringify(r)}`).toBe(plain.digest());
    }
  });

  it.each(SEEDS.slice(0, 6))("are left as they are by somebody who looks, seed %i", (seed) => {
    const made = make(seed);
    const beside = new Beside(made.world, EVERY_CACHE);
    const next = pool(made, seed);
    const trace = new SmmuTraceRecorder();
    for (let i = 0; i < 60; i++) beside.translate(made.world, next(), Updates.Make);
    const before = beside.digest();
    const counts = CACHE_NAMES.map((name) => [...beside.caches.table(name)!.counts]);
    for (let i = 0; i < 60; i++) {
      const r = next();
      trace.begin(0);
      const first = outcome(beside.translate(made.world, r, Updates.Show, i % 2 === 0 ? trace : null));
      expect(outcome(beside.translate(made.world, r, Updates.Show))).toEqual(first);
    }
    expect(beside.digest()).toBe(before);
    expect(CACHE_NAMES.map((name) => [...beside.caches.table(name)!.counts])).toEqual(counts);
  });

  it.each(SEEDS.slice(0, 6))("come back from an image as they were, and go on the same way, seed %i", (seed) => {
    const made = make(seed);
    const beside = new Beside(made.world, someCaches(seed));
    const next = pool(made, seed);
    const requests = Array.from({ length: 120 }, next);
    for (const r of requests.slice(0, 40)) beside.translate(made.world, r, Updates.Make);
    const image = beside.caches.snapshot();
    const run = (): unknown[] =>
      requests.slice(40).map((r) => [outcome(beside.translate(made.world, r, Updates.Make)), beside.digest()]);
    const before = beside.digest();
    const first = run();
    beside.caches.restore(image);
    expect(beside.digest()).toBe(before);
    expect(run()).toEqual(first);
  });
});

describe("caches with hardware updates, IHI 0070 §3.13", () => {
  it.each(Array.from({ length: 24 }, (_, i) => 1 + 7919 * i))(
    "leave memory and answers as without them, seed %i",
    (seed) => {
      const [one, two] = [randomFlags(seed), randomFlags(seed)];
      const beside = new Beside(two.world, someCaches(seed));
      const { pick } = chooser(seed);
      one.world.t.updates = Updates.Make;
      for (let i = 0; i < 160; i++) {
        const r = pick(one.requests);
        const expected = one.world.translate(r);
        const got = beside.translate(two.world, r, Updates.Make);
        expect([got.end, got.reason, got.paHi, got.paLo | 0], `request ${i}`).toEqual(
          expected.end === 0
            ? [0, expected.reason, expected.paHi, expected.paLo | 0]
            : [expected.end, expected.reason, got.paHi, got.paLo | 0],
        );
        const [a, b] = [new Digest(), new Digest()];
        one.world.memory.digest(a);
        two.world.memory.digest(b);
        expect(b.hex(), `request ${i} ${JSON.stringify(r)}`).toBe(a.hex());
      }
    },
  );
});

describe("caches over noise", () => {
  it.each(SEEDS)("never throw, seed %i", (seed) => {
    const made = noise(seed);
    const beside = new Beside(made.world, someCaches(seed));
    const { next, one } = chooser(seed);
    const op = new TlbiOp();
    for (let i = 0; i < 400; i++) {
      const t = beside.translate(made.world, made.request(), one(5) === 1 ? Updates.Show : Updates.Make);
      expect(t.end).toBeLessThanOrEqual(3);
      if (one(10) === 1) made.damage();
      op.scope = (next() % 11) as TlbiScope;
      op.vmid = next() & 3;
      op.asid = next() & 3;
      op.leaf = one(2) === 1;
      if (one(10) === 1) beside.caches.tlbi(op);
      if (one(30) === 1) beside.caches.cfgiSteRange(next(), next() % 31);
    }
  });
});

describe("traces of caches", () => {
  it("mark what a cache stood in for, and count no access for it", () => {
    const made = randomNested(8128);
    const beside = new Beside(made.world, EVERY_CACHE);
    const trace = new SmmuTraceRecorder();
    const records = (r: Request): number[][] => {
      trace.begin(0);
      beside.translate(made.world, r, Updates.Show, trace);
      const words = trace.take();
      return Array.from({ length: words.length / TRACE_WORDS }, (_, i) =>
        [TRACE.f.hit, TRACE.f.access].map((f) => f.get(words, i * TRACE_WORDS)),
      );
    };
    let passing: Request | null = null;
    for (let i = 0; i < 100 && passing === null; i++) {
      const r = made.request();
      if (made.world.translate(r).end === 0) passing = r;
    }
    const cold = records(passing!);
    expect(cold.every(([hit]) => hit === TraceHit.None)).toBe(true);
    expect(cold.filter(([, access]) => access! > 0).length).toBeGreaterThan(10);
    beside.translate(made.world, passing!, Updates.Make);
    expect(records(passing!)).toEqual([
      [TraceHit.Config, 0],
      [TraceHit.Config, 0],
      [TraceHit.Tlb, 0],
    ]);

    // Without TLBs the walk caches and the pages of the tables are left.
    const walks = new Beside(made.world, { ...NO_CACHE_OPTIONS, walk1: EVERY_CACHE.walk1, walk2: EVERY_CACHE.walk2 });
    walks.translate(made.world, passing!, Updates.Make);
    trace.begin(0);
    walks.translate(made.world, passing!, Updates.Show, trace);
    const words = trace.take();
    const hits = Array.from({ length: words.length / TRACE_WORDS }, (_, i) => TRACE.f.hit.get(words, i * TRACE_WORDS));
    expect(hits.filter((hit) => hit === TraceHit.Walk).length).toBeGreaterThanOrEqual(2);
  });
});
