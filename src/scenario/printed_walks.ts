/**
 * Walks that printed tables of VT-d hold: who asked for what, the entries from the top down, and the structures above
 * them as far as they were printed.
 */
import type { DecodedEntry } from "../decode/entry.ts";
import { ridOf } from "../decode/pci_address.ts";
import { LIMITS } from "./limits.ts";

/** One walk. 64-bit words of structures stand lowest first; null for what was not printed. */
export interface PrintedWalk {
  readonly rid: number;
  /** Null for a request without PASID. */
  readonly pasid: number | null;
  /** PASID of requests without one, where the unit is in scalable mode. */
  readonly ridPasid: number;
  readonly iova: bigint;
  readonly scalable: boolean;
  readonly firstStage: boolean;
  /** Levels of the tables, and address of the first. */
  readonly levels: number;
  readonly top: bigint;
  /** From the highest level down, as far as they were read. */
  readonly entries: readonly { readonly level: number; readonly value: bigint }[];
  readonly root: readonly bigint[] | null;
  readonly context: readonly bigint[] | null;
  readonly directory: bigint | null;
  readonly pasidEntry: readonly bigint[] | null;
  /** Where it leads; null where it is refused, or where it is not told. */
  readonly page: bigint | null;
  readonly write: boolean;
}

type Keys = Readonly<Record<string, unknown>>;
const COLUMNS = ["pml5e", "pml4e", "pdpe", "pde", "pte"] as const;
/** US of a first-stage entry: second-stage entries have execute there, which the kernel does not set. */
const USER = 4n;
/** FSPM of the third word of a PASID entry, once it is shifted down. */
const PAGING_MODE = 3n;
const PAGE_BITS = 12n;
const TABLES = 0x000f_ffff_ffff_f000n;

const big = (value: unknown): bigint => (typeof value === "string" ? BigInt(value) : 0n);
const number = (value: unknown): number => Number(big(value));

/** Every walk of what was decoded: rows of debugfs, then dumps that go with a fault. */
export function printedWalks(entries: readonly DecodedEntry[]): PrintedWalk[] {
  return [...debugfsWalks(entries), ...faultWalks(entries)].slice(0, LIMITS.recorded);
}

function debugfsWalks(all: readonly DecodedEntry[]): PrintedWalk[] {
  const contexts = new Map<string, Keys>();
  const pasids = new Map<string, Keys>();
  const rows: Keys[] = [];
  for (const entry of all) {
    const keys = entry as unknown as Keys;
    if (entry.type === "vtd-context-entry" && keys.mode === "legacy") contexts.set(String(keys.table), keys);
    if (entry.type === "vtd-pasid-entry")
      for (const table of [keys.fs_table, keys.ss_table]) pasids.set(String(table), keys);
    if (entry.type === "vtd-debugfs-walk") rows.push(keys);
  }
  return rows.flatMap((row) => debugfsWalk(row, contexts, pasids) ?? []);
}

function debugfsWalk(
  row: Keys,
  contexts: ReadonlyMap<string, Keys>,
  pasids: ReadonlyMap<string, Keys>,
): PrintedWalk | null {
  const rid = ridOf(String(row.device));
  const cells = COLUMNS.map((name, i) => ({ level: COLUMNS.length - i, value: big(row[name]) }));
  const used = cells.filter(({ value }) => value !== 0n);
  const highest = used[0];
  const leaf = used.at(-1);
  if (rid === null || highest === undefined || leaf === undefined) return null;
  const scalable = typeof row.pasid === "string";
  const context = contexts.get(String(row.top));
  const pasidEntry = pasids.get(String(row.top));
  const span = (1n << (PAGE_BITS + 9n * BigInt(leaf.level - 1))) - 1n;
  const iova = big(row.iova);
  return {
    rid,
    pasid: scalable ? number(row.pasid) : null,
    ridPasid: 0,
    iova,
    scalable,
    firstStage: scalable && (highest.value & USER) !== 0n,
    // Tables of four levels in a unit of five have an empty first column.
    levels: highest.level,
    top: big(row.top),
    entries: used,
    root: null,
    context: scalable || context === undefined ? null : [big(context.lo), big(context.hi)],
    directory: null,
    pasidEntry: pasidEntry === undefined ? null : [big(pasidEntry.val0), big(pasidEntry.val1), big(pasidEntry.val2)],
    page: big(row.page) | (iova & span & TABLES),
    write: row.read !== true,
  };
}

/** What was printed after a fault, up to the next. */
interface Dump {
  readonly fault: Keys;
  root: Keys | null;
  context: Keys | null;
  directory: Keys | null;
  pasidEntry: Keys | null;
  walk: Keys | null;
}

const SLOTS: Readonly<Record<string, "root" | "context" | "directory" | "pasidEntry" | "walk">> = {
  "vtd-root-entry": "root",
  "vtd-context-entry": "context",
  "vtd-pasid-dir-entry": "directory",
  "vtd-pasid-entry": "pasidEntry",
  "vtd-walk": "walk",
};

function faultWalks(all: readonly DecodedEntry[]): PrintedWalk[] {
  const dumps: Dump[] = [];
  for (const entry of all) {
    const keys = entry as unknown as Keys;
    if (entry.type === "vtd-fault") {
      dumps.push({ fault: keys, root: null, context: null, directory: null, pasidEntry: null, walk: null });
    }
    const slot = SLOTS[entry.type];
    const dump = dumps.at(-1);
    if (slot !== undefined && dump !== undefined) dump[slot] ??= keys;
  }
  return dumps.flatMap((dump) => faultWalk(dump) ?? []);
}

function faultWalk({ fault, root, context, directory, pasidEntry, walk }: Dump): PrintedWalk | null {
  const rid = typeof fault.requester === "string" ? ridOf(fault.requester) : null;
  if (rid === null || typeof fault.addr !== "string" || context === null) return null;
  const scalable = context.mode === "scalable";
  const firstStage = scalable && pasidEntry !== null && pasidEntry.PGTT === 1;
  const aw = Number(scalable ? (pasidEntry?.AW ?? 2) : context.AW);
  const told = firstStage ? 4 + Number((big(pasidEntry?.val2) >> 2n) & PAGING_MODE) : aw + 2;
  // An entry that is not there, or not valid, does not tell.
  const levels = told >= 3 && told <= 5 ? told : 4;
  const table = scalable ? (firstStage ? pasidEntry?.fs_table : pasidEntry?.ss_table) : context.table;
  return {
    rid,
    pasid: typeof fault.pasid === "string" ? number(fault.pasid) : null,
    ridPasid: scalable ? number(context.RID_PASID) : 0,
    iova: big(fault.addr),
    scalable,
    firstStage,
    levels,
    top: big(table),
    entries: levelsOf(walk),
    root: root === null ? null : [big(root.lo), big(root.hi)],
    context: [big(context.lo), big(context.hi)],
    directory: directory === null ? null : big(directory.value),
    pasidEntry: pasidEntry === null ? null : [big(pasidEntry.val0), big(pasidEntry.val1), big(pasidEntry.val2)],
    page: null,
    write: fault.access === "write",
  };
}

function levelsOf(walk: Keys | null): { level: number; value: bigint }[] {
  const levels = walk?.levels;
  if (!Array.isArray(levels)) return [];
  return levels.map((l: { readonly level: number; readonly pte: string }) => ({ level: l.level, value: big(l.pte) }));
}
