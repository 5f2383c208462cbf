/**
 * Ranges of pages as invalidations name them: naturally aligned, a power of two of pages.
 */

const PAGE = 4096;
/** log2 of the pages of a whole 64-bit address space. */
const EVERYTHING = 52;

/** The smallest such range that covers another one. */
export interface AlignedRange {
  readonly at: number;
  /** log2 of its pages, 0 to 52. */
  readonly pagesLg2: number;
}

/** @param bytes at least 1 */
export function alignedRange(va: number, bytes: number): AlignedRange {
  let pagesLg2 = Math.max(0, Math.ceil(Math.log2(bytes / PAGE)));
  for (; pagesLg2 < EVERYTHING; pagesLg2++) {
    const span = PAGE * 2 ** pagesLg2;
    if (Math.floor(va / span) === Math.floor((va + bytes - 1) / span)) break;
  }
  const span = PAGE * 2 ** pagesLg2;
  return { at: Math.floor(va / span) * span, pagesLg2 };
}

/**
 * The range as PCIe ATS has it, which VT-d and AMD-Vi took over: beyond one page a size flag is set, and the lowest clear
 * bit of the address from bit 12 up says how many pages.
 */
export function atsRange({ at, pagesLg2 }: AlignedRange): { readonly S: number; readonly address: number } {
  if (pagesLg2 === 0) return { S: 0, address: at };
  if (pagesLg2 >= EVERYTHING) return { S: 1, address: 2 ** 63 - PAGE };
  return { S: 1, address: at + PAGE * (2 ** (pagesLg2 - 1) - 1) };
}
