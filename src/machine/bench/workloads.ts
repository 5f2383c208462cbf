/**
 * What is timed: the native yardstick's workloads by its names, and more of the model's own.
 *
 * Translations go through the model's own entry for a transaction, stream and context looked up in the configuration
 * caches. Engines that stand beside each other in a realm slow each other down, and an app has one in its worker: who
 * times gives each work a realm of its own.
 */
import { type CacheOptions, NO_CACHE_OPTIONS } from "../../engine/smmuv3/caches/options.ts";
import { Smmuv3 } from "../../engine/smmuv3/smmu.ts";
import { Translation, Updates } from "../../engine/smmuv3/translation.ts";
import type { BenchWork } from "../../protocol/bench.ts";
import { amdviWorkloads } from "./amdvi.ts";
import { BURST, BURSTS, CommandBursts, REPEATS } from "./command_bursts.ts";
import { buildNestedTables, KEYS, type NestedTables } from "./nested_tables.ts";
import { SOFTWARE_ACTIONS, SOFTWARE_WORLDS, softwareWorkloads } from "./software.ts";
import { TIMELINE_ACTIONS, timelineWorkloads } from "./timelines.ts";
import { inOrder, type Subject, translations, type Workload } from "./translations.ts";
import { vtdWorkloads } from "./vtd.ts";

/** A kind of work, the sizes it is done in, and what makes it ready in one of them. */
interface Work extends BenchWork {
  make(size: number): Workload[];
}

/** Page counts the yardstick measures. */
const PAGE_COUNTS = [64, 4096, 65536] as const;
/** The one whose TLB the command queue is measured with. */
const COMMAND_PAGES = [4096] as const;
/** Page counts that show how cost grows. */
const GROWING = [100, 1000, 10_000, 100_000, 1_000_000] as const;
/** Pages that can be asked for, see `translations.ts`. */
const ASKED = 2 ** 19;

/** The configuration is cached, nothing else is. */
const CONFIGURED: CacheOptions = {
  ...NO_CACHE_OPTIONS,
  ste: { entries: 16, ways: 4 },
  cd: { entries: 16, ways: 4 },
};

/** Direct-mapped walk caches of 512 entries. */
const WALKS: CacheOptions = {
  ...CONFIGURED,
  fetches: { entries: 512, ways: 1 },
  walk1: { entries: 512, ways: 1 },
  walk2: { entries: 512, ways: 1 },
};

/** A TLB of four ways that as many pages fill exactly. */
const tlbFor = (pages: number): CacheOptions => ({
  ...CONFIGURED,
  tlb: { entries: 2 ** Math.ceil(Math.log2(Math.max(64, pages))), ways: 4 },
});

export const WORKS: readonly Work[] = [
  {
    work: "uncached",
    about: "SMMUv3: nested walks of 24 loads",
    sizes: PAGE_COUNTS,
    make: (pages) => smmu("uncached", pages, CONFIGURED),
  },
  {
    work: "cached",
    about: "SMMUv3: nested walks by walk caches, 2 loads",
    sizes: PAGE_COUNTS,
    make: (pages) => smmu("cached", pages, WALKS),
  },
  {
    work: "tlb",
    about: "SMMUv3: translations that hit the TLB",
    sizes: PAGE_COUNTS,
    make: (pages) => smmu("tlb", pages, tlbFor(pages)),
  },
  {
    work: "cmdq",
    about: "SMMUv3: commands of a Command queue",
    sizes: COMMAND_PAGES,
    make: (pages) => [commands(buildNestedTables(pages))],
  },
  { work: "vtd-4x4", about: "VT-d: first stage over second, 24 loads", sizes: PAGE_COUNTS, make: vtdWorkloads },
  {
    work: "amdvi-4x4",
    about: "AMD-Vi: guest tables over host tables, 24 loads",
    sizes: PAGE_COUNTS,
    make: amdviWorkloads,
  },
  { work: "growth", about: "SMMUv3: nested walks as more and more is mapped", sizes: GROWING, make: growth },
  ...SOFTWARE_WORLDS.map((world): Work => {
    return {
      work: world.work,
      about: world.about,
      sizes: SOFTWARE_ACTIONS,
      make: (actions) => softwareWorkloads(world, actions),
    };
  }),
  {
    work: "timeline",
    about: "snapshots, and seeks among many actions",
    sizes: TIMELINE_ACTIONS,
    make: timelineWorkloads,
  },
];

function smmu(work: string, pages: number, caches: CacheOptions): Workload[] {
  const tables = buildNestedTables(pages);
  return translations(work, pages, tables.order, subject(tables, caches));
}

function subject(tables: NestedTables, caches: CacheOptions): Subject {
  const engine = new Smmuv3(tables.memory, tables.registers, caches);
  const t = new Translation();
  t.sid = KEYS.sid;
  t.updates = Updates.Make;
  // AccessKind.Write is 1.
  const write = (n: number): void => {
    t.kind = n;
  };
  return { t, write, translate: () => engine.translate(t, null) };
}

/** Uncached translations over ever larger tables, and what memory a mapped page takes for them. */
function growth(pages: number): Workload[] {
  const tables = buildNestedTables(pages);
  const asked = tables.order.filter((page) => page < ASKED);
  const workload = inOrder("growth", pages, "random", asked, subject(tables, CONFIGURED));
  const { words, targets } = tables.memory;
  return [{ ...workload, figures: { bytes_per_page: (words.byteLength + targets.byteLength) / pages } }];
}

/** Invalidations by address through the Command queue, each of an entry that is there. */
function commands(tables: NestedTables): Workload {
  const smmu = new Smmuv3(tables.memory, tables.registers, tlbFor(tables.pages));
  const t = new Translation();
  t.sid = KEYS.sid;
  t.updates = Updates.Make;
  const filling = inOrder("cmdq", tables.pages, "random", tables.order, {
    t,
    write: () => {},
    translate: () => smmu.translate(t, null),
  });
  let bursts: CommandBursts | null = null;
  return {
    ...filling,
    operations: BURST * BURSTS * REPEATS,
    pass: () => {
      if (bursts === null) {
        filling.pass();
        bursts = new CommandBursts(smmu, tables);
      }
      return bursts.pass();
    },
  };
}
