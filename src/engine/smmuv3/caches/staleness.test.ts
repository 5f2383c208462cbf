import { describe, expect, it } from "vitest";
import { CD } from "../../../arch/smmuv3/cd.ts";
import { vmsav8Format } from "../../../pagetable/formats/vmsav8.ts";
import { descriptor, TableBuilder } from "../../../pagetable/testing/table_builder.ts";
import { TlbiOp, TlbiScope } from "../maintenance.ts";
import { Smmuv3 } from "../smmu.ts";
import { GuestStore, HostStore, OPEN, stage1Fields, stage2Fields } from "../testing/nested_world.ts";
import { randomFlags } from "../testing/random_flags.ts";
import { randomNested } from "../testing/random_nested.ts";
import { chooser, type RandomWorld, randomConfiguration } from "../testing/random_world.ts";
import { NESTED_STE, PLAIN_CD, type Request, World } from "../testing/world.ts";
import { Translation, Updates } from "../translation.ts";
import { CACHE_NAMES, type CacheName, EVERY_CACHE, NO_CACHE_OPTIONS } from "./options.ts";
import type { StaleEntry } from "./staleness.ts";

/** Carry out a command that was said to be missing. */
function issue(smmu: Smmuv3, m: StaleEntry["missing"][number]): void {
  const caches = smmu.caches!;
  if (m.command === "CMD_CFGI_STE") {
    caches.cfgiSte(m.sid!, m.leaf!);
    return;
  }
  if (m.command === "CMD_CFGI_CD") {
    caches.cfgiCd(m.sid!, m.ssid!, m.leaf!);
    return;
  }
  const op = new TlbiOp();
  op.scope = TlbiScope[m.command.replace("CMD_TLBI_", "") as keyof typeof TlbiScope];
  op.vmid = m.vmid ?? 0;
  op.asid = m.asid ?? 0;
  op.e2h = smmu.registers.field("SMMU_CR2", "E2H") === 1;
  op.firstHi = (m.addressHi ?? 0) | 0;
  op.firstLo = (m.addressLo ?? 0) | 0;
  op.lastHi = op.firstHi;
  op.lastLo = op.firstLo;
  op.leaf = m.leaf ?? false;
  caches.tlbi(op);
}

const SEEDS = [1, 2, 3, 5, 8, 13, 8128, 65537, 99991];

describe.each([
  ["nested 4 KiB tables", randomNested],
  ["tables of any format", randomConfiguration],
] as const)("stale entries over %s", (_name, make) => {
  const start = (seed: number) => {
    const made: RandomWorld = make(seed);
    const smmu = new Smmuv3(made.world.memory, made.world.registers, EVERY_CACHE);
    const { pick } = chooser(seed ^ 0x1234);
    const requests = Array.from({ length: 24 }, () => made.request());
    const t = new Translation();
    const cached = (r: Request): unknown[] => {
      const asked = made.world.request(r);
      for (const f of ["sid", "ssid", "ssv", "iovaHi", "iovaLo", "write", "privileged", "instruction"] as const) {
        Object.assign(t, { [f]: asked[f] });
      }
      t.updates = Updates.Make;
      smmu.translate(t, null);
      return [t.end, t.end === 0 ? [t.paHi, t.paLo | 0] : [t.reason]];
    };
    const plain = (r: Request): unknown[] => {
      const w = made.world.translate(r);
      return [w.end, w.end === 0 ? [w.paHi, w.paLo | 0] : [w.reason]];
    };
    return { made, smmu, requests, cached, plain, next: () => pick(requests) };
  };

  it.each(SEEDS)("there are none while memory stays as it is, seed %i", (seed) => {
    const { smmu, cached, next } = start(seed);
    for (let i = 0; i < 80; i++) cached(next());
    expect(smmu.staleEntries()).toEqual([]);
  });

  it.each(SEEDS)("explain every answer that differs, and the commands they name put it right, seed %i", (seed) => {
    const { made, smmu, requests, cached, plain, next } = start(seed);
    let [seen, different] = [0, 0];
    for (let round = 0; round < 25; round++) {
      for (let i = 0; i < 40; i++) cached(next());
      made.damage();
      const image = smmu.caches!.snapshot();
      const differing = requests.filter((r) => JSON.stringify(cached(r)) !== JSON.stringify(plain(r)));
      smmu.caches!.restore(image);
      const stale = smmu.staleEntries();
      if (differing.length > 0) expect({ differing, stale }).not.toEqual({ differing, stale: [] });
      seen += stale.length;
      different += differing.length;
      for (const entry of stale) for (const command of entry.missing) issue(smmu, command);
      expect(smmu.staleEntries()).toEqual([]);
      for (const r of requests) expect(cached(r)).toEqual(plain(r));
    }
    if (seed === 8128) expect(Math.min(seen, different)).toBeGreaterThan(0);
  });
});

describe("stale entries with hardware updates", () => {
  it.each([1, 7920, 15839, 23758, 31677])("there are none that hardware itself made, seed %i", (seed) => {
    const { world, requests } = randomFlags(seed);
    const smmu = new Smmuv3(world.memory, world.registers, EVERY_CACHE);
    const t = world.t;
    t.updates = Updates.Make;
    for (const r of [...requests, ...requests]) smmu.translate(world.request(r), null);
    const stale = smmu.staleEntries().filter(({ cache }) => cache !== "ste" && cache !== "cd");
    expect(stale).toEqual([]);
  });
});

const VA = 0x12_3456_7000;
const FMT = vmsav8Format(12, false);

/** One page under stage 1 in stage 2, in the caches that are named, and what goes stale when something changes. */
class Page {
  readonly world = new World();
  readonly smmu: Smmuv3;
  readonly s2 = new TableBuilder(FMT, new HostStore(this.world), 2, 2, 39);
  readonly guest = new GuestStore(this.s2, new HostStore(this.world), 0x8_0000_0000);
  readonly s1 = new TableBuilder(FMT, this.guest, 1, 3, 48);
  readonly leaf1: number;
  readonly out = this.guest.allocate(4096);
  readonly cd: number;
  readonly ste: number;

  constructor(caches: readonly CacheName[], leaf: Record<string, number> = {}) {
    const sizes = CACHE_NAMES.map((name) => [name, caches.includes(name) ? EVERY_CACHE[name] : null]);
    this.smmu = new Smmuv3(this.world.memory, this.world.registers, {
      ...NO_CACHE_OPTIONS,
      ...Object.fromEntries(sizes),
    });
    this.leaf1 = this.s1.map(VA, 0, this.out, { ...OPEN[1], nG: 1, ...leaf });
    this.cd = this.guest.allocate(4096);
    this.world.put(CD, this.guest.physical(this.cd), { ...PLAIN_CD, ...stage1Fields(this.s1, 0), ASID: 7 });
    const fields = { ...NESTED_STE, ...stage2Fields(this.s2), S1ContextPtr: this.cd, S2VMID: 9 };
    this.ste = this.world.ste(1, fields);
    const t = this.world.request({ va: VA + 0x123 });
    t.updates = Updates.Make;
    this.smmu.translate(t, null);
    if (t.end !== 0) throw new Error(`the page does not translate: ${t.reason}`);
  }

  stale(): Omit<StaleEntry, "entry">[] {
    return this.smmu.staleEntries().map(({ entry: _entry, ...rest }) => rest);
  }
}

const at = (address: number) => ({ addressHi: Math.floor(address / 2 ** 32), addressLo: address % 2 ** 32 });

describe("the command that is missing", () => {
  it("after a page moved at stage 1", () => {
    const page = new Page(["tlb", "stage1", "stage2", "walk1"]);
    page.s1.map(VA, 0, page.guest.allocate(4096), { ...OPEN[1], nG: 1 });
    const missing = [{ command: "CMD_TLBI_NH_VA", vmid: 9, asid: 7, ...at(VA), leaf: true }];
    expect(page.stale()).toEqual([
      { cache: "tlb", what: "stage 1", missing },
      { cache: "stage1", what: "stage 1", missing },
    ]);
  });

  it("after a page was unmapped, and after its permissions or attributes changed", () => {
    for (const leaf of [
      null,
      { ...OPEN[1], nG: 1, AP: 3 },
      { ...OPEN[1], nG: 1, AttrIndx: 3 },
      { ...OPEN[1], nG: 0 },
    ]) {
      const page = new Page(["tlb"]);
      page.guest.write(page.leaf1, leaf === null ? [0, 0] : descriptor(FMT, 1, "page", page.out, leaf));
      expect(page.stale()).toEqual([
        {
          cache: "tlb",
          what: "stage 1",
          missing: [{ command: "CMD_TLBI_NH_VA", vmid: 9, asid: 7, ...at(VA), leaf: true }],
        },
      ]);
    }
  });

  it("of a global page names no ASID", () => {
    const page = new Page(["tlb"], { nG: 0 });
    page.guest.write(page.leaf1, [0, 0]);
    const missing = [{ command: "CMD_TLBI_NH_VAA", vmid: 9, ...at(VA), leaf: true }];
    expect(page.stale()).toEqual([{ cache: "tlb", what: "stage 1", missing }]);
  });

  it("after stage 2 moved the page: by IPA, and by VA for what combines both stages, §4.4.3.1", () => {
    const page = new Page(["tlb", "stage1", "stage2"]);
    page.s2.map(page.out, 0, page.world.allocate(4096), OPEN[2]);
    const byIpa = { command: "CMD_TLBI_S2_IPA", vmid: 9, ...at(page.out), leaf: true };
    const byVa = { command: "CMD_TLBI_NH_VA", vmid: 9, asid: 7, ...at(VA), leaf: true };
    expect(page.stale()).toEqual([
      { cache: "tlb", what: "stage 2", missing: [byIpa, byVa] },
      { cache: "stage2", what: "stage 2", missing: [byIpa] },
    ]);
  });

  it("after a stage-1 table was replaced: tables too, so not leaves only", () => {
    const page = new Page(["walk1"]);
    const above = page.s1.place(VA, 1);
    const table = page.guest.allocate(4096);
    page.guest.write(above, descriptor(FMT, 1, "table", table));
    expect(page.stale()).toEqual([
      {
        cache: "walk1",
        what: "stage 1",
        missing: [{ command: "CMD_TLBI_NH_VA", vmid: 9, asid: 7, ...at(0x12_3440_0000), leaf: false }],
      },
    ]);
  });

  it("after stage 2 moved the page of a stage-1 table", () => {
    const page = new Page(["fetches", "walk1"]);
    const table = page.leaf1 - (page.leaf1 % 4096);
    page.s2.map(table, 0, page.world.allocate(4096), OPEN[2]);
    const byIpa = { command: "CMD_TLBI_S2_IPA", vmid: 9, ...at(table), leaf: true };
    expect(page.stale()).toEqual([
      { cache: "fetches", what: "stage 2", missing: [byIpa] },
      { cache: "walk1", what: "stage 2", missing: [byIpa, { command: "CMD_TLBI_NH_ALL", vmid: 9 }] },
    ]);
  });

  it("after a stage-2 table was replaced", () => {
    const page = new Page(["walk2"]);
    page.s2.put(page.s2.place(page.out, 1), descriptor(FMT, 2, "table", page.world.allocate(4096)));
    const span = page.out - (page.out % 0x20_0000);
    expect(page.stale()).toContainEqual({
      cache: "walk2",
      what: "stage 2",
      missing: [{ command: "CMD_TLBI_S2_IPA", vmid: 9, ...at(span), leaf: false }],
    });
  });

  it("after an STE changed takes the stream's CDs along; after a CD changed it is the CD's own", () => {
    const page = new Page(["ste", "cd"]);
    const cd = page.guest.physical(page.cd);
    page.world.put(CD, cd, { ...PLAIN_CD, ...stage1Fields(page.s1, 0), ASID: 8 });
    expect(page.stale()).toEqual([
      { cache: "cd", what: "CD", missing: [{ command: "CMD_CFGI_CD", sid: 1, ssid: 0, leaf: true }] },
    ]);
    page.world.write(page.ste, 0, 0);
    const missing = [{ command: "CMD_CFGI_STE", sid: 1, leaf: true }];
    expect(page.stale()).toEqual([
      { cache: "ste", what: "STE", missing },
      { cache: "cd", what: "STE", missing },
    ]);
  });

  it("of an address space whose stream has gone on to another is told by the descriptors themselves", () => {
    const page = new Page(["tlb"]);
    page.world.put(CD, page.guest.physical(page.cd), { ...PLAIN_CD, ...stage1Fields(page.s1, 0), ASID: 8 });
    expect(page.stale()).toEqual([]);
    page.guest.write(page.leaf1, [0, 0]);
    const missing = [{ command: "CMD_TLBI_NH_VA", vmid: 9, asid: 7, ...at(VA), leaf: true }];
    expect(page.stale()).toEqual([{ cache: "tlb", what: "stage 1", missing }]);
  });
});
