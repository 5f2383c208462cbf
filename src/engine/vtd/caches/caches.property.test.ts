/**
 * Laws of the caches: they change when things are read, never what a request comes to for software that invalidates as
 * it must.
 */
import { describe, expect, it } from "vitest";
import { Digest } from "../../../base/digest.ts";
import { xorshift32 } from "../../../base/rng.ts";
import { Updates } from "../../common/request.ts";
import { Remapper } from "../remapper.ts";
import { ALL, NestedWorld, PAGE, PASID } from "../testing/nested_world.ts";
import { VtdTraceRecorder } from "../trace_recorder.ts";
import { Translation } from "../translation.ts";
import { CACHE_NAMES, type CacheOptions, EVERY_CACHE } from "./options.ts";
import { VtdCaches } from "./vtd_caches.ts";

const SEEDS = [1, 2, 3, 5, 8, 13, 8128, 65537, 99991, 524287];
const DID = 7;
const BASE = 0x1234_4000_0000;

type Answer = Record<string, number | boolean>;

const answerOf = (t: Translation): Answer => {
  const { end, reason, record, paHi, paLo, permissions, sizeLg2First, sizeLg2Second, did, usedPasid } = t;
  const ended = { end, reason, record };
  return end === 0 ? { ...ended, paHi, paLo, permissions, sizeLg2First, sizeLg2Second, did, usedPasid } : ended;
};

/** Some caches, small ones, so that entries have to go. */
function someCaches(next: () => number): CacheOptions {
  if (next() % 4 === 0) return EVERY_CACHE;
  const geometry = (): CacheOptions["iotlb"] => {
    const ways = 1 << (next() % 3);
    return next() % 5 === 0 ? null : { entries: ways << (next() % 4), ways, lru: next() % 3 === 0 };
  };
  return Object.fromEntries(CACHE_NAMES.map((name) => [name, geometry()])) as unknown as CacheOptions;
}

/** A world with pages mapped by both stages, and a remapper with caches beside the world's own. */
class Pair {
  readonly next: () => number;
  readonly world = new NestedWorld();
  readonly caches: VtdCaches;
  readonly cached: Remapper;
  readonly pages: number[];
  readonly guests: number[];
  readonly #t = new Translation();

  constructor(seed: number) {
    this.next = xorshift32(seed);
    const { world } = this;
    this.caches = new VtdCaches(someCaches(this.next));
    this.cached = new Remapper(world.memory, world.state, world.caps, this.caches);
    this.pages = Array.from({ length: 10 }, () => BASE + (this.next() % 1200) * PAGE);
    this.guests = this.pages.map((va) => world.map(va, this.#rights()));
  }

  /** A random request, made by both. @returns both answers */
  request(): [plain: Answer, cached: Answer] {
    const { next } = this;
    const va = this.pages[next() % this.pages.length]! + (next() % 12 === 0 ? PAGE : 0) + (next() % PAGE);
    const fields = {
      write: next() % 2 === 0,
      privileged: next() % 3 === 0,
      execute: next() % 6 === 0,
      hasPasid: next() % 4 !== 0,
      updates: next() % 4 === 0 ? Updates.Show : Updates.Make,
    };
    const plain = answerOf(this.world.translate(va, fields));
    const t = Object.assign(this.#t, this.world.request(Math.floor(va / 2 ** 32), va % 2 ** 32, fields));
    this.cached.translate(t, null);
    return [plain, answerOf(t)];
  }

  /** Software changes something, and invalidates what it must. */
  change(): void {
    const { next, world, caches, pages, guests } = this;
    const i = next() % pages.length;
    const range = (at: number) => ({ hi: Math.floor(at / 2 ** 32), lo: at | 0, maskLg2: next() % 3, leafOnly: true });
    switch (next() % 4) {
      case 0:
        guests[i] = world.map(pages[i]!, this.#rights());
        // The pages of the new table are new to the second stage, and leaves of the first may be in a new table.
        caches.iotlbPasidPages(DID, PASID, { ...range(pages[i]!), leafOnly: false });
        break;
      case 1:
        world.second.map(guests[i]!, world.page(), PAGE, { ...ALL, write: next() % 3 !== 0 });
        caches.iotlbPages(DID, range(guests[i]!));
        break;
      case 2:
        world.entry({ WPE: next() % 2, SRE: next() % 2, NXE: next() % 2, ERE: next() % 2, EAFE: next() % 2 });
        caches.pasid(DID, PASID);
        caches.iotlbPasid(DID, PASID);
        break;
      default:
        this.#invalidateSome();
    }
  }

  /** More than has to go may go at any time. */
  #invalidateSome(): void {
    const { caches, next } = this;
    const all = [
      () => caches.contextAll(),
      () => caches.contextDevice(0, next() & 0xffff, 0xff00),
      () => caches.pasidDomain(DID),
      () => caches.iotlbDomain(DID),
      () => caches.iotlbAll(),
    ];
    all[next() % all.length]!();
  }

  #rights() {
    const { next } = this;
    return { ...ALL, write: next() % 3 !== 0, user: next() % 4 !== 0, execute: next() % 2 === 0 };
  }
}

const digestOf = (caches: VtdCaches): string => {
  const digest = new Digest();
  caches.digest(digest);
  return digest.hex();
};

describe("caches of a VT-d unit, VT-d §6.5", () => {
  it.each(SEEDS)("are not seen by software that invalidates as it must, seed %i", (seed) => {
    const pair = new Pair(seed);
    for (let round = 0; round < 120; round++) {
      for (let i = 0; i < 6; i++) {
        const [plain, cached] = pair.request();
        expect({ round, i, ...cached }).toEqual({ round, i, ...plain });
      }
      pair.change();
    }
  });

  it.each(SEEDS)("learn nothing from a look, with a trace or without, seed %i", (seed) => {
    const pair = new Pair(seed);
    for (let i = 0; i < 40; i++) pair.request();
    const before = digestOf(pair.caches);
    const recorder = new VtdTraceRecorder();
    for (const va of pair.pages) {
      const t = pair.world.request(Math.floor(va / 2 ** 32), va % 2 ** 32, { updates: Updates.Show });
      pair.cached.translate(t, null);
      const quiet = answerOf(t);
      recorder.begin(0);
      pair.cached.translate(t, recorder);
      expect(answerOf(t)).toEqual(quiet);
    }
    expect(digestOf(pair.caches)).toBe(before);
  });

  it.each(SEEDS)("go the same way again from a saved state, seed %i", (seed) => {
    const pair = new Pair(seed);
    const { memory } = pair.world;
    for (let i = 0; i < 40; i++) pair.request();
    const [image, pages] = [pair.caches.snapshot(), memory.snapshot()];
    const run = (): unknown => {
      const again = xorshift32(seed + 1);
      const answers = Array.from({ length: 200 }, () => {
        if (again() % 8 === 0) pair.caches.iotlbPages(DID, { hi: 0x12, lo: again() | 0, maskLg2: 9, leafOnly: false });
        const fields = { write: again() % 2 === 0, privileged: again() % 3 === 0, updates: Updates.Make };
        const va = pair.pages[again() % pair.pages.length]!;
        const t = pair.world.request(Math.floor(va / 2 ** 32), va % 2 ** 32, fields);
        // Nothing is invalidated for this: what is stale has to come back too.
        if (again() % 6 === 0) memory.write64(0, pair.world.entries[again() % pair.world.entries.length]!, 0, again());
        pair.cached.translate(t, null);
        return answerOf(t);
      });
      return [answers, digestOf(pair.caches)];
    };
    const first = run();
    pair.caches.restore(image);
    memory.restore(pages);
    expect(run()).toEqual(first);
  });

  it.each(SEEDS)("lose more to an invalidation that names more, seed %i", (seed) => {
    const left = (drop: (caches: VtdCaches, at: number) => void): string[] => {
      const pair = new Pair(seed);
      for (let i = 0; i < 60; i++) pair.request();
      drop(pair.caches, pair.pages[0]!);
      return CACHE_NAMES.flatMap((name) => {
        const table = pair.caches.table(name);
        if (table === null) return [];
        return Array.from({ length: table.entries }, (_, e) => e).flatMap((e) =>
          table.isValid(e) ? `${name} ${e}` : [],
        );
      });
    };
    const range = (at: number, maskLg2: number, leafOnly: boolean) => ({
      hi: Math.floor(at / 2 ** 32),
      lo: at | 0,
      maskLg2,
      leafOnly,
    });
    const chain = [
      left((c, at) => c.iotlbPasidPages(DID, PASID, range(at, 0, true))),
      left((c, at) => c.iotlbPasidPages(DID, PASID, range(at, 0, false))),
      left((c, at) => c.iotlbPasidPages(DID, PASID, range(at, 9, false))),
      left((c) => c.iotlbPasid(DID, PASID)),
      left((c) => c.iotlbDomain(DID)),
      left((c) => c.iotlbAll()),
    ];
    for (const [i, fewer] of chain.slice(1).entries()) {
      expect(fewer.filter((entry) => !chain[i]!.includes(entry))).toEqual([]);
    }
  });
});
