import { describe, expect, it } from "vitest";
import { Digest } from "../../base/digest.ts";
import { xorshift32 } from "../../base/rng.ts";
import { CacheCount, HOT_WORDS, TaggedCache, VALID } from "./tagged_cache.ts";

const small = (ways: number, lru = false): TaggedCache => new TaggedCache({ entries: 8, ways, lru }, 2);

function digestOf(cache: TaggedCache): string {
  const digest = new Digest();
  cache.digest(digest);
  return digest.hex();
}

describe("TaggedCache", () => {
  it("wants sizes that are powers of two, and no more ways than entries", () => {
    expect(() => new TaggedCache({ entries: 12, ways: 4 }, 0)).toThrow(/powers of two/);
    expect(() => new TaggedCache({ entries: 4, ways: 8 }, 0)).toThrow(/ways <= entries/);
    expect(() => new TaggedCache({ entries: 1, ways: 1 }, 0)).not.toThrow();
  });

  it("finds what was filled by its whole key, and nothing else", () => {
    const cache = small(4);
    const entry = cache.fill(3, -5, 7, 9);
    cache.hot[entry * HOT_WORDS + 3] = 77;
    expect(cache.find(3, -5, 7, 9)).toBe(entry);
    expect(cache.hot[entry * HOT_WORDS + 3]).toBe(77);
    for (const key of [
      [-6, 7, 9],
      [-5, 6, 9],
      [-5, 7, 8],
    ]) {
      expect(cache.find(3, key[0]!, key[1]!, key[2]!)).toBe(-1);
    }
    // The other set.
    expect(cache.find(2, -5, 7, 9)).toBe(-1);
  });

  it("fills the entry of a key anew where there is one", () => {
    const cache = small(2);
    const first = cache.fill(0, 1, 2, 3);
    cache.fill(0, 4, 5, 6);
    expect(cache.fill(0, 1, 2, 3)).toBe(first);
    expect(cache.occupied).toBe(2);
    expect(cache.counts[CacheCount.Evictions]).toBe(0);
  });

  it.each([1, 2, 4, 8])("keeps as many keys of one set as there are ways, %i, and replaces the oldest", (ways) => {
    const cache = small(ways);
    for (let key = 0; key <= ways; key++) cache.fill(5, key, 0, 0);
    expect(cache.find(5, 0, 0, 0)).toBe(-1);
    for (let key = 1; key <= ways; key++) expect(cache.find(5, key, 0, 0)).not.toBe(-1);
    expect(cache.counts[CacheCount.Evictions]).toBe(1);
  });

  it("replaces the least recently used instead where asked to, and only then writes on a hit", () => {
    for (const lru of [false, true]) {
      const cache = small(2, lru);
      cache.fill(0, 1, 0, 0);
      cache.fill(0, 2, 0, 0);
      const before = digestOf(cache);
      cache.used(cache.find(0, 1, 0, 0));
      expect(digestOf(cache) === before).toBe(!lru);
      cache.fill(0, 3, 0, 0);
      expect(cache.find(0, lru ? 1 : 2, 0, 0)).not.toBe(-1);
      expect(cache.find(0, lru ? 2 : 1, 0, 0)).toBe(-1);
    }
  });

  it("drops by entry, by predicate and by key, and counts", () => {
    const cache = small(4);
    const entries = [1, 2, 3].map((key) => cache.fill(0, key, key === 3 ? 0x11 : 0x10, 9));
    cache.drop(entries[0]!);
    expect(cache.find(0, 1, 0x10, 9)).toBe(-1);
    cache.dropKey(0, 2, 0x10, 0xf0, 8);
    expect(cache.find(0, 2, 0x10, 9)).toBe(entries[1]);
    cache.dropKey(0, 2, 0x10, 0xf0, 9);
    expect(cache.find(0, 2, 0x10, 9)).toBe(-1);
    // As far as the mask says, 0x11 is 0x10.
    cache.dropKey(0, 3, 0x10, 0xf0, 9);
    expect(cache.occupied).toBe(0);
    expect(cache.counts[CacheCount.Drops]).toBe(3);
    const last = cache.fill(0, 3, 0x11, 9);
    expect(cache.dropWhere((entry) => cache.hot[entry * HOT_WORDS] === 3)).toBe(1);
    expect(cache.isValid(last)).toBe(false);
  });

  it.each([1, 2, 4, 8])("drops every entry of a set that has a key, of %i ways", (ways) => {
    const cache = small(ways);
    for (let way = 0; way < ways; way++) cache.fill(6, 1, way, 0);
    cache.fill(7, 1, 0, 0);
    cache.dropKey(6, 1, 0, 0, 0);
    expect(cache.occupied).toBe(ways === 8 ? 0 : 1);
  });

  it("knows that it is empty only after everything was dropped at once", () => {
    const cache = small(4);
    expect(cache.isEmpty).toBe(true);
    const entry = cache.fill(0, 1, 1, 1);
    cache.drop(entry);
    expect(cache.isEmpty).toBe(false);
    expect(cache.dropAll()).toBe(0);
    expect(cache.isEmpty).toBe(true);
  });

  it("says how old an entry is in fills", () => {
    const cache = small(4);
    const entry = cache.fill(0, 1, 0, 0);
    for (let key = 2; key < 6; key++) cache.fill(1, key, 0, 0);
    expect(cache.age(entry)).toBe(4);
  });

  it.each([1, 8191, 131071])(
    "goes back and forth between images exactly, sharing what did not change, seed %i",
    (seed) => {
      const next = xorshift32(seed);
      const cache = new TaggedCache({ entries: 64, ways: 4, lru: seed === 8191 }, 3);
      const change = (): void => {
        const key = next() % 90;
        const entry = cache.fill(key, key, key & 7, 1);
        cache.cold[entry * 3] = next() | 0;
        cache.touch(entry);
        if (next() % 3 === 0) cache.drop(next() % 64);
        if (next() % 20 === 0) cache.dropAll();
        const hit = cache.find(7, 7, 7, 1);
        if (hit >= 0) cache.used(hit);
      };
      const images = [];
      for (let i = 0; i < 30; i++) {
        for (let n = next() % 9; n > 0; n--) change();
        images.push({ image: cache.snapshot(), digest: digestOf(cache) });
      }
      for (let i = 0; i < 60; i++) {
        const { image, digest } = images[next() % images.length]!;
        if (i % 3 === 0) change();
        cache.restore(image);
        expect(digestOf(cache)).toBe(digest);
        // What is filled from here goes to the same places as the first time: order is part of the state.
        const again = cache.fill(1000 + i, 1, 1, 1);
        cache.restore(image);
        expect(cache.fill(1000 + i, 1, 1, 1)).toBe(again);
        cache.restore(image);
      }
      const one = cache.snapshot();
      expect(cache.snapshot().chunks).toBe(one.chunks);
      cache.fill(0, 5000, 0, 0);
      const two = cache.snapshot();
      expect(two.chunks.filter((chunk, c) => chunk !== one.chunks[c])).toHaveLength(1);
    },
  );

  it("keeps bit 31 of key word 1 for itself", () => {
    const cache = small(1);
    const entry = cache.fill(0, 0, 0, 0);
    expect(cache.hot[entry * HOT_WORDS + 1]).toBe(VALID);
    expect(cache.isValid(entry)).toBe(true);
  });
});
