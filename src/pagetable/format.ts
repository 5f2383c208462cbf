/**
 * What the walker asks of a page-table format.
 *
 * Levels are counted from the leaves: level 0 tables map the smallest pages. A format is numbers and a few answers,
 * never a code path of its own; the vendor's own names for levels are in `levelNames`.
 */

/** What a table entry is. */
export const Kind = {
  /** Maps nothing. */
  Empty: 0,
  /** Points to a table one level down. */
  Table: 1,
  /** Maps memory. */
  Leaf: 2,
  /** Has a type that does not exist at its level. */
  Reserved: 3,
} as const;
export type Kind = (typeof Kind)[keyof typeof Kind];

/** A page-table format. Entries are 8 bytes; `lo` and `hi` are their halves as signed or unsigned 32-bit numbers. */
export interface PageTableFormat {
  readonly id: string;
  /** log2 of the smallest page in bytes. */
  readonly granuleLg2: number;
  /** log2 of the entries of a whole table. */
  readonly strideLg2: number;
  /** The highest level the format has. */
  readonly topLevel: number;
  /** Name of each level, from level 0 up. */
  readonly levelNames: readonly string[];
  /** Bits of the two halves that hold the address of a table or page, in place. */
  readonly oaHiMask: number;
  readonly oaLoMask: number;
  /** Further bits [63:32] of the address, kept elsewhere in the entry; null where there are none. */
  readonly oaMoreHi: ((lo: number, hi: number) => number) | null;
  /** Bits of `hi` that a table entry imposes on everything below it. */
  readonly inheritHi: number;
  readonly kindOf: (lo: number, hi: number, level: number) => Kind;
  /** Whether the entry is one of a run that maps as one (a contiguous hint), and log2 of that run's entries. */
  readonly runLg2: (lo: number, hi: number, level: number) => number;
}

/** Make a format. All formats are made here, so that the walker sees one shape of object. */
export function defineFormat(f: PageTableFormat): PageTableFormat {
  return {
    id: f.id,
    granuleLg2: f.granuleLg2,
    strideLg2: f.strideLg2,
    topLevel: f.topLevel,
    levelNames: f.levelNames,
    oaHiMask: f.oaHiMask,
    oaLoMask: f.oaLoMask,
    oaMoreHi: f.oaMoreHi,
    inheritHi: f.inheritHi,
    kindOf: f.kindOf,
    runLg2: f.runLg2,
  };
}

/** log2 of the bytes one entry at `level` spans. */
export const entrySizeLg2 = (f: PageTableFormat, level: number): number => f.granuleLg2 + f.strideLg2 * level;
