/**
 * What software does to change what a stage's tables map: writes to tables in an order that hardware may watch, then the
 * commands that take out of the caches what is no longer true. The plan changes nothing; its actions are ordinary ones.
 */

import { alignedRange } from "../../kernel/address_range.ts";
import { type Entry, PageTables, type Rights } from "../../pagetable/build.ts";
import { Kind } from "../../pagetable/format.ts";
import { MAX_EDIT_BYTES, type MapChange, type MapPlan } from "../../protocol/map_edit.ts";
import { EditStore, type FreeMemory } from "./edit_store.ts";
import { EditTree } from "./edit_tree.ts";
import type { SourceRoot, TableSource } from "./table_source.ts";
import { type Dropped, type Forgotten, invalidations, type Upkeep } from "./upkeep.ts";

/** Invalidations are of pages of 4 KiB. */
const PAGE_LG2 = 12;
/** Most leaves that are taken out one by one. */
const ONE_BY_ONE = 8;

const rightsOf = (bits: number): Rights => ({
  read: (bits & 1) !== 0,
  write: (bits & 2) !== 0,
  execute: (bits & 4) !== 0,
  user: true,
});

type Planned = Pick<MapPlan, "actions" | "freed" | "bigEndian"> | string;

/**
 * Plan a change.
 * @param users how the tables are kept for each context that uses them, the chosen one first
 * @returns a sentence where it cannot be made
 */
export function planEdit(
  source: TableSource,
  users: readonly [Upkeep, ...Upkeep[]],
  change: MapChange,
  free: FreeMemory,
): Planned {
  const found = rootFor(source, change.from);
  if (found === null) return "The address is beyond what these tables translate.";
  const edit = new Edit(found.root, found.offset, change.from, users, free);
  const wrong = edit.obstacle() ?? edit.prepare(change) ?? edit.make(change);
  return wrong ?? edit.plan();
}

/** The tree that translates an address, and the address within its range. */
function rootFor({ roots }: TableSource, from: bigint): { root: SourceRoot; offset: number } | null {
  for (const root of roots) {
    const offset = Number(BigInt.asUintN(root.inputBits, from));
    const [hi, lo] = root.inputAddress(offset);
    if (((BigInt(hi) << 32n) | BigInt(lo)) === from) return { root, offset };
  }
  return null;
}

/** A table that an edit comes by: its address, level and first input address. */
interface TablePlace {
  readonly table: number;
  readonly level: number;
  readonly first: number;
}

class Edit {
  readonly #root: SourceRoot;
  readonly #va: number;
  /** What a place in the tree's range is beyond its offset. */
  readonly #base: bigint;
  readonly #users: readonly Upkeep[];
  readonly #upkeep: Upkeep;
  readonly #store: EditStore;
  readonly #tree: EditTree;
  readonly #tables: PageTables;
  readonly #dropped: Forgotten[] = [];
  /** Leaves that all address spaces share have changed. */
  #shared = false;
  #freed: readonly number[] = [];

  constructor(root: SourceRoot, va: number, from: bigint, users: readonly [Upkeep, ...Upkeep[]], free: FreeMemory) {
    this.#root = root;
    this.#va = va;
    this.#base = from - BigInt(va);
    this.#users = users;
    [this.#upkeep] = users;
    this.#store = new EditStore(root.reader, free);
    const { maker, breakFirst } = this.#upkeep;
    this.#tree = new EditTree(root.scan, maker.fmt, this.#store);
    const shape = { level: root.scan.level, inputBits: root.inputBits };
    const forget = breakFirst ? (at: number, bytes: number) => this.#forget(at, bytes) : null;
    this.#tables = new PageTables(maker, this.#store, shape, root.scan.at, forget);
  }

  /** Why the tables on the way to the address are none that can be changed here, or null. */
  obstacle(): string | null {
    const { fmt } = this.#upkeep.maker;
    let at = this.#root.scan.at;
    for (let level = this.#root.scan.level; level >= 0; ) {
      this.#store.read(at + 8 * this.#tree.indexAt(this.#va, level));
      const { lo, hi } = this.#store;
      const kind = fmt.kindOf(lo, hi, level);
      if (kind === Kind.Reserved) return "An entry on the way is broken.";
      if (kind !== Kind.Table) return null;
      at = this.#tree.addressIn(hi, lo);
      level = fmt.nextLevel === null ? level - 1 : fmt.nextLevel(lo, hi, level);
    }
    return null;
  }

  /**
   * Put the tables into the form that changes are made in: every level there, and nothing of the range in a run that
   * reaches beyond it. What is mapped stays the same.
   * @returns a sentence where it cannot be done
   */
  prepare(change: MapChange): string | null {
    const { fmt } = this.#upkeep.maker;
    if (fmt.nextLevel === null && change.do === "map") return null;
    const bytes = change.do === "map" || change.do === "unmap" ? change.bytes : 1n << BigInt(fmt.granuleLg2);
    if (bytes <= 0n || bytes > MAX_EDIT_BYTES) return null;
    const { at: table, level } = this.#root.scan;
    // Leaves that are merged may be of one run or of several.
    const apart = change.do !== "merge";
    return this.#prepareTable({ table, level, first: 0 }, this.#va, this.#va + Number(bytes), apart);
  }

  /** @param apart runs that reach beyond the range are taken apart */
  #prepareTable(place: TablePlace, from: number, end: number, apart: boolean): string | null {
    const { table, level, first } = place;
    const { fmt } = this.#upkeep.maker;
    const span = this.#tree.span(level);
    const high = Math.min(this.#tree.entries(level), Math.ceil((end - first) / span));
    for (let i = Math.max(0, Math.floor((from - first) / span)); i < high; i++) {
      const here = first + i * span;
      this.#store.read(table + 8 * i);
      const { lo, hi } = this.#store;
      const kind = fmt.kindOf(lo, hi, level);
      if (kind === Kind.Leaf) {
        const bytes = span * 2 ** fmt.runLg2(lo, hi, level);
        const start = Math.floor(here / bytes) * bytes;
        if (apart && bytes > span && (start < from || start + bytes > end)) this.#takeApart(place, i);
      } else if (kind === Kind.Table) {
        const next = fmt.nextLevel?.(lo, hi, level) ?? level - 1;
        if (next < level - 1 && !this.#fillIn(place, i)) return REFUSALS["no memory for tables"];
        this.#store.read(table + 8 * i);
        const below = { table: this.#tree.addressIn(this.#store.hi, this.#store.lo), level: level - 1, first: here };
        const wrong = this.#prepareTable(below, from, end, apart);
        if (wrong !== null) return wrong;
      }
    }
    return null;
  }

  /** Put a table where an entry leads past its level; the entry moves into it. */
  #fillIn({ table, level, first }: TablePlace, index: number): boolean {
    const at = table + 8 * index;
    const { hi, lo } = this.#store;
    const below = this.#store.allocate(8 * 2 ** this.#upkeep.maker.fmt.strideLg2);
    if (below === null) return false;
    // Address bits of skipped levels are zero, or may be anything.
    const alike = this.#root.scan.fmt.skipsAnything ? 2 ** this.#upkeep.maker.fmt.strideLg2 : 1;
    for (let i = 0; i < alike; i++) this.#store.write(below + 8 * i, hi, lo);
    this.#store.write(at, ...this.#upkeep.maker.table(below, level));
    this.#dropLeaf(first + index * this.#tree.span(level), level, true);
    return true;
  }

  /** Make leaves of their own of a run that counts as one. */
  #takeApart({ table, level, first }: TablePlace, index: number): void {
    const { maker, breakFirst } = this.#upkeep;
    const span = this.#tree.span(level);
    const size = 2 ** maker.fmt.runLg2(this.#store.lo, this.#store.hi, level);
    const start = Math.floor(index / size) * size;
    const alone = Array.from({ length: size }, (_, i): Entry => {
      this.#store.read(table + 8 * (start + i));
      const { hi, lo } = this.#store;
      if (maker.fmt.kindOf(lo, hi, level) !== Kind.Leaf) return [hi, lo];
      this.#note(lo);
      return maker.alike([hi, lo], this.#tree.outputIn(hi, lo, level, first + (start + i) * span), level);
    });
    const leaves = alone.map((_, i) => this.#droppedAt(first + (start + i) * span, span, false));
    if (breakFirst) {
      for (let i = 0; i < size; i++) this.#store.write(table + 8 * (start + i), 0, 0);
      this.#send(leaves);
    } else this.#dropped.push(...leaves);
    for (const [i, [hi, lo]] of alone.entries()) this.#store.write(table + 8 * (start + i), hi, lo);
  }

  /** @returns a sentence where it cannot be made */
  make(change: MapChange): string | null {
    switch (change.do) {
      case "map":
        return this.#map(change.to, change.bytes, change.rights);
      case "unmap":
        return this.#unmap(change.bytes);
      case "split":
        return this.#split();
      case "merge":
        return this.#merge();
      case "flip":
        return this.#flip(change.bit);
    }
  }

  plan(): Planned {
    const [unreadable] = this.#store.unreadable;
    if (unreadable !== undefined) return `The session does not hold the entry at 0x${unreadable.toString(16)}.`;
    this.#send(this.#dropped);
    return {
      actions: this.#store.take(),
      freed: this.#freed.map((at) => BigInt(at)),
      ...(this.#root.reader.bigEndian ? { bigEndian: true } : {}),
    };
  }

  #map(to: bigint, bytes: bigint, rights: number): string | null {
    if (bytes <= 0n || bytes > MAX_EDIT_BYTES) return "From one page up to 1 GiB can be mapped at a time.";
    const refused = this.#tables.map(this.#va, Number(to), Number(bytes), rightsOf(rights));
    if (refused !== null) return REFUSALS[refused.why];
    if (this.#upkeep.cachesAbsent) this.#drop(this.#va, Number(bytes), false);
    return null;
  }

  #unmap(bytes: bigint): string | null {
    const page = 2 ** this.#upkeep.maker.fmt.granuleLg2;
    if (bytes <= 0n || bytes > MAX_EDIT_BYTES || Number(bytes) % page !== 0 || this.#va % page !== 0)
      return "From one page up to 1 GiB can be unmapped at a time, in whole pages.";
    const leaves = this.#leavesIn(this.#va, this.#va + Number(bytes));
    if (leaves.length === 0) return "Nothing is mapped there.";
    const { tables, split } = this.#tables.unmap(this.#va, Number(bytes));
    this.#freed = tables;
    for (const { va, level } of leaves) this.#dropLeaf(va, level, tables.length + split.length > 0);
    return null;
  }

  #split(): string | null {
    const leaf = this.#tables.find(this.#va);
    if (leaf === null) return "Nothing is mapped there.";
    const { maker, breakFirst } = this.#upkeep;
    if (leaf.level === 0 || ((maker.leafLevels >>> (leaf.level - 1)) & 1) === 0)
      return "There is no smaller leaf that this one could be split into.";
    if (!this.#tables.split(this.#va)) return REFUSALS["no memory for tables"];
    const span = this.#tree.span(leaf.level);
    if (!breakFirst) this.#dropLeaf(Math.floor(this.#va / span) * span, leaf.level, true);
    return null;
  }

  #merge(): string | null {
    const { maker, breakFirst, marks } = this.#upkeep;
    const { fmt } = maker;
    const leaf = this.#tables.find(this.#va);
    if (leaf === null) return "Nothing is mapped there.";
    const above = leaf.level + 1;
    if (above > this.#root.scan.level || ((maker.leafLevels >>> above) & 1) === 0)
      return "There is no larger leaf that these could become.";
    const bytes = 8 * 2 ** fmt.strideLg2;
    const table = Math.floor(leaf.at / bytes) * bytes;
    this.#store.read(table);
    const [hi, lo] = [this.#store.hi, this.#store.lo];
    const first = Math.floor(this.#va / this.#tree.span(above)) * this.#tree.span(above);
    const to = this.#tree.outputIn(hi, lo, leaf.level, first);
    if (to % this.#tree.span(above) !== 0) return "What the leaves map does not begin where a block could.";
    let marked = 0;
    for (let i = 0; i < bytes / 8; i++) {
      const offset = i * this.#tree.span(leaf.level);
      const [wantHi, wantLo] = maker.alike([hi, lo], to + offset, leaf.level);
      this.#store.read(table + 8 * i);
      const { hi: ownHi, lo: ownLo } = this.#store;
      if (fmt.kindOf(ownLo, ownHi, leaf.level) !== Kind.Leaf) return NOT_ALIKE;
      const output = this.#tree.outputIn(ownHi, ownLo, leaf.level, first + offset);
      const [isHi, isLo] = maker.alike([ownHi, ownLo], output, leaf.level);
      if ((isHi | 0) !== (wantHi | 0) || ((isLo ^ wantLo) & ~marks) !== 0) return NOT_ALIKE;
      this.#note(ownLo);
      marked |= ownLo & marks;
    }
    const at = this.#tree.entryOf(first, above);
    if (breakFirst) {
      this.#store.write(at, 0, 0);
      this.#send([this.#everything]);
    } else this.#dropped.push(this.#everything);
    this.#store.write(at, ...maker.alike([hi, lo | marked], to, above));
    this.#freed = [table];
    return null;
  }

  /** Flip a bit of the entry that a walk of the address ends at. */
  #flip(bit: number): string | null {
    const { maker, breakFirst, fixed, cachesAbsent } = this.#upkeep;
    const { at, level } = this.#tree.endOf(this.#va);
    this.#store.read(at);
    const { hi, lo } = this.#store;
    const [flipHi, flipLo] = bit < 32 ? [0, 1 << bit] : [1 << (bit - 32), 0];
    const next: Entry = [hi ^ flipHi, lo ^ flipLo];
    const [was, is] = [maker.fmt.kindOf(lo, hi, level), maker.fmt.kindOf(next[1], next[0], level)];
    const span = this.#tree.span(level);
    const whole = this.#droppedAt(Math.floor(this.#va / span) * span, span, is === Kind.Table);
    const stays = was === Kind.Leaf && is === Kind.Leaf;
    const held = stays ? ((fixed[0] & flipHi) | (fixed[1] & flipLo)) !== 0 : breakFirst && is === Kind.Table;
    if (was === Kind.Leaf && held) {
      this.#store.write(at, 0, 0);
      this.#send([whole]);
    } else if (was !== Kind.Empty || cachesAbsent) this.#dropped.push(whole);
    this.#store.write(at, ...next);
    return null;
  }

  /** Send what makes hardware forget; of more than can be named one by one, everything. */
  #send(what: readonly Forgotten[]): void {
    const all = what.length > ONE_BY_ONE || what.some((one) => typeof one === "string");
    const commands = invalidations(this.#users, all ? [this.#everything] : what);
    if (commands.length > 0) this.#store.send(commands);
  }

  get #everything(): Forgotten {
    return this.#shared ? "all spaces" : "space";
  }

  /** A leaf was in force. */
  #note(lo: number): void {
    const { ownSpace } = this.#upkeep;
    this.#shared ||= ownSpace !== 0 && (lo & ownSpace) === 0;
  }

  #forget(va: number, bytes: number): void {
    this.#send([this.#droppedAt(va, bytes, true)]);
  }

  #dropLeaf(va: number, level: number, tables: boolean): void {
    this.#drop(va, this.#tree.span(level), tables);
  }

  #drop(va: number, bytes: number, tables: boolean): void {
    this.#dropped.push(this.#droppedAt(va, bytes, tables));
  }

  #droppedAt(va: number, bytes: number, tables: boolean): Dropped {
    const { at, pagesLg2 } = alignedRange(Number(this.#input(va)), bytes);
    return { at: BigInt(at), sizeLg2: pagesLg2 + PAGE_LG2, tables };
  }

  /** The first few leaves of a range: more than can be taken out one by one are as good as all. */
  #leavesIn(from: number, end: number): { va: number; level: number }[] {
    const leaves: { va: number; level: number }[] = [];
    const visit = (table: number, level: number, first: number): void => {
      const span = this.#tree.span(level);
      const low = Math.max(0, Math.floor((from - first) / span));
      const high = Math.min(this.#tree.entries(level), Math.ceil((end - first) / span));
      for (let i = low; i < high && leaves.length <= ONE_BY_ONE; i++) {
        this.#store.read(table + 8 * i);
        const { lo, hi } = this.#store;
        const kind = this.#upkeep.maker.fmt.kindOf(lo, hi, level);
        if (kind === Kind.Leaf) {
          this.#note(lo);
          leaves.push({ va: first + i * span, level });
        } else if (kind === Kind.Table && level > 0) visit(this.#tree.addressIn(hi, lo), level - 1, first + i * span);
      }
    };
    visit(this.#root.scan.at, this.#root.scan.level, 0);
    return leaves;
  }

  #input(va: number): bigint {
    return this.#base + BigInt(va);
  }
}

const NOT_ALIKE = "The leaves are not alike, or do not map one run of memory.";

const REFUSALS = {
  "not aligned": "Addresses and sizes are multiples of the smallest page.",
  "beyond the input range": "The range ends beyond what these tables translate.",
  "already mapped": "Something of the range is mapped already: unmap it first.",
  "no memory for tables": "The session has no free memory near the tables that a new table could lie in.",
} as const;
