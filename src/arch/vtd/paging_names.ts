/**
 * What paging-structure entries are called. Intel VT-d (document D51397, revision 4.1) §9.7 first stage, §9.8 second.
 *
 * Levels are the architecture's: 1 holds pages of 4 KiB, 2 directories (2 MiB), 3 directory pointers (1 GiB), 4 PML4,
 * 5 PML5.
 */

/** Level of a paging structure. */
export type PagingLevel = 1 | 2 | 3 | 4 | 5;

const NAMES = ["PTE", "PDE", "PDPTE", "PML4E", "PML5E"] as const;

/** Name of an entry, such as FS-PDE. */
export const pagingEntryName = (stage: 1 | 2, level: PagingLevel): string =>
  `${stage === 1 ? "FS" : "SS"}-${NAMES[level - 1]}`;

/** The nearest level that there is to what a record or a person names. */
export const pagingLevel = (level: number): PagingLevel => Math.max(1, Math.min(5, level)) as PagingLevel;
