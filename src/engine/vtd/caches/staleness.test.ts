import { describe, expect, it } from "vitest";
import { CachedWorld } from "../testing/cached_world.ts";
import { ControlWorld } from "../testing/control_world.ts";
import { EVERY_CACHE } from "./options.ts";
import { type StaleEntry, staleEntries } from "./staleness.ts";

const SID = 0x18;
const PASID = 5;
const PAGE = 0x40_0000;

const list = (w: CachedWorld): StaleEntry[] => staleEntries(w.remapper, new ControlWorld().unit, w.memory);

const briefly = (stale: readonly StaleEntry[]): string[] =>
  stale.map(({ cache, what, missing }) => `${cache}: ${what}: ${missing.map((m) => m.command).join(" ")}`);

function filled(): CachedWorld {
  const w = new CachedWorld(EVERY_CACHE);
  w.dma(SID, PASID, PAGE, true);
  w.dma(SID, PASID, PAGE);
  return w;
}

describe("stale entries, VT-d §6.5", () => {
  it("are none while memory says what the caches say", () => {
    expect(list(filled())).toEqual([]);
  });

  it("are of a page that was mapped elsewhere, until it is invalidated", () => {
    const w = filled();
    w.remap(PAGE, 0xb1000);
    const [stale] = list(w);
    expect(briefly(list(w))).toEqual(["iotlb: page tables: p_iotlb_inv_dsc"]);
    expect(stale!.missing[0]).toMatchObject({ did: w.did, pasid: PASID, addressLo: PAGE, sizeLg2: 12, leafOnly: true });
    w.caches.iotlbPasidPages(w.did, PASID, { hi: 0, lo: PAGE, maskLg2: 0, leafOnly: true });
    expect(list(w)).toEqual([]);
  });

  it("are of a PASID table entry that is gone, with all that was made by it", () => {
    const w = filled();
    w.clearPasidEntry();
    expect(briefly(list(w))).toEqual([
      "pasid: PASID table entry: pc_inv_dsc",
      "iotlb: page tables: pc_inv_dsc p_iotlb_inv_dsc",
    ]);
  });

  it("are of a context entry that is gone", () => {
    const w = filled();
    w.clearContextEntry();
    expect(briefly(list(w)).slice(0, 2)).toEqual([
      "context: context entry: cc_inv_dsc",
      "pasid: PASID table entry: cc_inv_dsc pc_inv_dsc",
    ]);
  });

  it("are of a first-stage table that another took the place of", () => {
    const w = filled();
    w.moveLeaves();
    expect(briefly(list(w))).toContain("firstWalk: page tables: p_iotlb_inv_dsc");
  });
});
