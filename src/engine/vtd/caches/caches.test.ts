import { describe, expect, it } from "vitest";
import { CachedWorld } from "../testing/cached_world.ts";
import { EVERY_CACHE } from "./options.ts";

const SID = 0x18;
const PASID = 5;
const PAGE = 0x40_0000;

describe("caches of a VT-d unit, VT-d §6.2", () => {
  it("serve what was read until the invalidation that names it", () => {
    const w = new CachedWorld(EVERY_CACHE);
    expect(w.dma(SID, PASID, PAGE)).toBe("a1000");
    w.remap(PAGE, 0xb1000);
    expect(w.dma(SID, PASID, PAGE)).toBe("a1000");
    w.caches.iotlbPasidPages(w.did, PASID, { hi: 0, lo: PAGE + 0x1000, maskLg2: 0, leafOnly: true });
    w.caches.iotlbPasid(w.did, PASID + 1);
    w.caches.iotlbPasid(w.did + 1, PASID);
    w.caches.iotlbDomain(w.did + 1);
    expect(w.dma(SID, PASID, PAGE)).toBe("a1000");
    w.caches.iotlbPasidPages(w.did, PASID, { hi: 0, lo: PAGE, maskLg2: 0, leafOnly: true });
    expect(w.dma(SID, PASID, PAGE)).toBe("b1000");
  });

  it.each([
    ["PASID", (w: CachedWorld) => w.caches.iotlbPasid(w.did, PASID)],
    ["domain", (w: CachedWorld) => w.caches.iotlbDomain(w.did)],
    ["page in domain, which nested entries do not know of", (w: CachedWorld) => w.dropAnyPage()],
    ["global", (w: CachedWorld) => w.caches.iotlbAll()],
  ])("let go of a translation by %s", (_, drop) => {
    const w = new CachedWorld(EVERY_CACHE);
    w.dma(SID, PASID, PAGE);
    w.remap(PAGE, 0xb1000);
    drop(w);
    expect(w.dma(SID, PASID, PAGE)).toBe("b1000");
  });

  it("keep a PASID entry until the PASID cache is invalidated, whatever becomes of context entries", () => {
    const w = new CachedWorld({ ...EVERY_CACHE, iotlb: null });
    w.dma(SID, PASID, PAGE);
    w.clearPasidEntry();
    w.caches.contextAll();
    expect(w.dma(SID, PASID, PAGE)).toBe("a1000");
    w.caches.pasid(w.did, PASID + 1);
    expect(w.dma(SID, PASID, PAGE)).toBe("a1000");
    w.caches.pasid(w.did, PASID);
    expect(w.dma(SID, PASID, PAGE)).toBe("SPT_2");
  });

  it("keep a context entry until the context cache is invalidated for its requester", () => {
    const w = new CachedWorld({ ...EVERY_CACHE, iotlb: null });
    w.dma(SID, PASID, PAGE);
    w.clearContextEntry();
    w.caches.contextDevice(0, SID ^ 8, 0xffff);
    expect(w.dma(SID, PASID, PAGE)).toBe("a1000");
    w.caches.contextDevice(0, SID | 1, 0xfffe);
    expect(w.dma(SID, PASID, PAGE)).toBe("SCT_2");
  });

  it("walk again for a right that an entry does not give, and set the dirty flag", () => {
    const w = new CachedWorld(EVERY_CACHE);
    w.dma(SID, PASID, PAGE);
    expect(w.isDirty(PAGE)).toBe(false);
    w.dma(SID, PASID, PAGE, true);
    expect(w.isDirty(PAGE)).toBe(true);
  });

  it("begin walks at cached tables, and at the root where that goes wrong", () => {
    const w = new CachedWorld({ ...EVERY_CACHE, iotlb: null });
    w.dma(SID, PASID, PAGE);
    const before = w.caches.firstWalk!.pages.table.counts[0]!;
    w.dma(SID, PASID, PAGE);
    expect(w.caches.firstWalk!.pages.table.counts[0]).toBe(before + 1);
    w.remap(PAGE, null);
    expect(w.dma(SID, PASID, PAGE)).toBe("SFS_2");
  });

  it("do not cache what is not present, but in caching mode", () => {
    for (const cachingMode of [false, true]) {
      const w = new CachedWorld(EVERY_CACHE, cachingMode);
      w.remap(PAGE, null);
      expect(w.dma(SID, PASID, PAGE)).toBe("SFS_2");
      w.remap(PAGE, 0xb1000);
      expect(w.dma(SID, PASID, PAGE)).toBe(cachingMode ? "SFS_2" : "b1000");
      w.caches.iotlbPasid(w.did, PASID);
      expect(w.dma(SID, PASID, PAGE)).toBe("b1000");
    }
  });

  it("learn nothing from somebody who only looks", () => {
    const w = new CachedWorld(EVERY_CACHE);
    w.look(SID, PASID, PAGE);
    for (const name of ["context", "pasid", "iotlb", "firstWalk", "secondWalk"] as const) {
      expect([name, w.caches.table(name)!.occupied]).toEqual([name, 0]);
    }
  });

  it("go back to a saved state", () => {
    const w = new CachedWorld(EVERY_CACHE);
    const empty = w.caches.snapshot();
    w.dma(SID, PASID, PAGE);
    const filled = w.caches.snapshot();
    w.remap(PAGE, 0xb1000);
    w.caches.restore(empty);
    expect(w.dma(SID, PASID, PAGE)).toBe("b1000");
    w.caches.restore(filled);
    expect(w.dma(SID, PASID, PAGE)).toBe("a1000");
  });

  it("keep interrupt entries by index", () => {
    const { caches } = new CachedWorld(EVERY_CACHE);
    const into = new Int32Array(4);
    caches.keepInterrupt(5, Int32Array.of(1, 2, 3, 4));
    caches.interrupts(8, 2);
    expect(caches.recallInterrupt(5, into)).toBe(true);
    expect([...into]).toEqual([1, 2, 3, 4]);
    caches.interrupts(4, 2);
    expect(caches.recallInterrupt(5, into)).toBe(false);
  });
});
