/**
 * Builds page tables of any format: map and unmap ranges, with the largest leaves that fit.
 *
 * Addresses are numbers, multiples of the smallest page: such multiples are exact up to 2^64. Every change is a write to
 * the store, in an order that never shows hardware a table before its entries are there. What a cache may still hold
 * is the caller's to invalidate; tables that went out of use come back to be freed after that.
 */
import { fromHalves } from "../base/address.ts";
import { entrySizeLg2, Kind, type PageTableFormat } from "./format.ts";

/** What a mapping allows. `user` matters where the format tells unprivileged accesses apart. */
export interface Rights {
  readonly read: boolean;
  readonly write: boolean;
  readonly execute: boolean;
  readonly user: boolean;
  /** Registers lie there, not memory, and formats that have memory types say so; absent: memory. */
  readonly device?: boolean;
}

/** An entry as two halves, signed or unsigned. */
export type Entry = readonly [hi: number, lo: number];

/** Makes the entries of one format. Levels count from the leaves, 0 for the smallest pages. */
export interface EntryMaker {
  readonly fmt: PageTableFormat;
  /** Levels at which a leaf may stand: bit n for level n. */
  readonly leafLevels: number;
  /** An entry at `level` that leads to the table one level down. */
  table(address: number, level: number): Entry;
  /** An entry at `level` that maps memory at `address`, a multiple of what the level spans. */
  leaf(address: number, level: number, rights: Rights): Entry;
  /** A leaf at `level` with the attributes of one at another level; it stands alone, whatever run that one is part of. */
  alike(leaf: Entry, address: number, level: number): Entry;
}

/** Where tables live. */
export interface TableStore {
  /** Zeroed memory for a table, aligned to its size; null when there is none left. */
  allocate(bytes: number): number | null;
  /** Read an entry into {@link hi} and {@link lo}. */
  read(at: number): void;
  /** Whether every entry of a table, or of part of one, is zero. */
  isZero(at: number, bytes: number): boolean;
  readonly hi: number;
  readonly lo: number;
  write(at: number, hi: number, lo: number): void;
}

/** Why a range cannot be mapped. */
export type Refusal = "not aligned" | "beyond the input range" | "already mapped" | "no memory for tables";

/** A range that was not mapped: nothing of it is. */
export interface Refused {
  readonly why: Refusal;
  /** Tables that were made for it in vain, to be freed. */
  readonly tables: readonly number[];
}

/** What an unmap did. */
export interface Unmapped {
  /** Bytes that were mapped and are no longer. */
  readonly bytes: number;
  /** Tables that nothing points to any more, to be freed when no cache can lead to them. */
  readonly tables: readonly number[];
  /** Tables of the range stay, for {@link PageTables.prune}. */
  readonly emptied: boolean;
  /** Leaves that reached beyond the range and were replaced by tables of smaller ones: address and log2 of size. */
  readonly split: readonly { readonly at: number; readonly sizeLg2: number }[];
}

/** Shape of a table tree. */
export interface TreeShape {
  /** Level of the root table. */
  readonly level: number;
  /** Bits of an input address; they give the size of the root. */
  readonly inputBits: number;
}

/** A table, and where the entry stands that leads to it. */
interface Made {
  readonly at: number;
  readonly table: number;
}

interface Taken {
  bytes: number;
  readonly tables: number[];
  readonly split: { at: number; sizeLg2: number }[];
  emptied: boolean;
  /** Leaves go. */
  readonly leaves: boolean;
  /** Tables stay. */
  readonly keep: boolean;
}

export class PageTables {
  readonly maker: EntryMaker;
  readonly #store: TableStore;
  #level: number;
  #root: number;
  #rootEntries: number;
  #end: number;
  readonly #forget: ((va: number, bytes: number) => void) | null;

  /**
   * @param root where the root table stands already, zeroed or filled
   * @param forget makes hardware forget a range, for hardware that must not see a leaf become a table in one write
   */
  constructor(
    maker: EntryMaker,
    store: TableStore,
    shape: TreeShape,
    root: number,
    forget: ((va: number, bytes: number) => void) | null = null,
  ) {
    this.#forget = forget;
    this.maker = maker;
    this.#level = shape.level;
    this.#root = root;
    this.#store = store;
    this.#rootEntries = 2 ** (shape.inputBits - entrySizeLg2(maker.fmt, shape.level));
    this.#end = 2 ** shape.inputBits;
  }

  /** Level of the root table. */
  get level(): number {
    return this.#level;
  }

  /** Address of the root table. */
  get root(): number {
    return this.#root;
  }

  /** One past the last input address. */
  get end(): number {
    return this.#end;
  }

  /**
   * Put a table above the root, whose first entry leads to it: addresses may be as many bits longer as a level translates,
   * up to `mostBits`. Whoever has the root's address has to learn of the new one. @returns false without memory
   */
  grow(mostBits: number): boolean {
    const { fmt } = this.maker;
    const above = this.#store.allocate(8 * 2 ** fmt.strideLg2);
    if (above === null) return false;
    const [hi, lo] = this.maker.table(this.#root, this.#level + 1);
    this.#store.write(above, hi, lo);
    this.#root = above;
    this.#level++;
    const inputBits = Math.min(mostBits, entrySizeLg2(fmt, this.#level + 1));
    this.#rootEntries = 2 ** (inputBits - entrySizeLg2(fmt, this.#level));
    this.#end = 2 ** inputBits;
    return true;
  }

  /** Bytes of the root table of a tree. */
  static rootBytes(fmt: PageTableFormat, shape: TreeShape): number {
    return 8 * 2 ** (shape.inputBits - entrySizeLg2(fmt, shape.level));
  }

  /** Map `bytes` from `va` to `pa` on. @returns null when it is mapped */
  map(va: number, pa: number, bytes: number, rights: Rights): Refused | null {
    const page = this.#span(0);
    if (va % page !== 0 || pa % page !== 0 || bytes % page !== 0) return { why: "not aligned", tables: [] };
    if (va + bytes > this.#end) return { why: "beyond the input range", tables: [] };
    const made: Made[] = [];
    for (let done = 0; done < bytes; ) {
      const level = this.#largest(va + done, pa + done, bytes - done);
      const placed = this.#place(va + done, level, made);
      if (typeof placed === "string") {
        this.unmap(va, done, true);
        return { why: placed, tables: this.#takeBack(made) };
      }
      const [hi, lo] = this.maker.leaf(pa + done, placed.level, rights);
      this.#store.write(placed.at, hi, lo);
      done += this.#span(placed.level);
    }
    return null;
  }

  /**
   * Unmap what is mapped of `bytes` from `va` on; leaves that reach beyond are split. Multiples of the page. Tables go
   * where the range has all that they cover, as in Linux 7.2 (drivers/iommu/io-pgtable-arm.c, generic_pt/iommu_pt.h); one
   * that is left empty by and by is kept for what is mapped next.
   * @param keep tables stay, those of the range, too: whoever maps again before caches have forgotten the old way finds
   * the same tables on it
   */
  unmap(va: number, bytes: number, keep = false): Unmapped {
    return this.#take(va, bytes, true, keep);
  }

  /** Take out the tables that a range has wholly, and that are empty. @returns them, to be freed when no cache can lead to them */
  prune(va: number, bytes: number): readonly number[] {
    return this.#take(va, bytes, false, false).tables;
  }

  /** Replace the leaf of `va` by a table of smaller ones that map the same. @returns false without a leaf or memory */
  split(va: number): boolean {
    const leaf = this.find(va);
    if (leaf === null || leaf.level === 0) return false;
    const span = this.#span(leaf.level);
    const taken: Taken = { bytes: 0, tables: [], split: [], emptied: false, leaves: true, keep: true };
    return this.#split(leaf.at, leaf.level, Math.floor(va / span) * span, taken) !== null;
  }

  /** Where the leaf of `va` stands, with its level; null where nothing is mapped. */
  find(va: number): { readonly at: number; readonly level: number } | null {
    let table = this.#root;
    for (let level = this.#level; ; level--) {
      const at = this.#slot(table, level, va);
      const kind = this.#kindAt(at, level);
      if (kind === Kind.Leaf) return { at, level };
      if (kind !== Kind.Table) return null;
      table = this.#address();
    }
  }

  /** Take out tables that were made in vain, the lowest first. */
  #takeBack(made: readonly Made[]): number[] {
    return made.toReversed().map(({ at, table }) => {
      this.#store.write(at, 0, 0);
      return table;
    });
  }

  #span(level: number): number {
    return 2 ** entrySizeLg2(this.maker.fmt, level);
  }

  #slot(table: number, level: number, va: number): number {
    const entries = level === this.#level ? this.#rootEntries : 2 ** this.maker.fmt.strideLg2;
    return table + 8 * (Math.floor(va / this.#span(level)) % entries);
  }

  #kindAt(at: number, level: number): Kind {
    this.#store.read(at);
    return this.maker.fmt.kindOf(this.#store.lo, this.#store.hi, level);
  }

  /** Output address of the entry last read. */
  #address(): number {
    const { fmt } = this.maker;
    const { hi, lo } = this.#store;
    const more = fmt.oaMoreHi === null ? 0 : fmt.oaMoreHi(lo, hi);
    return fromHalves((hi & fmt.oaHiMask) | more, lo & fmt.oaLoMask);
  }

  /** The highest level whose leaf fits. */
  #largest(va: number, pa: number, bytes: number): number {
    for (let level = this.#level; level > 0; level--) {
      const span = this.#span(level);
      const fits = va % span === 0 && pa % span === 0 && bytes >= span;
      if (fits && ((this.maker.leafLevels >>> level) & 1) === 1) return level;
    }
    return 0;
  }

  /** The empty entry for a leaf of `va` at `level`, or below it where a table is in the way; tables are made, and told. */
  #place(va: number, level: number, made: Made[]): { readonly at: number; readonly level: number } | Refusal {
    let table = this.#root;
    let wanted = level;
    for (let here = this.#level; ; here--) {
      const at = this.#slot(table, here, va);
      const kind = this.#kindAt(at, here);
      if (kind === Kind.Table) {
        table = this.#address();
        if (here === wanted) wanted = this.#leafBelow(here);
      } else if (kind !== Kind.Empty) return "already mapped";
      else if (here === wanted) return { at, level: here };
      else {
        const below = this.#store.allocate(8 * 2 ** this.maker.fmt.strideLg2);
        if (below === null) return "no memory for tables";
        const [hi, lo] = this.maker.table(below, here);
        this.#store.write(at, hi, lo);
        made.push({ at, table: below });
        table = below;
      }
    }
  }

  #leafBelow(level: number): number {
    for (let below = level - 1; below > 0; below--) if (((this.maker.leafLevels >>> below) & 1) === 1) return below;
    return 0;
  }

  #take(va: number, bytes: number, leaves: boolean, keep: boolean): Taken {
    const taken: Taken = { bytes: 0, tables: [], split: [], emptied: false, leaves, keep };
    const end = Math.min(va + bytes, this.#end);
    if (end > va) this.#clear(this.#root, this.#level, this.#rootEntries, 0, va, end, taken);
    return taken;
  }

  /**
   * Clear the entries of a table that map part of [from, end); `first` is the first address that the table covers.
   * @returns true when all of the table was to be cleared, it is empty, and is to go
   */
  #clear(
    table: number,
    level: number,
    entries: number,
    first: number,
    from: number,
    end: number,
    taken: Taken,
  ): boolean {
    const span = this.#span(level);
    const low = Math.max(0, Math.floor((from - first) / span));
    const high = Math.min(entries, Math.ceil((end - first) / span));
    for (let i = low; i < high; i++) {
      const at = table + 8 * i;
      const kind = this.#kindAt(at, level);
      if (kind === Kind.Empty || (kind === Kind.Leaf && !taken.leaves)) continue;
      const here = first + i * span;
      const whole = from <= here && here + span <= end;
      if (kind === Kind.Table || (kind === Kind.Leaf && !whole)) {
        const below = kind === Kind.Table ? this.#address() : this.#split(at, level, here, taken);
        if (below === null || !this.#clear(below, level - 1, 2 ** this.maker.fmt.strideLg2, here, from, end, taken))
          continue;
        taken.tables.push(below);
      } else if (kind === Kind.Leaf) taken.bytes += span;
      this.#store.write(at, 0, 0);
    }
    const covered = from <= first && first + entries * span <= end;
    if (!covered || !(taken.leaves || this.#store.isZero(table, 8 * entries))) return false;
    taken.emptied = true;
    return !taken.keep;
  }

  /** Replace the leaf at `at` by a table of smaller ones that map the same. @returns the table, null without memory */
  #split(at: number, level: number, va: number, taken: Taken): number | null {
    this.#store.read(at);
    const [hi, lo] = [this.#store.hi, this.#store.lo];
    const from = this.#address();
    const table = this.#store.allocate(8 * 2 ** this.maker.fmt.strideLg2);
    if (table === null) return null;
    const span = this.#span(level - 1);
    for (let i = 0; i < 2 ** this.maker.fmt.strideLg2; i++) {
      const [newHi, newLo] = this.maker.alike([hi, lo], from + i * span, level - 1);
      this.#store.write(table + 8 * i, newHi, newLo);
    }
    if (this.#forget !== null) {
      this.#store.write(at, 0, 0);
      this.#forget(va, this.#span(level));
    }
    const [tableHi, tableLo] = this.maker.table(table, level);
    this.#store.write(at, tableHi, tableLo);
    taken.split.push({ at, sizeLg2: entrySizeLg2(this.maker.fmt, level) });
    return table;
  }
}
