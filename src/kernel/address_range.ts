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

/** @param va below 2^64, of which a number holds the page exactly; `bytes` at least 1 */
export function alignedRange(va: number, bytes: number): AlignedRange {
  const first = Math.floor(va / PAGE);
  const last = Math.ceil((va + bytes) / PAGE) - 1;
  let pagesLg2 = 0;
  while (pagesLg2 < EVERYTHING && Math.floor(first / 2 ** pagesLg2) !== Math.floor(last / 2 ** pagesLg2)) pagesLg2++;
  const span = 2 ** pagesLg2;
  return { at: Math.floor(first / span) * span * PAGE, pagesLg2 };
}

/**
 * The range as PCIe ATS has it, which VT-d and AMD-Vi took over: beyond one page a size flag is set, and the lowest clear
 * bit of the address from bit 12 up says how many pages. Null is everything.
 */
export function atsRange(range: AlignedRange | null): { readonly S: number; readonly address: number } {
  if (range === null || range.pagesLg2 >= EVERYTHING) return { S: 1, address: 2 ** 63 - PAGE };
  const { at, pagesLg2 } = range;
  return pagesLg2 === 0 ? { S: 0, address: at } : { S: 1, address: at + PAGE * (2 ** (pagesLg2 - 1) - 1) };
}

/** What {@link atsRange} was made of; null for everything. */
export function rangeOfAts(S: number, address: number): AlignedRange | null {
  if (S === 0) return { at: address, pagesLg2: 0 };
  let pagesLg2 = 1;
  let above = Math.floor(address / PAGE);
  for (; above % 2 === 1; above = Math.floor(above / 2)) pagesLg2++;
  return pagesLg2 >= EVERYTHING ? null : { at: Math.floor(above / 2) * 2 ** pagesLg2 * PAGE, pagesLg2 };
}
