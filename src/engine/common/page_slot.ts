/**
 * The quickest way down a tree of 4 KiB tables with 9 bits a level: along pointers that were resolved before.
 *
 * Whoever resolves a pointer (`PhysicalMemory.target`) has seen that a walk may follow it, so that nobody has to look at
 * it again. The slot that comes out is that of the page's own entry, which has not been looked at.
 */

/**
 * The slot (8-byte word number in the arena) of the entry for the page of an address.
 * @param level of the root table, 0 to 4; `rootMask` masks the index into it
 * @param table slot of the root table
 * @returns ~slot of a table entry that has no target yet
 */
export function pageSlot(
  level: number,
  rootMask: number,
  targets: Int32Array,
  table: number,
  hi: number,
  lo: number,
): number {
  let mask = rootMask;
  if (level > 3) {
    const slot = table | ((hi >>> 16) & mask);
    table = targets[slot]! << 9;
    if (table === 0) return ~slot;
    mask = 511;
  }
  if (level > 2) {
    const slot = table | ((hi >>> 7) & mask);
    table = targets[slot]! << 9;
    if (table === 0) return ~slot;
    mask = 511;
  }
  if (level > 1) {
    const slot = table | (((lo >>> 30) | (hi << 2)) & mask);
    table = targets[slot]! << 9;
    if (table === 0) return ~slot;
    mask = 511;
  }
  if (level > 0) {
    const slot = table | ((lo >>> 21) & mask);
    table = targets[slot]! << 9;
    if (table === 0) return ~slot;
    mask = 511;
  }
  return table | ((lo >>> 12) & mask);
}
