/**
 * VMSAv8-64 translation tables, both stages: 4 KiB, 16 KiB and 64 KiB granules, 48-bit and 52-bit addresses.
 * Arm ARM (DDI 0487) §D8.2 (address translation), §D8.3 (descriptors), §D8.7 (the Contiguous bit).
 *
 * The architecture numbers levels the other way round: its level 3 is our level 0, its level -1 our level 4.
 */
import { defineFormat, Kind, type PageTableFormat } from "../format.ts";

/** log2 of a granule. */
export type GranuleLg2 = 12 | 14 | 16;

/** The level as the architecture numbers it (3 for pages, -1 for the fifth level), from ours. */
export const armLevel = (level: number): number => 3 - level;

const VALID = 1;
const TABLE_OR_PAGE = 2;
/** NSTable, APTable, UXNTable, PXNTable: bits 63:59 of a stage-1 table descriptor. */
const HIERARCHY = 0xf8000000 | 0;
const CONTIGUOUS = 1 << 20;

/** Levels at which a block may stand, by granule: bit n for level n. 52-bit tables allow one level more. */
const BLOCK_LEVELS: Readonly<Record<GranuleLg2, readonly [narrow: number, wide: number]>> = {
  12: [0b0110, 0b1110],
  14: [0b0010, 0b0110],
  16: [0b0010, 0b0110],
};

/** log2 of the entries in a contiguous run, by granule and level 0, 1, 2 (§D8.7). */
const RUN_LG2: Readonly<Record<GranuleLg2, readonly number[]>> = {
  12: [4, 4, 4, 0, 0],
  14: [7, 5, 0, 0, 0],
  16: [5, 5, 0, 0, 0],
};

function vmsav8(granuleLg2: GranuleLg2, wide: boolean): PageTableFormat {
  const strideLg2 = granuleLg2 - 3;
  const blocks = BLOCK_LEVELS[granuleLg2][wide ? 1 : 0];
  const runs = RUN_LG2[granuleLg2];
  // With 52 bits the 64 KiB granule keeps address bits 51:48 in 15:12; the others widen 47 to 49 and keep 51:50 in 9:8.
  const wideShares = wide && granuleLg2 !== 16;
  return defineFormat({
    id: `vmsav8-${2 ** (granuleLg2 - 10)}k${wide ? "-52" : ""}`,
    granuleLg2,
    strideLg2,
    topLevel: granuleLg2 === 12 ? 4 : granuleLg2 === 14 ? 3 : 2,
    levelNames: ["level 3", "level 2", "level 1", "level 0", "level -1"],
    oaHiMask: wideShares ? 0x3ffff : 0xffff,
    oaLoMask: (0xffffffff << granuleLg2) >>> 0,
    oaMoreHi: !wide ? null : wideShares ? (lo) => (lo & 0x300) << 10 : (lo) => (lo & 0xf000) << 4,
    inheritHi: HIERARCHY,
    kindOf: (lo, _hi, level) => {
      if ((lo & VALID) === 0) return Kind.Empty;
      if ((lo & TABLE_OR_PAGE) !== 0) return level === 0 ? Kind.Leaf : Kind.Table;
      return ((blocks >>> level) & 1) === 1 ? Kind.Leaf : Kind.Reserved;
    },
    runLg2: (_lo, hi, level) => ((hi & CONTIGUOUS) === 0 ? 0 : runs[level]!),
  });
}

const NARROW = { 12: vmsav8(12, false), 14: vmsav8(14, false), 16: vmsav8(16, false) };
const WIDE = { 12: vmsav8(12, true), 14: vmsav8(14, true), 16: vmsav8(16, true) };

/** The format of a granule; `wide` for 52-bit descriptors (DS with 4 and 16 KiB, a 52-bit OAS with 64 KiB). */
export const vmsav8Format = (granuleLg2: GranuleLg2, wide: boolean): PageTableFormat =>
  (wide ? WIDE : NARROW)[granuleLg2];

/** Every format of this file, for the suites that run over all. */
export const VMSAV8_FORMATS: readonly PageTableFormat[] = [...Object.values(NARROW), ...Object.values(WIDE)];
