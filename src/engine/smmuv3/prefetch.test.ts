import { describe, expect, it } from "vitest";
import { vmsav8Format } from "../../pagetable/formats/vmsav8.ts";
import { TableBuilder } from "../../pagetable/testing/table_builder.ts";
import { EVERY_CACHE } from "./caches/options.ts";
import { CachePrefetch } from "./prefetch.ts";
import { Smmuv3 } from "./smmu.ts";
import { HostStore, OPEN, stage1Fields } from "./testing/nested_world.ts";
import { PLAIN_CD, World } from "./testing/world.ts";
import { End, Updates } from "./translation.ts";

const SID = 5;
const VA = 0x12_3456_0000;
const PA = 0x40_0000_0000;
const PAGES = 8;

/** A stream with eight pages, an SMMU with caches, and the leaves' addresses. */
function world(): { world: World; smmu: Smmuv3; leaves: number[]; passes: (page: number) => boolean } {
  const w = new World();
  const tables = new TableBuilder(vmsav8Format(12, false), new HostStore(w), 1, 3, 48);
  const leaves = Array.from({ length: PAGES }, (_, i) => tables.map(VA + 4096 * i, 0, PA + 4096 * i, OPEN[1]));
  w.ste(SID, { V: 1, Config: 5, S1ContextPtr: w.cd({ ...PLAIN_CD, ...stage1Fields(tables, 0) }) });
  const smmu = new Smmuv3(w.memory, w.registers, EVERY_CACHE);
  const passes = (page: number): boolean => {
    const t = w.request({ sid: SID, va: VA + 4096 * page });
    t.updates = Updates.Make;
    smmu.translate(t, null);
    return t.end === End.Ok;
  };
  return { world: w, smmu, leaves, passes };
}

const high = Math.floor(VA / 2 ** 32);
const low = (VA % 2 ** 32) | 0;

describe("prefetch into caches, IHI 0070 §4.2", () => {
  it("keeps what the tables held, as though each address had been accessed", () => {
    const { world: w, smmu, leaves, passes } = world();
    new CachePrefetch(smmu).addresses(SID, false, 0, high, low, 2, 12);
    for (const at of leaves) w.write(at, 0, 0);
    expect(leaves.map((_, page) => passes(page))).toEqual([1, 1, 1, 1, 0, 0, 0, 0].map((hit) => hit === 1));
  });

  it("goes by the stride, and stops at the end of the address space", () => {
    const { world: w, smmu, leaves, passes } = world();
    const prefetch = new CachePrefetch(smmu);
    prefetch.addresses(SID, false, 0, high, low, 2, 13);
    for (const at of leaves) w.write(at, 0, 0);
    expect(leaves.map((_, page) => passes(page))).toEqual([1, 0, 1, 0, 1, 0, 1, 0].map((hit) => hit === 1));
    expect(() => prefetch.addresses(SID, false, 0, -1, -4096, 31, 43)).not.toThrow();
  });

  it("of configuration keeps the STE and the CD", () => {
    const { world: w, smmu, passes } = world();
    new CachePrefetch(smmu).config(SID, false, 0);
    w.ste(SID, {});
    expect(passes(0)).toBe(true);
  });

  it("of what is not there records nothing and changes nothing", () => {
    const { world: w, smmu, passes } = world();
    const prefetch = new CachePrefetch(smmu);
    prefetch.addresses(SID, false, 0, 0x7f, 0, 3, 12);
    prefetch.addresses(SID + 1, true, 9, 0, 0, 3, 12);
    prefetch.config(0xffff_ffff, true, 9);
    expect([passes(0), w.registers.field("SMMU_EVENTQ_PROD", "WR")]).toEqual([true, 0]);
  });
});
