import { describe, expect, it } from "vitest";
import { CD } from "../../arch/smmuv3/cd.ts";
import { R } from "../../arch/smmuv3/reasons.ts";
import { vmsav8Format } from "../../pagetable/formats/vmsav8.ts";
import { descriptor, TableBuilder } from "../../pagetable/testing/table_builder.ts";
import { ResolvedStream } from "./config_resolver.ts";
import { FastWalk, qualifies } from "./fast_walk.ts";
import { GuestStore, HostStore, OPEN, stage1Fields, stage2Fields } from "./testing/nested_world.ts";
import { randomNested } from "./testing/random_nested.ts";
import { NESTED_STE, PLAIN_CD, World } from "./testing/world.ts";
import { Translation } from "./translation.ts";

/** Every field of a translation, in the order of its class. */
const FIELDS = Object.keys(new Translation()) as (keyof Translation)[];
const answer = (t: Translation): unknown[] => FIELDS.map((name) => t[name]);

interface Tally {
  /** Translations compared, those of a configuration that qualifies, and those the fast walk did itself. */
  cases: number;
  qualified: number;
  fast: number;
  readonly ends: Set<number>;
  readonly different: unknown[];
}

/** Compare the fast walk with the walker over one world that is damaged step by step. */
function compare(seed: number, tally: Tally): void {
  const { world, request, damage } = randomNested(seed);
  const walker = new ResolvedStream();
  for (let round = 0; round < 8; round++) {
    for (let i = 0; i < 25; i++) {
      const asked = request();
      const t = world.request(asked);
      t.begin();
      if (!world.smmu.resolve(t, null, walker)) continue;
      const either = walker.fast;
      const before = { privileged: t.privileged, instruction: t.instruction };
      const fastT = Object.assign(new Translation(), t);
      tally.cases++;
      if (either) tally.qualified++;
      expect(either).toBe(qualifies(walker));
      if (either && new FastWalk(world.memory, world.smmu.caps.xnx).translate(fastT, walker)) tally.fast++;
      walker.fast = false;
      world.smmu.translateIn(t, walker, null);
      const slow = answer(t);
      Object.assign(t, before);
      t.begin();
      walker.fast = either;
      world.smmu.translateIn(t, walker, null);
      tally.ends.add(t.end);
      const quick = answer(t);
      const field = FIELDS.find((_, k) => slow[k] !== quick[k]);
      if (field !== undefined) tally.different.push({ seed, round, i, asked, field, slow: t.reason });
    }
    damage();
    if (round > 3) damage();
  }
}

describe("the fast walk", () => {
  it("starts at a root table where it lies in its page: small roots that share a page, DDI 0487 §D8.2", () => {
    const world = new World();
    const host = new HostStore(world);
    const fmt = vmsav8Format(12, false);
    // A root of two entries each: 40 bits of input from level 0.
    const [first, second] = [new TableBuilder(fmt, host, 2, 3, 40), new TableBuilder(fmt, host, 2, 3, 40)];
    expect(second.root - first.root).toBeLessThan(4096 - 16);
    const guest = new GuestStore(second, host, 0x4000_0000);
    const stage1 = new TableBuilder(fmt, guest, 1, 3, 48);
    const ipa = guest.allocate(4096);
    stage1.map(0x1234_5000, 0, ipa, OPEN[1]);
    const cd = guest.allocate(64);
    for (const [at, frame] of guest.frames()) first.map(at, 0, at === ipa ? host.allocate(4096) : frame, OPEN[2]);
    world.put(CD, guest.physical(cd), { ...PLAIN_CD, ...stage1Fields(stage1, 0) });
    world.ste(1, { ...NESTED_STE, ...stage2Fields(second), S1ContextPtr: cd });
    expect(world.output({ va: 0x1234_5678 })).toBe(guest.physical(ipa) + 0x678);
  });

  it("does not go where an address exceeds S2PS, though memory lies there, DDI 0487 §D8.2", () => {
    const world = new World();
    const host = new HostStore(world);
    const stage2 = new TableBuilder(vmsav8Format(12, false), host, 2, 2, 39);
    const guest = new GuestStore(stage2, host, 0x4000_0000);
    const stage1 = new TableBuilder(vmsav8Format(12, false), guest, 1, 3, 48);
    const ipa = guest.allocate(4096);
    stage1.map(0x1234_5000, 0, ipa, OPEN[1]);
    const cd = guest.allocate(64);
    world.put(CD, guest.physical(cd), { ...PLAIN_CD, ...stage1Fields(stage1, 0) });
    // Stage 2 puts the stage-1 root beyond 36 bits.
    const away = 2 ** 36;
    const root = stage2.place(stage1.root, 0);
    for (let i = 0; i < 4096; i += 8) host.write(away + i, host.read(guest.physical(stage1.root) + i));
    stage2.put(root, descriptor(stage2.fmt, 2, "page", away, OPEN[2]));
    const ste = { ...NESTED_STE, ...stage2Fields(stage2), S1ContextPtr: cd };
    world.ste(1, { ...ste, S2PS: 2 });
    expect(world.output({ va: 0x1234_5678 })).toBe(guest.physical(ipa) + 0x678);
    world.ste(1, { ...ste, S2PS: 1 });
    expect(world.translate({ va: 0x1234_5678 }).reason).toBe(R.OUTPUT_ADDRESS_SIZE);
  });

  it.each([1, 1001, 2001, 3001, 4001, 128383])("equals the walker in every field, 20 worlds from seed %i", (seed) => {
    const tally: Tally = { cases: 0, qualified: 0, fast: 0, ends: new Set(), different: [] };
    for (let world = 0; world < 20; world++) compare(seed + world, tally);
    expect(tally.different).toEqual([]);
    // Neither of the two is idle.
    expect(tally.cases).toBeGreaterThan(1200);
    expect(tally.fast).toBeGreaterThan(tally.cases / 12);
    expect(tally.qualified - tally.fast).toBeGreaterThan(tally.cases / 12);
    expect(tally.ends.size).toBeGreaterThan(1);
  });
});
