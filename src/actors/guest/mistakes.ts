/**
 * What a driver can do wrong on purpose, so that a debugger can be seen to catch it.
 */

/** Each is a mistake that real drivers have made. */
export const MISTAKES = {
  "no TLB invalidation": "Unmaps a page and never tells the IOMMU.",
  "no sync": "Sends invalidations and does not wait for them.",
  "wrong ASID": "Invalidates an address space other than the one it changed.",
  "no ATC invalidation": "Forgets that the device has a cache of its own.",
  "page freed before the sync": "Gives a page back while the IOMMU may still reach it.",
  "no break before make": "Replaces a live block by a table without unmapping it first.",
  "no configuration invalidation": "Changes a context descriptor or entry and does not say so.",
} as const;
export type Mistake = keyof typeof MISTAKES;

/** The mistakes of one driver. */
export type Mistakes = ReadonlySet<Mistake>;

/** A driver as it should be. */
export const NO_MISTAKES: Mistakes = new Set();
