/**
 * Second-stage tables of Intel VT-d, 3 to 5 levels. VT-d (document D51397, revision 4.1) §3.7 walk, §9.8 entries.
 *
 * There is no present bit: an entry that grants neither reading nor writing maps nothing. Rights of table entries bind
 * what lies below. The specification numbers levels from 1; its level 1 is our level 0. First-stage tables are those of
 * `x86_64.ts`.
 */
import { defineFormat, Kind, type PageTableFormat } from "../format.ts";

/** What a unit makes of entries (CAP, ECAP). */
export interface SecondStageFeatures {
  /** CAP.SSLPS: bit 0 pages of 2 MiB, bit 1 pages of 1 GiB. */
  readonly largePages: number;
  /** Bit 11 of a leaf is SNP, not reserved. */
  readonly snoop: boolean;
  /** Bit 62 of a leaf is TM, not reserved: units with device TLBs before revision 3. */
  readonly transientMapping: boolean;
}

/** In `Cursor.inherited`: what an entry above the leaf took away. */
export const SecondDenied = { Read: 1, Write: 2 } as const;

const RIGHTS = 3;
const PAGE_SIZE = 1 << 7;
const BIT_11 = 1 << 11;
/** Bit 62, in the high half. */
const BIT_62 = 1 << 30;
/** Address bits that a page of 2 MiB or of 1 GiB keeps clear, by level. */
const BELOW = [0, 0x001f_f000, 0x3fff_f000];

function secondStage(f: SecondStageFeatures): PageTableFormat {
  const leafLo = f.snoop ? 0 : BIT_11;
  const leafHi = f.transientMapping ? 0 : BIT_62;
  return defineFormat({
    id: `vtd-second${f.largePages === 3 ? "" : `-pages${f.largePages}`}${f.snoop ? "-snp" : ""}${f.transientMapping ? "-tm" : ""}`,
    topLevel: 4,
    levelNames: ["SS-PTE", "SS-PDE", "SS-PDPTE", "SS-PML4E", "SS-PML5E"],
    oaHiMask: 0xfffff,
    oaLoMask: 0xfffff000,
    inheritLo: RIGHTS,
    grantsLo: RIGHTS,
    kindOf: (lo, hi, level) => {
      if ((lo & RIGHTS) === 0) return Kind.Empty;
      if (level === 0) return ((lo & leafLo) | (hi & leafHi)) === 0 ? Kind.Leaf : Kind.Reserved;
      if ((lo & PAGE_SIZE) === 0) return ((lo & BIT_11) | (hi & BIT_62)) === 0 ? Kind.Table : Kind.Reserved;
      if (level > 2 || ((f.largePages >>> (level - 1)) & 1) === 0) return Kind.Reserved;
      return ((lo & (leafLo | BELOW[level]!)) | (hi & leafHi)) === 0 ? Kind.Leaf : Kind.Reserved;
    },
  });
}

const FORMATS: readonly PageTableFormat[] = Array.from({ length: 16 }, (_, n) =>
  secondStage({ largePages: n & 3, snoop: (n & 4) !== 0, transientMapping: (n & 8) !== 0 }),
);

/** The format of a unit. */
export const vtdSecondFormat = (f: SecondStageFeatures): PageTableFormat =>
  FORMATS[(f.largePages & 3) | (f.snoop ? 4 : 0) | (f.transientMapping ? 8 : 0)]!;
