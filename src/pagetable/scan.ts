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
  const { fmt } = root;
  const beyond = 2 ** root.outputBits;
  let tables = 0;
  let leaves = 0;
  let read = 0;
  const place: ScanPlace = { level: 0, at: 0, va: 0, lo: 0, hi: 0, inherited: 0, out: 0 };

  const put = (level: number, at: number, va: number, inherited: number, out: number): ScanPlace => {
    place.level = level;
    place.at = at;
    place.va = va;
    place.inherited = inherited;
    place.out = out;
    place.lo = reader.lo;
    place.hi = reader.hi;
    return place;
  };

  const table = (at: number, level: number, entries: number, va: number, inherited: number): boolean => {
    read += entries;
    if (++tables > limits.tables || read > limits.entries) return false;
    visitor.enter(put(level, at, va, inherited, at), entries);
    const span = 2 ** entrySizeLg2(fmt, level);
    for (let i = 0; i < entries; i++) {
      const code = reader.readEntry(at + 8 * i);
      const here = va + i * span;
      if (code !== 0) {
        const first = i;
        if (++leaves > limits.leaves) return false;
        while (i + 1 < entries && reader.readEntry(at + 8 * (i + 1)) === code) i++;
        visitor.bad(put(level, at + 8 * first, here, inherited, at + 8 * first), "unreadable", code, i + 1 - first);
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
      if (kind !== Kind.Table || out >= beyond) {
        if (++leaves > limits.leaves) return false;
      }
      if (kind === Kind.Reserved) visitor.bad(put(level, at + 8 * i, here, inherited, out), "reserved", 0, 1);
      else if (out >= beyond) visitor.bad(put(level, at + 8 * i, here, inherited, out), "address size", 0, 1);
      else if (kind === Kind.Leaf) visitor.leaf(put(level, at + 8 * i, here, inherited, out));
      else {
        const next = fmt.nextLevel === null ? level - 1 : fmt.nextLevel(lo, hi, level);
        const imposed = ((hi ^ fmt.grantsHi) & fmt.inheritHi) | ((lo ^ fmt.grantsLo) & fmt.inheritLo);
        if (!table(out, next, 2 ** fmt.strideLg2, here, inherited | imposed)) return false;
      }
    }
    visitor.leave();
    return true;
  };

  return table(root.at, root.level, root.entries, 0, 0);
}
