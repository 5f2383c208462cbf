/**
 * The only page-table walker.
 *
 * It reads entries through a `TableReader`; nesting is a reader that translates the entry's address first. The state of
 * a walk is one `Cursor`, which also carries the answer. Nothing is allocated on the way.
 */
import { Kind, type PageTableFormat } from "./format.ts";

/** How a walk ended. */
export const WalkEnd = {
  /** At a leaf; the cursor holds it. */
  Leaf: 0,
  /** At an empty entry. */
  Empty: 1,
  /** At an entry whose type its level does not have. */
  Reserved: 2,
  /** At a table or leaf whose address is beyond the output size. */
  AddressSize: 3,
  /** An entry could not be read; the reader knows why. */
  Unreadable: 4,
  /** At a table entry that skips levels although the address has bits set that those would translate. */
  Skipped: 5,
} as const;
export type WalkEnd = (typeof WalkEnd)[keyof typeof WalkEnd];

/** Reads one entry. */
export interface TableReader {
  /**
   * Read the entry at an address of the tables' own address space into `c.lo` and `c.hi`.
   * @returns false when there is nothing to read: the walk ends with `WalkEnd.Unreadable`
   */
  read(c: Cursor, atHi: number, atLo: number): boolean;
}

/** Told of every entry that was read. */
export interface WalkSink {
  entry(c: Cursor, fmt: PageTableFormat, end: WalkEnd | -1): void;
}

/**
 * State and answer of a walk. Halves of addresses and entries are 32-bit patterns, signed: engines keep those unboxed.
 */
export class Cursor {
  /** The stage this walk belongs to, for the sink. */
  readonly stage: number;
  /** Table the next entry is read from. */
  tableHi = 0;
  tableLo = 0;
  /** Level of that table, 0 for the smallest pages. */
  level = 0;
  /** Mask of the index into the root table: more than a whole table where roots are concatenated, less where partial. */
  rootMask = 0;
  /** Bits that an output address must not have: those beyond the output size. */
  beyondHi = 0;
  /** The address being translated. */
  vaHi = 0;
  vaLo = 0;
  /** Index and address of the entry last read. */
  index = 0;
  atHi = 0;
  atLo = 0;
  /** The entry last read. */
  lo = 0;
  hi = 0;
  /** log2 of what the leaf last read maps, or of what one entry of the table spans that the entry last read points to. */
  sizeLg2 = 0;
  /** What the table entries passed so far impose on the leaf: `inheritHi` and `inheritLo` bits of the format. */
  inherited = 0;
  /** The output address, after `WalkEnd.Leaf`. */
  outHi = 0;
  outLo = 0;

  constructor(stage: number) {
    this.stage = stage;
  }

  /** The entry just read was big-endian. */
  swapBytes(): void {
    const lo = this.lo;
    this.lo = swap32(this.hi);
    this.hi = swap32(lo);
  }
}

const swap32 = (x: number): number => (x << 24) | ((x & 0xff00) << 8) | ((x >>> 8) & 0xff00) | (x >>> 24);

/** Bits [.. : shift] of an address, masked; `shift` is 1 to 63 and the result fits 32 bits. */
function bitsFrom(hi: number, lo: number, shift: number, mask: number): number {
  if (shift >= 32) return (hi >>> (shift - 32)) & mask;
  return ((lo >>> shift) | (hi << (32 - shift))) & mask;
}

/**
 * Walk from the cursor's table to the leaf of `c.vaHi:c.vaLo`, which the caller has checked to be in range.
 * The cursor's output is the address with the offset applied.
 */
export function walk(fmt: PageTableFormat, tables: TableReader, c: Cursor, sink: WalkSink | null): WalkEnd {
  const stride = fmt.strideLg2;
  const oaHi = fmt.oaHiMask;
  const oaLo = fmt.oaLoMask;
  const more = fmt.oaMoreHi;
  let mask = c.rootMask;
  for (;;) {
    const level = c.level;
    const shift = fmt.granuleLg2 + stride * level;
    const index = bitsFrom(c.vaHi, c.vaLo, shift, mask);
    c.index = index;
    c.atHi = c.tableHi;
    c.atLo = (c.tableLo + (index << 3)) | 0;
    if (!tables.read(c, c.atHi, c.atLo)) return WalkEnd.Unreadable;
    const lo = c.lo;
    const hi = c.hi;
    const kind = fmt.kindOf(lo, hi, level);
    let outHi = hi & oaHi;
    if (more !== null) outHi |= more(lo, hi);
    let end: WalkEnd | -1 = -1;
    let next = level;
    if (kind === Kind.Table) {
      next = fmt.nextLevel === null ? level - 1 : fmt.nextLevel(lo, hi, level);
      c.sizeLg2 = fmt.granuleLg2 + stride * next;
      c.outHi = outHi;
      c.outLo = lo & oaLo;
      if ((outHi & c.beyondHi) !== 0) end = WalkEnd.AddressSize;
      else if (next < level - 1 && !fmt.skipsAnything && hasBits(c, c.sizeLg2 + stride, shift)) end = WalkEnd.Skipped;
    } else if (kind === Kind.Leaf) {
      c.sizeLg2 = fmt.pageLg2 === null ? shift : fmt.pageLg2(lo, hi, level);
      leafOutput(c, outHi, lo & oaLo);
      end = (c.outHi & c.beyondHi) !== 0 ? WalkEnd.AddressSize : WalkEnd.Leaf;
    } else {
      c.sizeLg2 = shift;
      end = kind === Kind.Empty ? WalkEnd.Empty : WalkEnd.Reserved;
    }
    if (sink !== null) sink.entry(c, fmt, end);
    if (end !== -1) return end;
    c.inherited |= ((hi ^ fmt.grantsHi) & fmt.inheritHi) | ((lo ^ fmt.grantsLo) & fmt.inheritLo);
    c.tableHi = c.outHi;
    c.tableLo = c.outLo;
    c.level = next;
    mask = (1 << stride) - 1;
  }
}

/** The output: address bits inside the leaf come from the input. */
function leafOutput(c: Cursor, outHi: number, outLo: number): void {
  if (c.sizeLg2 >= 32) {
    const inside = (1 << (c.sizeLg2 - 32)) - 1;
    c.outHi = (outHi & ~inside) | (c.vaHi & inside);
    c.outLo = c.vaLo;
  } else {
    const inside = (1 << c.sizeLg2) - 1;
    c.outHi = outHi;
    c.outLo = (outLo & ~inside) | (c.vaLo & inside);
  }
}

/** Whether the address being translated has one of its bits [to - 1 : from] set; both are below 64. */
function hasBits(c: Cursor, from: number, to: number): boolean {
  const above = (bit: number, half: number): number => (bit >= half + 32 ? 0 : bit <= half ? -1 : -1 << (bit - half));
  return ((above(from, 32) & ~above(to, 32) & c.vaHi) | (above(from, 0) & ~above(to, 0) & c.vaLo)) !== 0;
}
