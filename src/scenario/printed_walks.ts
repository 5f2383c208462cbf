/**
 * Walks that printed tables of VT-d hold: who asked for what, the entries from the top down, and the structures above
 * them as far as they were printed. VT-d §9.1 to §9.8.
 */

import { ridOf } from "../arch/requester_id.ts";
import { pagingEntryLayout } from "../arch/vtd/paging_entries.ts";
import type { PagingLevel } from "../arch/vtd/paging_names.ts";
import { PASID_TABLE_ENTRY, Pgtt } from "../arch/vtd/pasid_entries.ts";
import { type DecodedEntry, hex } from "../decode/entry.ts";
import { fieldReader } from "../decode/printed_fields.ts";
import { LIMITS } from "./limits.ts";

/** One walk. 64-bit words of structures stand lowest first; null for what was not printed. */
export interface PrintedWalk {
  readonly rid: number;
  /** Name of the unit that it belongs to; null where nothing tells. */
  readonly unit: string | null;
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
  /** Address of the root table. */
  readonly rootTable: bigint | null;
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
const PAGE_BITS = 12n;

const big = (value: unknown): bigint => (typeof value === "string" ? BigInt(value) : 0n);
const number = (value: unknown): number => Number(big(value));
const textOf = (value: unknown): string | null => (typeof value === "string" ? value : null);

/** Every walk of what was decoded: rows of debugfs, then dumps that go with a fault. */
export function printedWalks(entries: readonly DecodedEntry[]): PrintedWalk[] {
  return [...debugfsWalks(entries), ...faultWalks(entries)].slice(0, LIMITS.recorded);
}

/** Words of a structure, lowest first; null for one that was not printed. */
const wordsOf = (keys: Keys | undefined | null, ...names: string[]): bigint[] | null =>
  keys == null ? null : names.map((name) => big(keys[name]));
const pairOf = (keys: Keys | undefined | null) => wordsOf(keys, "lo", "hi");
const pasidWordsOf = (keys: Keys | undefined | null) => wordsOf(keys, "val0", "val1", "val2");

/** Where a structure stands, as a key; what was not printed counts as one more name. */
const placeOf = (...names: unknown[]): string => names.map(textOf).join(" ");

/** Structures of `dmar_translation_struct` by where they stand. */
class PrintedStructures {
  readonly #byPlace = new Map<string, Keys>();

  constructor(entries: readonly DecodedEntry[]) {
    for (const entry of entries) {
      const keys = entry as unknown as Keys;
      if (entry.type === "vtd-root-entry") this.#byPlace.set(placeOf("root", keys.unit, keys.bus), keys);
      if (entry.type === "vtd-context-entry") this.#byPlace.set(placeOf("context", keys.requester), keys);
      if (entry.type === "vtd-pasid-entry") this.#byPlace.set(placeOf("pasid", keys.requester, keys.pasid), keys);
    }
  }

  context(requester: string): Keys | undefined {
    return this.#byPlace.get(placeOf("context", requester));
  }

  /** The root entry that leads to a context entry. */
  root(context: Keys | undefined): Keys | undefined {
    const bus = textOf(context?.requester)?.slice(0, 2);
    return bus === undefined ? undefined : this.#byPlace.get(placeOf("root", context?.unit, bus));
  }

  pasid(requester: string, pasid: number): Keys | undefined {
    return this.#byPlace.get(placeOf("pasid", requester, hex(pasid)));
  }
}

function debugfsWalks(all: readonly DecodedEntry[]): PrintedWalk[] {
  const structures = new PrintedStructures(all);
  return all.flatMap((entry) => (entry.type === "vtd-debugfs-walk" ? (debugfsWalk(entry, structures) ?? []) : []));
}

function debugfsWalk(row: Keys, structures: PrintedStructures): PrintedWalk | null {
  const device = String(row.device);
  const rid = ridOf(device);
  const used = COLUMNS.map((name, i) => ({ level: COLUMNS.length - i, value: big(row[name]) })).filter(
    ({ value }) => value !== 0n,
  );
  const [highest, leaf] = [used[0], used.at(-1)];
  if (rid === null || highest === undefined || leaf === undefined) return null;
  const requester = device.slice(-"bb:dd.f".length);
  const context = structures.context(requester);
  const root = structures.root(context);
  const pasid = row.pasid === null ? null : number(row.pasid);
  const scalable = pasid !== null || context?.mode === "scalable";
  const ridPasid = scalable ? number(context?.RID_PASID) : 0;
  const pasidEntry = scalable ? structures.pasid(requester, pasid ?? ridPasid) : undefined;
  const told = pasidWordsOf(pasidEntry);
  const span = 1n << (PAGE_BITS + 9n * BigInt(leaf.level - 1));
  const iova = big(row.iova);
  return {
    rid,
    unit: textOf(context?.unit),
    pasid,
    ridPasid,
    iova,
    scalable,
    firstStage: scalable && (told === null ? isFirstStage(highest) : pgttOf(told) === Pgtt.First),
    // Tables of four levels in a unit of five have an empty first column.
    levels: highest.level,
    top: big(row.top),
    entries: used,
    rootTable: context?.root_table === undefined ? null : big(context.root_table),
    root: pairOf(root),
    context: context === undefined || (context.mode === "scalable") !== scalable ? null : pairOf(context),
    directory: null,
    pasidEntry: told,
    page: big(row.page) | (iova % span),
    write: row.read !== true,
  };
}

const pgttOf = (words: readonly bigint[]): number => Number(fieldReader(PASID_TABLE_ENTRY, words)("PGTT"));

/** Entries of the first stage have U/S, where those of the second would have execute, which the kernel does not set. */
const isFirstStage = ({ level, value }: { readonly level: number; readonly value: bigint }): boolean =>
  fieldReader(pagingEntryLayout(1, level as PagingLevel, false), [value])("U_S") === 1n;

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
  const words = pasidWordsOf(pasidEntry);
  const firstStage = scalable && words !== null && pgttOf(words) === Pgtt.First;
  const aw = Number(scalable ? (pasidEntry?.AW ?? 2) : context.AW);
  const told = firstStage ? 4 + Number(fieldReader(PASID_TABLE_ENTRY, words)("FSPM")) : aw + 2;
  // An entry that is not there, or not valid, does not tell.
  const levels = told >= 3 && told <= 5 ? told : 4;
  const table = scalable ? (firstStage ? pasidEntry?.fs_table : pasidEntry?.ss_table) : context.table;
  return {
    rid,
    unit: null,
    pasid: typeof fault.pasid === "string" ? number(fault.pasid) : null,
    ridPasid: scalable ? number(context.RID_PASID) : 0,
    iova: big(fault.addr),
    scalable,
    firstStage,
    levels,
    top: big(table),
    entries: levelsOf(walk),
    rootTable: null,
    root: pairOf(root),
    context: pairOf(context),
    directory: directory === null ? null : big(directory.value),
    pasidEntry: words,
    page: null,
    write: fault.access === "write",
  };
}

function levelsOf(walk: Keys | null): { level: number; value: bigint }[] {
  const levels = walk?.levels;
  if (!Array.isArray(levels)) return [];
  return levels.map((l: { readonly level: number; readonly pte: string }) => ({ level: l.level, value: big(l.pte) }));
}
