/**
 * What a guest's page tables map, kept as mappings of the VMM's own, whatever the format of the tables. A VMM learns of
 * changes from the guest's invalidations, or write-protects the tables and follows each change when it is made.
 */

import type { KernelMemory } from "../../kernel/platform.ts";
import { entrySizeLg2, Kind } from "../../pagetable/format.ts";
import { type ScanPlace, type ScanReader, type ScanRoot, scan } from "../../pagetable/scan.ts";
import type { WatchedMemory } from "./watched_memory.ts";

/** What a leaf lets devices do. */
interface LeafRights {
  readonly read: boolean;
  readonly write: boolean;
}

/** Tables of a guest's. */
export interface GuestTables {
  readonly root: ScanRoot;
  /** Rights of a leaf; neither leaves it out. `inherited` is what the tables above it impose, as the format has it. */
  rights(leaf: Pick<ScanPlace, "hi" | "lo" | "inherited">): LeafRights;
}

/** Where mappings go. */
export interface ShadowTarget {
  map(iova: number, gpa: number, bytes: number, rights: LeafRights): void;
  /** Of a whole mapping. */
  unmap(iova: number): void;
  /** The guest's tables are larger than the VMM follows. */
  overflowed(): void;
}

interface Leaf extends LeafRights {
  readonly gpa: number;
  readonly bytes: number;
}

/** A table of the guest's, as the shadow came upon it. */
interface Table {
  readonly at: number;
  readonly level: number;
  /** Bytes that an entry spans. */
  readonly span: number;
  readonly va: number;
  readonly inherited: number;
  readonly entries: number;
}

/** Entries of one table, what they are of, and what the tables above impose. */
interface Part {
  readonly from: ScanRoot;
  readonly va: number;
  readonly bytes: number;
  readonly inherited: number;
}

/** As many mappings as a VFIO container has room for by default (dma_entry_limit), and tables to go with them. */
const LIMITS = { tables: 4096, leaves: 65535, entries: 4096 * 512 };
/** Bytes of the smallest page. */
const SMALLEST = 4096;
/** Every address there can be. */
const ALL = 2 ** 57;

/** Which tables are write-protected: those that the shadow knows. */
type Watch = Pick<WatchedMemory, "watch" | "unwatch">;
/** Of a VMM that the guest tells of every change. */
const UNWATCHED: Watch = { watch: () => {}, unwatch: () => {} };

export class ShadowTables {
  readonly #reader: ScanReader;
  readonly #watched: Watch;
  readonly #target: ShadowTarget;
  readonly #leaves = new Map<number, Leaf>();
  #tables: Table[] = [];
  #guest: GuestTables | null = null;

  constructor(memory: KernelMemory, target: ShadowTarget, watched: Watch = UNWATCHED) {
    this.#reader = readerOf(memory);
    this.#watched = watched;
    this.#target = target;
  }

  /** Follow these tables; null for none. */
  follow(tables: GuestTables | null): void {
    this.#guest = tables;
    this.refresh();
  }

  /** Read anew what a range of addresses leads to. */
  refresh(va = 0, bytes = ALL): void {
    if (this.#guest === null) {
      this.#replace(0, ALL, new Map(), []);
      return;
    }
    const { root } = this.#guest;
    const within = bytes < ALL ? this.#narrow(root, ...this.#widened(va, bytes)) : null;
    if (within === null) this.#scan(root, 0, ALL, 0, true);
    else this.#scan(within.from, within.va, within.bytes, within.inherited, false);
  }

  /** A word of a watched page was written. */
  written(at: number): void {
    if (this.#guest === null) return;
    const { root } = this.#guest;
    for (const table of this.#tables.filter((t) => at >= t.at && at < t.at + 8 * t.entries)) {
      const span = 2 ** entrySizeLg2(root.fmt, table.level);
      const entry = { ...root, at, level: table.level, entries: 1 };
      this.#scan(entry, table.va + ((at - table.at) / 8) * span, span, table.inherited, false);
    }
  }

  /** A range together with the mapping that its start lies in: that may have been taken apart. */
  #widened(va: number, bytes: number): [va: number, bytes: number] {
    const { fmt } = this.#guest!.root;
    for (let level = 1; level <= fmt.topLevel; level++) {
      const size = 2 ** entrySizeLg2(fmt, level);
      const start = va - (va % size);
      if (this.#leaves.get(start)?.bytes === size) return [start, Math.max(size, va + bytes - start)];
    }
    return [va, bytes];
  }

  /** The entries of the lowest table that has all of a range; null for the whole of the root. */
  #narrow(root: ScanRoot, va: number, bytes: number): Part | null {
    const { fmt } = root;
    let { at, level } = root;
    let [start, inherited] = [0, 0];
    for (;;) {
      const span = 2 ** entrySizeLg2(fmt, level);
      const [first, last] = [Math.floor((va - start) / span), Math.floor((va + bytes - 1 - start) / span)];
      const entries = last - first + 1;
      if (level === root.level && last >= root.entries) return null;
      const from = { ...root, at: at + 8 * first, level, entries };
      const part = { from, va: start + first * span, bytes: entries * span, inherited };
      if (entries > 1 || this.#reader.readEntry(from.at) !== 0) return part;
      const { hi, lo } = this.#reader;
      if (fmt.kindOf(lo, hi, level) !== Kind.Table) return part;
      // Where levels are left out, the table has the lowest part alone of what its entry covers.
      if (fmt.nextLevel !== null && fmt.nextLevel(lo, hi, level) !== level - 1) return part;
      inherited |= ((hi ^ fmt.grantsHi) & fmt.inheritHi) | ((lo ^ fmt.grantsLo) & fmt.inheritLo);
      at = ((hi & fmt.oaHiMask) >>> 0) * 2 ** 32 + ((lo & fmt.oaLoMask) >>> 0);
      start = part.va;
      level--;
    }
  }

  /** Compare what lies in a range of addresses with what tables say. @param whole `from` is a table, not one entry of one */
  #scan(from: ScanRoot, va: number, bytes: number, inherited: number, whole: boolean): void {
    const guest = this.#guest!;
    const leaves = new Map<number, Leaf>();
    const tables: Table[] = [];
    let first = true;
    const complete = scan(
      from,
      this.#reader,
      {
        enter: (p, entries) => {
          if (!first || whole) {
            const imposed = p.inherited | inherited;
            const span = 2 ** entrySizeLg2(from.fmt, p.level);
            tables.push({ at: p.out, level: p.level, span, va: va + p.va, inherited: imposed, entries });
          }
          first = false;
        },
        leaf: ({ hi, lo, out, level, ...p }) => {
          const { read, write } = guest.rights({ hi, lo, inherited: p.inherited | inherited });
          const size = 2 ** entrySizeLg2(from.fmt, level);
          if (read || write) leaves.set(va + p.va, { gpa: out, bytes: size, read, write });
        },
        bad: () => {},
        leave: () => {},
      },
      LIMITS,
    );
    if (!complete) this.#target.overflowed();
    this.#replace(va, bytes, leaves, tables);
  }

  #replace(va: number, bytes: number, leaves: Map<number, Leaf>, tables: readonly Table[]): void {
    const inside = (at: number): boolean => at >= va && at < va + bytes;
    for (const [at, old] of this.#leavesIn(va, bytes)) {
      const now = leaves.get(at);
      if (now !== undefined && sameLeaf(now, old)) continue;
      this.#target.unmap(at);
      this.#leaves.delete(at);
    }
    for (const [at, leaf] of leaves) {
      if (this.#leaves.has(at)) continue;
      if (this.#leaves.size >= LIMITS.leaves) {
        this.#target.overflowed();
        break;
      }
      this.#leaves.set(at, leaf);
      this.#target.map(at, leaf.gpa, leaf.bytes, leaf);
    }
    // Tables that lie in the range go with it; the one that holds its entry begins there too, but is larger.
    const gone = (t: Table): boolean => inside(t.va) && t.entries * t.span <= bytes;
    for (const table of this.#tables) if (gone(table)) this.#watched.unwatch(table.at);
    const kept = this.#tables.filter((t) => !gone(t));
    const added = tables.slice(0, Math.max(0, LIMITS.tables - kept.length));
    if (added.length < tables.length) this.#target.overflowed();
    for (const table of added) this.#watched.watch(table.at);
    this.#tables = [...kept, ...added];
  }

  #leavesIn(va: number, bytes: number): (readonly [number, Leaf])[] {
    const pages = bytes / SMALLEST;
    if (pages > this.#leaves.size) return [...this.#leaves].filter(([at]) => at >= va && at < va + bytes);
    const places = Array.from({ length: pages }, (_, page) => va + page * SMALLEST);
    return places.flatMap((at) => (this.#leaves.has(at) ? [[at, this.#leaves.get(at)!] as const] : []));
  }
}

const sameLeaf = (a: Leaf, b: Leaf): boolean =>
  a.gpa === b.gpa && a.bytes === b.bytes && a.read === b.read && a.write === b.write;

function readerOf(memory: KernelMemory): ScanReader {
  const reader = {
    hi: 0,
    lo: 0,
    readEntry(at: number): number {
      memory.read(at);
      reader.hi = memory.hi | 0;
      reader.lo = memory.lo | 0;
      return 0;
    },
  };
  return reader;
}
