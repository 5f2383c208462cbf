/**
 * The workloads that are timed, by the names of the native yardstick. No clock here: a caller times `pass`.
 *
 * All go through the model's own entry for a transaction, stream and context looked up in the configuration caches.
 */
import { type CacheOptions, NO_CACHE_OPTIONS } from "../../engine/smmuv3/caches/options.ts";
import { Smmuv3 } from "../../engine/smmuv3/smmu.ts";
import { Translation, Updates } from "../../engine/smmuv3/translation.ts";
import { BURST, BURSTS, CommandBursts, REPEATS } from "./command_bursts.ts";
import { buildNestedTables, KEYS, type NestedTables, VA_BASE } from "./nested_tables.ts";

/** One pass: how many operations failed, and its checksum. */
export interface PassResult {
  readonly failed: number;
  /** Two 32-bit sums: of the outputs, and of the sums. */
  readonly a: number;
  readonly b: number;
}

/** A workload ready to run. */
export interface Workload {
  readonly work: string;
  readonly pages: number;
  readonly order: "sequential" | "random";
  /** Operations in one pass. */
  readonly operations: number;
  pass(): PassResult;
}

/** Page counts the yardstick measures. */
export const PAGE_COUNTS = [64, 4096, 65536] as const;
/** The one whose TLB the command queue is measured with. */
const COMMAND_PAGES = 4096;

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

/** A TLB of four ways that `pages` pages fill exactly. */
const tlbFor = (pages: number): CacheOptions => ({
  ...CONFIGURED,
  tlb: { entries: Math.max(64, pages), ways: 4 },
});

/** Every workload of the yardstick for a number of pages. */
export function yardstick(pages: number): Workload[] {
  const tables = buildNestedTables(pages);
  return [
    ...translations("uncached", tables, CONFIGURED),
    ...translations("cached", tables, WALKS),
    ...translations("tlb", tables, tlbFor(pages)),
    ...(pages === COMMAND_PAGES ? [commands(tables)] : []),
  ];
}

/** Translations of every page, in order and in random order. The first pass fills the caches. */
function translations(work: string, tables: NestedTables, caches: CacheOptions): Workload[] {
  const { pages, order } = tables;
  const smmu = new Smmuv3(tables.memory, tables.registers, caches);
  const t = transaction();
  const named = (orderName: Workload["order"], indices: Uint32Array): Workload => ({
    work,
    pages,
    order: orderName,
    operations: pages,
    pass: () => translateAll(smmu, t, indices),
  });
  return [
    named(
      "sequential",
      Uint32Array.from({ length: pages }, (_, i) => i),
    ),
    named("random", order),
  ];
}

function transaction(): Translation {
  const t = new Translation();
  t.sid = KEYS.sid;
  t.updates = Updates.Make;
  return t;
}

function translateAll(smmu: Smmuv3, t: Translation, indices: Uint32Array): PassResult {
  const baseHi = Math.floor(VA_BASE / 0x1_0000_0000) | 0;
  const baseLo = VA_BASE | 0;
  const count = indices.length;
  let a = 0;
  let b = 0;
  let failed = 0;
  for (let i = 0; i < count; i++) {
    const o = indices[i]!;
    // There are fewer than 2^19 pages and bit 31 of the base is 0: there is no carry.
    const lo = (baseLo + ((o << 12) | ((o << 6) & 0xfff))) | 0;
    t.iovaHi = baseHi;
    t.iovaLo = lo;
    // AccessKind.Write for every fourth page.
    t.kind = o & (o >>> 1) & 1;
    smmu.translate(t, null);
    if (t.end !== 0) failed++;
    a = (a + t.paLo + Math.imul(3, t.paHi)) | 0;
    b = (b + a) | 0;
  }
  return { failed, a: a >>> 0, b: b >>> 0 };
}

/** Invalidations by address through the Command queue, each of an entry that is there. */
function commands(tables: NestedTables): Workload {
  const smmu = new Smmuv3(tables.memory, tables.registers, tlbFor(tables.pages));
  let bursts: CommandBursts | null = null;
  return {
    work: "cmdq",
    pages: tables.pages,
    order: "random",
    operations: BURST * BURSTS * REPEATS,
    pass: () => {
      if (bursts === null) {
        translateAll(smmu, transaction(), tables.order);
        bursts = new CommandBursts(smmu, tables);
      }
      return bursts.pass();
    },
  };
}
