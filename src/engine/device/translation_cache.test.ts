import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { high, low } from "../../base/halves.ts";
import { Grant, TranslationCompletion, TranslationRequest } from "./ats_port.ts";
import { AddressTranslationCache } from "./translation_cache.ts";

interface Entry {
  readonly ssid: number | null;
  readonly privileged: boolean;
  readonly at: bigint;
  readonly to: bigint;
  readonly sizeLg2: number;
  readonly granted: number;
}

function insert(cache: AddressTranslationCache, e: Entry): void {
  const request = new TranslationRequest();
  const completion = new TranslationCompletion();
  Object.assign(request, { ssv: e.ssid !== null, ssid: e.ssid ?? 0, hi: high(e.at), lo: low(e.at) });
  Object.assign(completion, {
    granted: e.granted,
    privileged: e.privileged,
    hi: high(e.to),
    lo: low(e.to),
    sizeLg2: e.sizeLg2,
  });
  cache.insert(request, completion);
}

function find(cache: AddressTranslationCache, ssid: number | null, privileged: boolean, at: bigint): bigint | null {
  const granted = cache.find(ssid !== null, ssid ?? 0, privileged, high(at), low(at));
  return granted < 0 ? null : (BigInt(cache.outHi) << 32n) | BigInt(cache.outLo);
}

const page = (changes: Partial<Entry>): Entry => ({
  ssid: null,
  privileged: false,
  at: 0x1_2345_6000n,
  to: 0x8000_0000_4000n,
  sizeLg2: 12,
  granted: Grant.Read,
  ...changes,
});

describe("AddressTranslationCache", () => {
  it("answers for the whole range of a completion and for nothing beside it", () => {
    const cache = new AddressTranslationCache(4);
    insert(cache, page({ at: 0xffff_8000_0020_3000n, to: 0x7f_0060_3000n, sizeLg2: 21 }));
    expect(find(cache, null, false, 0xffff_8000_0020_0000n)).toBe(0x7f_0060_0000n);
    expect(find(cache, null, false, 0xffff_8000_003f_ffffn)).toBe(0x7f_007f_ffffn);
    expect(find(cache, null, false, 0xffff_8000_0040_0000n)).toBeNull();
    expect(find(cache, null, false, 0x0000_8000_0020_0000n)).toBeNull();
  });

  it("keeps PASIDs, no PASID, and privilege apart", () => {
    const cache = new AddressTranslationCache(8);
    insert(cache, page({ ssid: 0, to: 0x1000n }));
    insert(cache, page({ ssid: null, to: 0x2000n }));
    insert(cache, page({ ssid: 0, privileged: true, to: 0x3000n }));
    expect(find(cache, 0, false, 0x1_2345_6000n)).toBe(0x1000n);
    expect(find(cache, null, false, 0x1_2345_6000n)).toBe(0x2000n);
    expect(find(cache, 0, true, 0x1_2345_6000n)).toBe(0x3000n);
    expect(find(cache, 1, false, 0x1_2345_6000n)).toBeNull();
  });

  it("replaces what a new completion overlaps, of any size", () => {
    const cache = new AddressTranslationCache(8);
    insert(cache, page({ at: 0x20_0000n, to: 0x40_0000n, sizeLg2: 21 }));
    insert(cache, page({ at: 0x20_5000n, to: 0x9000n }));
    expect(cache.entries()).toHaveLength(1);
    expect(find(cache, null, false, 0x20_0000n)).toBeNull();
    expect(find(cache, null, false, 0x20_5abcn)).toBe(0x9abcn);
  });

  it("lets the entry go that has had its turn longest when it is full", () => {
    const cache = new AddressTranslationCache(2);
    for (const n of [1n, 2n, 3n]) insert(cache, page({ at: n << 12n, to: n << 20n }));
    expect(find(cache, null, false, 0x1000n)).toBeNull();
    expect(find(cache, null, false, 0x2000n)).toBe(0x20_0000n);
    expect(find(cache, null, false, 0x3000n)).toBe(0x30_0000n);
  });

  it.each([
    ["no PASID: the range in every address space", false, 0, false, []],
    ["a PASID: only its own", true, 5, false, [null, 6]],
    ["a PASID with Global Invalidate: every PASID, not the entries without one", true, 5, true, [null]],
  ])("drops for an invalidation with %s", (_name, ssv, ssid, global, left) => {
    const cache = new AddressTranslationCache(8);
    for (const pasid of [null, 5, 6]) insert(cache, page({ ssid: pasid }));
    cache.invalidate(ssv, ssid, global, 0x1, 0x2345_0000, 16);
    expect(cache.entries().map((e) => e.ssid)).toEqual(left);
  });

  it("drops everything for a span of 2^64 bytes, and an entry that is larger than the span", () => {
    const cache = new AddressTranslationCache(8);
    insert(cache, page({ at: 0xffff_ffff_ffff_f000n }));
    insert(cache, page({ at: 0x40_0000n, to: 0x80_0000n, sizeLg2: 21 }));
    expect(cache.invalidate(false, 0, false, 0, 0x41_0000, 12)).toBe(1);
    expect(cache.invalidate(false, 0, false, 0, 0, 64)).toBe(1);
    expect(cache.entries()).toEqual([]);
  });

  it("is the same after a save and a restore", () => {
    const cache = new AddressTranslationCache(3);
    for (const n of [1n, 2n, 3n, 4n]) insert(cache, page({ ssid: Number(n), at: n << 33n, to: n << 40n, granted: 3 }));
    const copy = new AddressTranslationCache(3);
    copy.restore(cache.save());
    expect(copy.entries()).toEqual(cache.entries());
    insert(cache, page({ ssid: 9, at: 0x5000n }));
    insert(copy, page({ ssid: 9, at: 0x5000n }));
    expect(copy.save()).toEqual(cache.save());
  });

  it("never answers for an address that an invalidation named (seed 411)", () => {
    const entry = fc.record({
      ssid: fc.option(fc.integer({ min: 0, max: 3 })),
      privileged: fc.boolean(),
      at: fc.bigInt(0n, (1n << 16n) - 1n).map((n) => n << 12n),
      sizeLg2: fc.integer({ min: 12, max: 20 }),
    });
    const property = fc.property(fc.array(entry, { maxLength: 12 }), entry, fc.boolean(), (all, cut, global) => {
      const cache = new AddressTranslationCache(16);
      for (const e of all) insert(cache, page({ ...e, to: e.at }));
      const ssv = cut.ssid !== null;
      cache.invalidate(ssv, cut.ssid ?? 0, global, high(cut.at), low(cut.at), cut.sizeLg2);
      for (const e of all) {
        const inside = e.at >> BigInt(cut.sizeLg2) === cut.at >> BigInt(cut.sizeLg2);
        const named = !ssv || (global ? e.ssid !== null : e.ssid === cut.ssid);
        const got = find(cache, e.ssid, e.privileged, e.at);
        expect(got === null || got === e.at).toBe(true);
        if (inside && named) expect(got).toBeNull();
      }
    });
    fc.assert(property, { seed: 411, numRuns: 300 });
  });
});
