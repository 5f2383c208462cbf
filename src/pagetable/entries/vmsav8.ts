/**
 * Entries of VMSAv8-64 tables, both stages, as a driver writes them: Normal write-back memory, inner shareable, accessed;
 * registers as Device-nGnRE.
 * Arm ARM (DDI 0487) §D8.3.
 */

import { S1_PAGE, S2_PAGE } from "../../arch/smmuv3/descriptors.ts";
import { highHalf, lowHalf } from "../../base/address.ts";
import { locate } from "../../base/layout.ts";
import type { Entry, EntryMaker, Rights } from "../build.ts";
import { type GranuleLg2, vmsav8Format } from "../formats/vmsav8.ts";

const bit = (l: typeof S1_PAGE | typeof S2_PAGE, name: string): number => 1 << locate(l as typeof S1_PAGE, name).shift;

const TABLE_OR_PAGE = 3;
const BLOCK = 1;
const AF = bit(S1_PAGE, "AF");
const INNER_SHAREABLE = 3 << locate(S1_PAGE, "SH").shift;
const NG = bit(S1_PAGE, "nG");
/** AP[1] lets unprivileged accesses in, AP[2] forbids writing. */
const AP_USER = bit(S1_PAGE, "AP");
const AP_READ_ONLY = AP_USER << 1;
/** In the high half; the upper bit of XN of stage 2 stands where UXN does. */
const UXN = bit(S1_PAGE, "UXN");
const PXN = bit(S1_PAGE, "PXN");
const CONTIGUOUS = bit(S1_PAGE, "Contiguous");
const MEM_ATTR = bit(S2_PAGE, "MemAttr");
const S2_READ = bit(S2_PAGE, "S2AP");
const S2_WRITE = S2_READ << 1;
/** MemAttr of Normal memory, inner and outer write-back: which stage 1 may weaken, and with S2FWB whatever it says. */
const WRITE_BACK = 0xf * MEM_ATTR;
const FORCED_WRITE_BACK = 0x6 * MEM_ATTR;
/** MemAttr of Device-nGnRE memory; and AttrIndx, which a driver has Device-nGnRE stand at in MAIR. */
const DEVICE = 0x1 * MEM_ATTR;
const DEVICE_INDEX = bit(S1_PAGE, "AttrIndx");

const stage1 = ({ write, execute, user, device = false }: Rights): Entry => [
  execute ? 0 : UXN | PXN,
  AF | INNER_SHAREABLE | NG | (device ? DEVICE_INDEX : 0) | (user ? AP_USER : 0) | (write ? 0 : AP_READ_ONLY),
];
const stage2 = ({ read, write, execute, device = false }: Rights, memory: number): Entry => [
  execute ? 0 : UXN,
  AF | INNER_SHAREABLE | (device ? DEVICE : memory) | (read ? S2_READ : 0) | (write ? S2_WRITE : 0),
];

/**
 * Makes entries of a stage's tables. Stage 1 cannot refuse reads.
 * @param wide 52-bit addresses, see `vmsav8Format`
 * @param forced stage 2 is walked with S2FWB and has the last word on memory types (DDI 0487 §D8.6.6)
 */
export function vmsav8Entries(stage: 1 | 2, granuleLg2: GranuleLg2, wide: boolean, forced = false): EntryMaker {
  const fmt = vmsav8Format(granuleLg2, wide);
  // Descriptors that keep address bits [51:50] in [9:8] have no shareability: that is the table base's then.
  const kept = wide && granuleLg2 !== 16 ? ~INNER_SHAREABLE : -1;
  const attributes = (rights: Rights): Entry => {
    const [hi, lo] = stage === 1 ? stage1(rights) : stage2(rights, forced ? FORCED_WRITE_BACK : WRITE_BACK);
    return [hi, lo & kept];
  };
  /** Address bits where a descriptor keeps them: [51:48] or [51:50] of a wide one stand in its low half. */
  const address = (at: number): Entry => {
    const hi = highHalf(at);
    if (!wide) return [hi & fmt.oaHiMask, lowHalf(at) & fmt.oaLoMask];
    const moved = granuleLg2 === 16 ? (hi >>> 4) & 0xf000 : (hi >>> 10) & 0x300;
    return [hi & fmt.oaHiMask, (lowHalf(at) & fmt.oaLoMask) | moved];
  };
  const typed = ([hi, lo]: Entry, at: number, level: number): Entry => {
    const [atHi, atLo] = address(at);
    return [hi | atHi, lo | atLo | (level === 0 ? TABLE_OR_PAGE : BLOCK)];
  };
  const [firstHi, firstLo] = address(2 ** 52 - 2 ** granuleLg2);
  const leafLevels = granuleLg2 === 12 ? 0b0111 : 0b0011;
  return {
    fmt,
    leafLevels,
    table: (at) => {
      const [hi, lo] = address(at);
      return [hi, lo | TABLE_OR_PAGE];
    },
    leaf: (at, level, rights) => typed(attributes(rights), at, level),
    alike: ([hi, lo], at, level) => typed([hi & ~firstHi & ~CONTIGUOUS, lo & ~firstLo & ~TABLE_OR_PAGE], at, level),
  };
}
