/**
 * x86-64 page tables as IOMMUs read them: VT-d first-stage tables (VT-d §3.6, §9.7) and AMD-Vi guest (version 2) tables
 * (48882 §2.2.6), with four or five levels. The vendors call our level 0 the page table, level 4 the PML5.
 *
 * Rights of table entries bind what lies below: R/W (bit 1) and U/S (bit 2) where they are clear, NX (bit 63) where it is
 * set. What NX means, and where it is reserved, is the engine's to say.
 */
import { defineFormat, Kind, type PageTableFormat } from "../format.ts";

const PRESENT = 1;
const RW_US = 0b110;
const PAGE_SIZE = 1 << 7;
/** Address bits that a 2 MiB or a 1 GiB page keeps clear: those above its PAT bit and below its size. */
const BELOW_2M = 0x001f_e000;
const BELOW_1G = 0x3fff_e000;

/** In `Cursor.inherited`: what an entry above the leaf took away. */
export const X86Denied = { Write: 1 << 1, User: 1 << 2, Execute: -1 << 31 } as const;

function x86(levels: 4 | 5, gigabytePages: boolean): PageTableFormat {
  return defineFormat({
    id: `x86-64-${levels}${gigabytePages ? "" : "-no-1g"}`,
    topLevel: levels - 1,
    levelNames: ["PTE", "PDE", "PDPTE", "PML4E", "PML5E"],
    oaHiMask: 0xfffff,
    oaLoMask: 0xfffff000,
    inheritHi: X86Denied.Execute,
    inheritLo: RW_US,
    grantsLo: RW_US,
    kindOf: (lo, _hi, level) => {
      if ((lo & PRESENT) === 0) return Kind.Empty;
      if (level === 0) return Kind.Leaf;
      if ((lo & PAGE_SIZE) === 0) return Kind.Table;
      if (level === 1) return (lo & BELOW_2M) === 0 ? Kind.Leaf : Kind.Reserved;
      return level === 2 && gigabytePages && (lo & BELOW_1G) === 0 ? Kind.Leaf : Kind.Reserved;
    },
  });
}

const FORMATS = {
  4: { big: x86(4, true), small: x86(4, false) },
  5: { big: x86(5, true), small: x86(5, false) },
};

/** The format with so many levels; `gigabytePages` where the hardware takes pages of 1 GiB. */
export const x86Format = (levels: 4 | 5, gigabytePages: boolean): PageTableFormat =>
  gigabytePages ? FORMATS[levels].big : FORMATS[levels].small;
