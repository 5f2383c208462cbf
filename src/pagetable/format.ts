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
  /**
   * Bits of the two halves that a table entry imposes on everything below it, at places that no other of them shares:
   * a restriction where the bit differs from its bit in `grants`, that is, bits in `grants` restrict when clear.
   */
  readonly inheritHi: number;
  readonly inheritLo: number;
  readonly grantsHi: number;
  readonly grantsLo: number;
  readonly kindOf: (lo: number, hi: number, level: number) => Kind;
  /** Level of the table that a table entry points to; null where it is always the next one down. */
  readonly nextLevel: ((lo: number, hi: number, level: number) => number) | null;
  /** Address bits that skipped levels would translate may be anything; they are to be zero where this is not set. */
  readonly skipsAnything: boolean;
  /** log2 of what a leaf maps, where the leaf says so itself; null where its level does. */
  readonly pageLg2: ((lo: number, hi: number, level: number) => number) | null;
  /** Whether the entry is one of a run that maps as one (a contiguous hint), and log2 of that run's entries. */
  readonly runLg2: (lo: number, hi: number, level: number) => number;
}

/** What a format has to answer; for the rest there are defaults. */
type FormatAnswers = Pick<PageTableFormat, "id" | "topLevel" | "levelNames" | "oaHiMask" | "oaLoMask" | "kindOf"> &
  Partial<PageTableFormat>;

const noRun = (): number => 0;

/** Make a format. All formats are made here, so that the walker sees one shape of object. */
export function defineFormat(f: FormatAnswers): PageTableFormat {
  return {
    id: f.id,
    granuleLg2: f.granuleLg2 ?? 12,
    strideLg2: f.strideLg2 ?? 9,
    topLevel: f.topLevel,
    levelNames: f.levelNames,
    oaHiMask: f.oaHiMask,
    oaLoMask: f.oaLoMask,
    oaMoreHi: f.oaMoreHi ?? null,
    inheritHi: f.inheritHi ?? 0,
    inheritLo: f.inheritLo ?? 0,
    grantsHi: f.grantsHi ?? 0,
    grantsLo: f.grantsLo ?? 0,
    kindOf: f.kindOf,
    nextLevel: f.nextLevel ?? null,
    skipsAnything: f.skipsAnything ?? false,
    pageLg2: f.pageLg2 ?? null,
    runLg2: f.runLg2 ?? noRun,
  };
}

/** log2 of the bytes one entry at `level` spans. */
export const entrySizeLg2 = (f: PageTableFormat, level: number): number => f.granuleLg2 + f.strideLg2 * level;
