/**
 * What software does to change what a stage's tables map: writes to tables in an order that hardware may watch, then the
 * commands that take out of the caches what is no longer true. The plan changes nothing; its actions are ordinary ones.
 */

import { PageTables, type Rights } from "../../pagetable/build.ts";
import { entrySizeLg2, Kind } from "../../pagetable/format.ts";
import { MAX_EDIT_BYTES, type MapChange, type MapPlan } from "../../protocol/map_edit.ts";
import { EditStore, type FreeMemory } from "./edit_store.ts";
import type { Dropped, SourceRoot, TableSource, Upkeep } from "./table_source.ts";

/** Most leaves that are taken out one by one. */
const ONE_BY_ONE = 8;

const rightsOf = (bits: number): Rights => ({
  read: (bits & 1) !== 0,
  write: (bits & 2) !== 0,
  execute: (bits & 4) !== 0,
  user: true,
});

type Planned = Pick<MapPlan, "actions" | "freed"> | string;

/**
 * Plan a change.
 * @returns a sentence where it cannot be made
 */
export function planEdit(source: TableSource, upkeep: Upkeep, change: MapChange, free: FreeMemory): Planned {
  const found = rootFor(source, change.from);
  if (found === null) return "The address is beyond what these tables translate.";
  const edit = new Edit(found.root, found.offset, change.from, upkeep, free);
  const wrong = edit.obstacle() ?? edit.make(change);
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

class Edit {
  readonly #root: SourceRoot;
  readonly #va: number;
  /** What a place in the tree's range is beyond its offset. */
  readonly #base: bigint;
  readonly #upkeep: Upkeep;
  readonly #store: EditStore;
  readonly #tables: PageTables;
  readonly #dropped: Dropped[] = [];
  #freed: readonly number[] = [];

  constructor(root: SourceRoot, va: number, from: bigint, upkeep: Upkeep, free: FreeMemory) {
    this.#root = root;
    this.#va = va;
    this.#base = from - BigInt(va);
    this.#upkeep = upkeep;
    this.#store = new EditStore(root.reader, free);
    const shape = { level: root.scan.level, inputBits: root.inputBits };
    const forget = upkeep.breakFirst ? (at: number, bytes: number) => this.#forget(at, bytes) : null;
    this.#tables = new PageTables(upkeep.maker, this.#store, shape, root.scan.at, forget);
  }

  /** Why the tables on the way to the address are none that can be changed here, or null. */
  obstacle(): string | null {
    const { fmt } = this.#upkeep.maker;
    let at = this.#root.scan.at;
    for (let level = this.#root.scan.level; level >= 0; level--) {
      this.#store.read(at + 8 * this.#indexAt(level));
      const { lo, hi } = this.#store;
      const kind = fmt.kindOf(lo, hi, level);
      if (kind === Kind.Empty) return null;
      if (kind === Kind.Reserved) return "An entry on the way is broken.";
      if (kind === Kind.Leaf) {
        if (fmt.pageLg2 !== null && fmt.pageLg2(lo, hi, level) !== entrySizeLg2(fmt, level))
          return "The leaf is one of a size that several entries make up.";
        return fmt.runLg2(lo, hi, level) > 0 ? "The leaf is one of a run that counts as one." : null;
      }
      if (fmt.nextLevel !== null && fmt.nextLevel(lo, hi, level) !== level - 1)
        return "An entry on the way skips levels.";
      at = this.#addressIn(hi, lo);
    }
    return null;
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
    }
  }

  plan(): Planned {
    const [unreadable] = this.#store.unreadable;
    if (unreadable !== undefined) return `The session does not hold the entry at 0x${unreadable.toString(16)}.`;
    const { drop, wait } = this.#upkeep;
    const all = this.#dropped.length > ONE_BY_ONE;
    const commands = all ? drop(null) : this.#dropped.flatMap((one) => drop(one));
    if (commands.length > 0) this.#store.send([...commands, wait]);
    return { actions: this.#store.take(), freed: this.#freed.map((at) => BigInt(at)) };
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
    const span = this.#span(leaf.level);
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
    const to = this.#addressIn(hi, lo);
    if (to % this.#span(above) !== 0) return "What the leaves map does not begin where a block could.";
    let marked = 0;
    for (let i = 0; i < bytes / 8; i++) {
      const [wantHi, wantLo] = maker.alike([hi, lo], to + i * this.#span(leaf.level), leaf.level);
      this.#store.read(table + 8 * i);
      if (this.#store.hi !== (wantHi | 0) || ((this.#store.lo ^ wantLo) & ~marks) !== 0)
        return "The leaves are not alike, or do not map one run of memory.";
      marked |= this.#store.lo & marks;
    }
    const first = Math.floor(this.#va / this.#span(above)) * this.#span(above);
    const at = this.#entryOf(first, above);
    if (breakFirst) {
      this.#store.write(at, 0, 0);
      this.#store.send([...this.#upkeep.drop(null), this.#upkeep.wait]);
    } else this.#dropMany(first, above);
    this.#store.write(at, ...maker.alike([hi, lo | marked], to, above));
    this.#freed = [table];
    return null;
  }

  #forget(va: number, bytes: number): void {
    const { drop, wait } = this.#upkeep;
    this.#store.send([...drop({ at: this.#input(va), sizeLg2: Math.log2(bytes), tables: true }), wait]);
  }

  /** Leaves that a table at `level` holds were in force. */
  #dropMany(va: number, level: number): void {
    for (let i = 0; i <= ONE_BY_ONE; i++) this.#dropLeaf(va, level, true);
  }

  #dropLeaf(va: number, level: number, tables: boolean): void {
    this.#drop(va, this.#span(level), tables);
  }

  #drop(va: number, bytes: number, tables: boolean): void {
    const sizeLg2 = Math.ceil(Math.log2(bytes));
    const at = BigInt.asUintN(64, this.#input(va) & (-1n << BigInt(sizeLg2)));
    this.#dropped.push({ at, sizeLg2, tables });
  }

  /** The first few leaves of a range: more than can be taken out one by one are as good as all. */
  #leavesIn(from: number, end: number): { va: number; level: number }[] {
    const leaves: { va: number; level: number }[] = [];
    const visit = (table: number, level: number, first: number): void => {
      const span = this.#span(level);
      const entries = level === this.#root.scan.level ? this.#root.scan.entries : 2 ** this.#upkeep.maker.fmt.strideLg2;
      const low = Math.max(0, Math.floor((from - first) / span));
      const high = Math.min(entries, Math.ceil((end - first) / span));
      for (let i = low; i < high && leaves.length <= ONE_BY_ONE; i++) {
        this.#store.read(table + 8 * i);
        const { lo, hi } = this.#store;
        const kind = this.#upkeep.maker.fmt.kindOf(lo, hi, level);
        if (kind === Kind.Leaf) leaves.push({ va: first + i * span, level });
        else if (kind === Kind.Table && level > 0) visit(this.#addressIn(hi, lo), level - 1, first + i * span);
      }
    };
    visit(this.#root.scan.at, this.#root.scan.level, 0);
    return leaves;
  }

  /** Address of the entry for `va` in the table at `level`, to which tables lead. */
  #entryOf(va: number, level: number): number {
    let at = this.#root.scan.at;
    for (let here = this.#root.scan.level; here > level; here--) {
      this.#store.read(at + 8 * this.#indexAt(here));
      at = this.#addressIn(this.#store.hi, this.#store.lo);
    }
    return at + 8 * (Math.floor(va / this.#span(level)) % this.#entries(level));
  }

  #entries(level: number): number {
    return level === this.#root.scan.level ? this.#root.scan.entries : 2 ** this.#upkeep.maker.fmt.strideLg2;
  }

  #indexAt(level: number): number {
    return Math.floor(this.#va / this.#span(level)) % this.#entries(level);
  }

  #addressIn(hi: number, lo: number): number {
    const { fmt } = this.#upkeep.maker;
    const more = fmt.oaMoreHi === null ? 0 : fmt.oaMoreHi(lo, hi);
    return (((hi & fmt.oaHiMask) | more) >>> 0) * 0x1_0000_0000 + ((lo & fmt.oaLoMask) >>> 0);
  }

  #span(level: number): number {
    return 2 ** entrySizeLg2(this.#upkeep.maker.fmt, level);
  }

  #input(va: number): bigint {
    return this.#base + BigInt(va);
  }
}

const REFUSALS = {
  "not aligned": "Addresses and sizes are multiples of the smallest page.",
  "beyond the input range": "The range ends beyond what these tables translate.",
  "already mapped": "Something of the range is mapped already: unmap it first.",
  "no memory for tables": "The session has no free memory near the tables that a new table could lie in.",
} as const;
