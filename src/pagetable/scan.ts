/**
 * Visits everything a page table maps, in ascending order of address, for pictures and lists.
 *
 * Tables a user gives may point anywhere, at themselves too: the scan stops at a bound of tables and of leaves and says so.
 * Addresses here are whole numbers: offsets within the table's input range, and addresses of tables below 2^52.
 */
import { entrySizeLg2, Kind, type PageTableFormat } from "./format.ts";

/** Reads entries for a scan. */
export interface ScanReader {
  /** The entry last read, signed halves. */
  readonly lo: number;
  readonly hi: number;
  /** @returns 0, or a code of the reader's own for why the entry cannot be read */
  readEntry(at: number): number;
}

/** Where the scan is: level counted from the leaves, address of the entry, first input address it covers. */
export interface ScanPlace {
  level: number;
  at: number;
  va: number;
  lo: number;
  hi: number;
  /** What the tables above impose (`inheritHi` and `inheritLo` bits of the format), signed. */
  inherited: number;
  /** Output address of a leaf, address of the next table, or of an entry that cannot be read. */
  out: number;
}

/** Told of what the scan meets. The place is reused: copy what is kept. */
export interface ScanVisitor {
  /** A table begins; `p.out` is its address. */
  enter(p: ScanPlace, entries: number): void;
  leaf(p: ScanPlace): void;
  /**
   * Entries that map nothing because they are broken: a reserved type, an address too large, or unreadable (`code` > 0).
   * Neighbours that are unreadable for one reason come as one run of `entries`.
   */
  bad(p: ScanPlace, why: "reserved" | "address size" | "unreadable", code: number, entries: number): void;
  /** The table of the last unmatched `enter` ends. */
  leave(): void;
}

/** Bounds of a scan. */
export interface ScanLimits {
  readonly tables: number;
  /** Leaves, and runs of broken entries. */
  readonly leaves: number;
  /** Entries read, checked at the start of each table. */
  readonly entries: number;
}

/** Where a table tree begins. */
export interface ScanRoot {
  readonly fmt: PageTableFormat;
  readonly at: number;
  readonly level: number;
  /** Entries of the root: more than a whole table where roots are concatenated, less where partial. */
  readonly entries: number;
  /** Bits of an output address size, 32 to 52. */
  readonly outputBits: number;
}

/** @returns true when all was visited, false when a bound was met */
export function scan(root: ScanRoot, reader: ScanReader, visitor: ScanVisitor, limits: ScanLimits): boolean {
  const whole = new TableScan(root, reader, visitor, limits);
  whole.advance(Number.POSITIVE_INFINITY);
  return whole.complete;
}

/** A table whose entries from `next` on are still to be visited. */
interface OpenTable {
  readonly at: number;
  readonly level: number;
  readonly entries: number;
  readonly va: number;
  readonly inherited: number;
  next: number;
}

/** A scan that goes on piece by piece. */
export class TableScan {
  /** False as soon as a bound was met: the scan ends there. */
  complete = true;
  readonly #root: ScanRoot;
  readonly #reader: ScanReader;
  readonly #visitor: ScanVisitor;
  readonly #limits: ScanLimits;
  /** From the root down. */
  readonly #open: OpenTable[] = [];
  readonly #place: ScanPlace = { level: 0, at: 0, va: 0, lo: 0, hi: 0, inherited: 0, out: 0 };
  #tables = 0;
  #leaves = 0;
  #read = 0;

  constructor(root: ScanRoot, reader: ScanReader, visitor: ScanVisitor, limits: ScanLimits) {
    this.#root = root;
    this.#reader = reader;
    this.#visitor = visitor;
    this.#limits = limits;
    this.#enter(root.at, root.level, root.entries, 0, 0);
  }

  /** Share of what there is to visit that lies behind, from 0 to 1, as far as the open tables tell. */
  get share(): number {
    return this.#open.reduceRight((inner, table) => {
      const all = this.#used(table, table.entries);
      return all === 0 ? 1 : (this.#used(table, table.next) - 1 + inner) / all;
    }, 1);
  }

  /** How many of a table's entries before one are not empty. */
  #used({ at, level }: OpenTable, before: number): number {
    let used = 0;
    for (let i = 0; i < before; i++) {
      const code = this.#reader.readEntry(at + 8 * i);
      if (code !== 0 || this.#root.fmt.kindOf(this.#reader.lo, this.#reader.hi, level) !== Kind.Empty) used++;
    }
    return used;
  }

  /** Go on until tables of that many entries more are open or behind. @returns whether there is more to visit */
  advance(entries: number): boolean {
    const until = this.#read + entries;
    for (let table = this.#open.at(-1); table !== undefined && this.#read < until; table = this.#open.at(-1)) {
      this.#visit(table);
    }
    return this.#open.length > 0;
  }

  #enter(at: number, level: number, entries: number, va: number, inherited: number): void {
    this.#read += entries;
    if (!this.#allowed(++this.#tables <= this.#limits.tables && this.#read <= this.#limits.entries)) return;
    this.#visitor.enter(this.#put(level, at, va, inherited, at), entries);
    this.#open.push({ at, level, entries, va, inherited, next: 0 });
  }

  /** The scan ends where it is not. @returns `allowed` */
  #allowed(allowed: boolean): boolean {
    if (allowed) return true;
    this.complete = false;
    this.#open.length = 0;
    return false;
  }

  #put(level: number, at: number, va: number, inherited: number, out: number): ScanPlace {
    const place = this.#place;
    place.level = level;
    place.at = at;
    place.va = va;
    place.inherited = inherited;
    place.out = out;
    place.lo = this.#reader.lo;
    place.hi = this.#reader.hi;
    return place;
  }

  /** Visit entries of the innermost open table up to the next table below it, or to the table's end. */
  #visit(table: OpenTable): void {
    const { at, level, entries, inherited } = table;
    const { fmt, outputBits } = this.#root;
    const [reader, visitor, limits] = [this.#reader, this.#visitor, this.#limits];
    const beyond = 2 ** outputBits;
    const span = 2 ** entrySizeLg2(fmt, level);
    while (table.next < entries) {
      const i = table.next++;
      const code = reader.readEntry(at + 8 * i);
      const here = table.va + i * span;
      if (code !== 0) {
        if (!this.#allowed(++this.#leaves <= limits.leaves)) return;
        while (table.next < entries && reader.readEntry(at + 8 * table.next) === code) table.next++;
        visitor.bad(this.#put(level, at + 8 * i, here, inherited, at + 8 * i), "unreadable", code, table.next - i);
        continue;
      }
      const { lo, hi } = reader;
      const kind = fmt.kindOf(lo, hi, level);
      if (kind === Kind.Empty) continue;
      const outHi = (hi & fmt.oaHiMask) | (fmt.oaMoreHi === null ? 0 : fmt.oaMoreHi(lo, hi));
      let out = (outHi >>> 0) * 0x1_0000_0000 + ((lo & fmt.oaLoMask) >>> 0);
      if (kind === Kind.Leaf) {
        // A page of several entries: each maps its own part.
        const page = fmt.pageLg2 === null ? span : 2 ** fmt.pageLg2(lo, hi, level);
        out = out - (out % page) + (here % page);
      }
      const ends = kind !== Kind.Table || out >= beyond;
      if (ends && !this.#allowed(++this.#leaves <= limits.leaves)) return;
      if (kind === Kind.Reserved) visitor.bad(this.#put(level, at + 8 * i, here, inherited, out), "reserved", 0, 1);
      else if (out >= beyond) visitor.bad(this.#put(level, at + 8 * i, here, inherited, out), "address size", 0, 1);
      else if (kind === Kind.Leaf) visitor.leaf(this.#put(level, at + 8 * i, here, inherited, out));
      else {
        const next = fmt.nextLevel === null ? level - 1 : fmt.nextLevel(lo, hi, level);
        const imposed = ((hi ^ fmt.grantsHi) & fmt.inheritHi) | ((lo ^ fmt.grantsLo) & fmt.inheritLo);
        this.#enter(out, next, 2 ** fmt.strideLg2, here, inherited | imposed);
        return;
      }
    }
    this.#open.pop();
    visitor.leave();
  }
}
