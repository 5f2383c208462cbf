import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CacheOptions, EVERY_CACHE, NO_CACHE_OPTIONS } from "./caches/options.ts";
import { TlbiOp, TlbiScope } from "./maintenance.ts";
import { type AtsAsk, AtsWorld, IPA, PA, VA } from "./testing/ats_world.ts";
import { OPEN } from "./testing/nested_world.ts";

const ONLY_TLB: CacheOptions = { ...NO_CACHE_OPTIONS, tlb: EVERY_CACHE.tlb };
const ONLY_STAGES: CacheOptions = { ...EVERY_CACHE, tlb: null };

function invalidate(world: AtsWorld): void {
  const op = new TlbiOp();
  op.scope = TlbiScope.NSNH_ALL;
  [op.firstHi, op.firstLo, op.lastHi, op.lastLo] = [0, 0, -1, -1];
  world.smmu.caches?.tlbi(op);
  world.smmu.caches?.cfgiAll();
}

describe.each([
  ["every cache", EVERY_CACHE],
  ["a TLB alone", ONLY_TLB],
  ["everything but the TLB", ONLY_STAGES],
])("Translation Requests with %s", (_name, caches) => {
  it("are answered from what is cached until it is invalidated, IHI 0070 §3.9.1", () => {
    const world = new AtsWorld({}, { caches });
    expect(world.ask()).toMatchObject({ pa: PA });
    world.stage1.map(VA, 0, IPA + 0x1000, OPEN[1]);
    world.stage2.map(IPA + 0x1000, 0, PA + 0x1000, OPEN[2]);
    expect(world.ask()).toMatchObject({ pa: PA });
    invalidate(world);
    expect(world.ask()).toMatchObject({ pa: PA + 0x1000 });
  });

  it("mark a page dirty that was cached as writable-clean, and then grant writing", () => {
    const leaf1 = { AF: 1, AP: 3, DBM: 1 };
    const leaf2 = { AF: 1, S2AP: 1, MemAttr: 15, DBM: 1 };
    const world = new AtsWorld({ S2HA: 1, S2HD: 1 }, { caches, cd: { HA: 1, HD: 1 }, leaf1, leaf2 });
    expect(world.ask()).toMatchObject({ granted: "r" });
    expect(world.ask()).toMatchObject({ granted: "r" });
    expect(world.ask({ write: true })).toMatchObject({ granted: "rw" });
    expect(world.guest.read(world.stage1.place(VA, 0))[0] & 0x80).toBe(0);
    expect(world.stage2.store.read(world.stage2.place(IPA, 0))[0] & 0x80).toBe(0x80);
  });

  it("find stale permissions too narrow and look again", () => {
    const world = new AtsWorld({}, { caches, leaf2: { ...OPEN[2], S2AP: 1 } });
    expect(world.ask({ write: true })).toMatchObject({ granted: "r" });
    world.stage2.map(IPA, 0, PA, OPEN[2]);
    expect(world.ask({ write: true })).toMatchObject({ granted: "rw" });
  });

  it("are answered as without caches, whatever was asked before (seed 8128)", () => {
    const ask = fc.record({
      page: fc.nat(5),
      ssid: fc.constantFrom(null, 1),
      write: fc.boolean(),
      execute: fc.boolean(),
      privileged: fc.boolean(),
    });
    const leaf = fc.record({
      AP: fc.nat(3),
      DBM: fc.nat(1),
      AF: fc.nat(1),
      UXN: fc.nat(1),
      S2AP: fc.nat(3),
      XN: fc.nat(3),
    });
    const settings = fc.record({
      EATS: fc.constantFrom(1, 2),
      S1DSS: fc.constantFrom(1, 2),
      INSTCFG: fc.nat(3),
      PRIVCFG: fc.nat(3),
      HA: fc.nat(1),
      HD: fc.nat(1),
      S2HA: fc.nat(1),
    });
    const property = fc.property(
      settings,
      fc.array(leaf, { minLength: 6, maxLength: 6 }),
      fc.array(ask, { maxLength: 24 }),
      ({ HA, HD, ...ste }, leaves, asks) => {
        const make = (options: CacheOptions): AtsWorld => {
          const cd = { HA, HD: HA & HD };
          const world = new AtsWorld({ ...ste, S2HD: ste.S2HA }, { caches: options, cd });
          for (const [i, { AP, DBM, AF, UXN, S2AP, XN }] of leaves.entries()) {
            world.stage1.map(VA + 0x1000 * i, 0, IPA + 0x1000 * i, { AP, DBM, AF, UXN });
            world.stage2.map(IPA + 0x1000 * i, 0, PA + 0x1000 * i, { S2AP, XN, AF, DBM, MemAttr: 15 });
          }
          return world;
        };
        const [cached, plain] = [make(caches), make(NO_CACHE_OPTIONS)];
        for (const { page, ssid, ...rest } of asks) {
          const request: AtsAsk = { va: (ste.S1DSS === 1 && ssid === null ? IPA : VA) + 0x1000 * page, ...rest };
          const full = ssid === null ? request : { ...request, ssid };
          expect(cached.ask(full)).toEqual(plain.ask(full));
        }
        const descriptors = (world: AtsWorld): unknown =>
          leaves.map((_, i) => [
            world.guest.read(world.stage1.place(VA + 0x1000 * i, 0)),
            world.stage2.store.read(world.stage2.place(IPA + 0x1000 * i, 0)),
          ]);
        expect(descriptors(cached)).toEqual(descriptors(plain));
      },
    );
    fc.assert(property, { seed: 8128, numRuns: 80 });
  });
});

describe("other messages with caches", () => {
  it("a transaction under Split-stage ATS uses the STE and the stage 2 that are cached", () => {
    const world = new AtsWorld({ EATS: 2 }, { caches: EVERY_CACHE });
    expect(world.ask()).toMatchObject({ pa: IPA });
    expect(world.translated({ va: IPA })).toBe(PA);
    world.stage2.map(IPA, 0, PA + 0x1000, OPEN[2]);
    expect(world.translated({ va: IPA })).toBe(PA);
    invalidate(world);
    expect(world.translated({ va: IPA })).toBe(PA + 0x1000);
  });

  it("an STE that lets a stream use ATS does so until CMD_CFGI_STE", () => {
    const world = new AtsWorld({}, { caches: EVERY_CACHE });
    world.ask();
    world.ste(1, { V: 0 });
    expect(world.ask()).toMatchObject({ pa: PA });
    world.smmu.caches!.cfgiSte(1, true);
    expect(world.ask()).toBe("CA");
  });
});
