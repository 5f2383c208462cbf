/**
 * AMD-Vi host (version 1) I/O page tables, modes 1 to 6 (48882 §2.2.3): entries say the level of the table they point to,
 * so that levels may be skipped, and a leaf may say its own size. The architecture's level n is our n - 1.
 *
 * CHOICE(V1_RESERVED): bits [58:52] of an entry, and [60:59] of a page directory entry, are reserved; like the
 * accessible implementations the model does not check them.
 */
import { HOST_PTE } from "../../arch/amdvi/host_entries.ts";
import { locate } from "../../base/layout.ts";
import { defineFormat, Kind } from "../format.ts";

/** The lowest bit of a field of an entry, in the half that it stands in. */
const bit = (field: string): number => 1 << locate(HOST_PTE, field).shift;

export const V1_PRESENT = bit("PR");
/** In the high half of an entry: every level has to grant them. */
export const V1_READ = bit("IR");
export const V1_WRITE = bit("IW");
/** In the high half of a page translation entry. */
export const V1_FORCE_COHERENT = bit("FC");
/** In the low half. */
export const V1_ACCESSED = bit("A");
export const V1_DIRTY = bit("D");
/** What an entry is, or the level that it leads to, in the low half. */
export const V1_NEXT_LEVEL = locate(HOST_PTE, "NextLevel");

/** Next Level codes of a page translation entry: the level's default size, or a size the address field says. */
const DEFAULT_SIZE = 0;
const SIZE_IN_ADDRESS = 7;

const { shift: SHIFT, mask: MASK } = V1_NEXT_LEVEL;
const nextLevelCode = (lo: number): number => (lo >>> SHIFT) & MASK;

/** log2 of the page whose address field ends in ones up to the bit below its size; 12 + 40 + 1 where all are ones. */
function codedSizeLg2(lo: number, hi: number): number {
  const low = ~lo & 0xfffff000;
  if (low !== 0) return 32 - Math.clz32(low & -low);
  const high = ~hi & 0xfffff;
  return high === 0 ? 53 : 64 - Math.clz32(high & -high);
}

/** log2 of what one entry of a level spans; nothing above level 4 may be a page. */
const spanLg2 = (level: number): number => 12 + 9 * level;
const TOP_PAGES = 4;

/** The host tables of AMD-Vi. */
export const AMD_V1 = defineFormat({
  id: "amd-v1",
  topLevel: 5,
  levelNames: ["level 1", "level 2", "level 3", "level 4", "level 5", "level 6"],
  oaHiMask: 0xfffff,
  oaLoMask: 0xfffff000,
  inheritHi: V1_READ | V1_WRITE,
  grantsHi: V1_READ | V1_WRITE,
  kindOf: (lo, hi, level) => {
    if ((lo & V1_PRESENT) === 0) return Kind.Empty;
    const next = nextLevelCode(lo);
    if (next === DEFAULT_SIZE) return level <= TOP_PAGES ? Kind.Leaf : Kind.Reserved;
    if (next !== SIZE_IN_ADDRESS) return next <= level ? Kind.Table : Kind.Reserved;
    const size = codedSizeLg2(lo, hi);
    // A size below the level's own would leave part of the entry's span unmapped; one from the next level's on is its.
    return level <= TOP_PAGES && size >= spanLg2(level) && size < spanLg2(level + 1) ? Kind.Leaf : Kind.Reserved;
  },
  nextLevel: (lo) => nextLevelCode(lo) - 1,
  pageLg2: (lo, hi, level) => (nextLevelCode(lo) === DEFAULT_SIZE ? spanLg2(level) : codedSizeLg2(lo, hi)),
  runLg2: (lo, hi, level) =>
    nextLevelCode(lo) === SIZE_IN_ADDRESS ? Math.max(0, codedSizeLg2(lo, hi) - spanLg2(level)) : 0,
});

/** The same where an implementation does not look at the address bits of skipped levels. */
export const AMD_V1_LOOSE = defineFormat({ ...AMD_V1, id: "amd-v1-loose", skipsAnything: true });
