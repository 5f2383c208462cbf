/**
 * Where a tree of translation tables begins, with the numbers a walk starts from. Every architecture's table bases are
 * these, with what is its own beside.
 */
import type { PageTableFormat } from "../../pagetable/format.ts";
import type { Cursor } from "../../pagetable/walk.ts";

export class TableRoot {
  fmt: PageTableFormat | null = null;
  rootHi = 0;
  rootLo = 0;
  /** Level walks start at, counted from the leaves. */
  level = 0;
  /** Significant bits of the input address. */
  inputBits = 0;
  /** Bits of the effective output size. */
  outputBits = 0;
  // Derived, so that a walk begins with copies only.
  rootMask = 0;
  beyondHi = 0;
  /** Bits of an input address that the tables do not translate. */
  overHi = 0;
  overLo = 0;

  /** No tables: nothing of an earlier owner stays. */
  clear(): void {
    this.fmt = null;
    this.rootHi = 0;
    this.rootLo = 0;
  }

  /**
   * Set the geometry; the root address is aligned to the root table's size.
   * @param minAlignLg2 log2 of the bytes the root is aligned to at least
   */
  set(
    fmt: PageTableFormat,
    rootHi: number,
    rootLo: number,
    level: number,
    inputBits: number,
    outputBits: number,
    minAlignLg2: number,
  ): void {
    const indexBits = inputBits - fmt.granuleLg2 - fmt.strideLg2 * level;
    const alignLg2 = Math.max(indexBits + 3, minAlignLg2);
    this.fmt = fmt;
    this.rootHi = rootHi | 0;
    this.rootLo = rootLo & (-1 << alignLg2);
    this.level = level;
    this.inputBits = inputBits;
    this.outputBits = outputBits;
    this.rootMask = 2 ** indexBits - 1;
    this.beyondHi = highBitsFrom(outputBits);
    this.overHi = highBitsFrom(inputBits);
    this.overLo = inputBits >= 32 ? 0 : -1 << inputBits;
  }

  /** Put a cursor at the root, ready to walk for an address. */
  start(c: Cursor, hi: number, lo: number): void {
    c.tableHi = this.rootHi;
    c.tableLo = this.rootLo;
    c.level = this.level;
    c.rootMask = this.rootMask;
    c.beyondHi = this.beyondHi;
    c.inherited = 0;
    c.vaHi = hi;
    c.vaLo = lo;
  }

  /** Number of whole tables that stand side by side at the root: 1 for none. */
  get concatenated(): number {
    const fmt = this.fmt;
    return fmt === null ? 0 : Math.max(1, (this.rootMask + 1) / 2 ** fmt.strideLg2);
  }
}

/** Bits of the high half of an address at or above bit `n`, n from 0 to 64. */
export const highBitsFrom = (n: number): number => (n >= 64 ? 0 : n <= 32 ? -1 : -1 << (n - 32));
