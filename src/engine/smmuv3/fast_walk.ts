/**
 * The common walk, fast: 4 KiB pages throughout, little-endian, 48-bit descriptors, every entry as it should be.
 *
 * It decides nothing but success. Whatever is out of the ordinary — a block, a fault, a flag that hardware has to
 * update, memory it does not know — sends the translation to the walker, so that faults are made in one place; a
 * property test holds the two equal. Sections as in `stage1.ts` and `stage2.ts`.
 *
 * A walk is one pass over typed arrays without a call that could not be inlined. Where it meets a pointer that nobody
 * followed before, it stops, the pointer is resolved, and the walk starts over.
 */
import { S1_PAGE, S2_PAGE } from "../../arch/smmuv3/descriptors.ts";
import { locate } from "../../base/layout.ts";
import { vmsav8Format } from "../../pagetable/formats/vmsav8.ts";
import { pageSlot } from "../common/page_slot.ts";
import type { PhysicalMemory } from "../memory/physical_memory.ts";
import { clean1, clean2 } from "./hardware_update.ts";
import { type Stage1Controls, stage1Permissions, stage2IsDevice, stage2Permissions } from "./leaf.ts";
import type { StreamConfig, TableBase } from "./stream_config.ts";
import type { Translation } from "./translation.ts";

/** Bits [1:0] of a table or a page descriptor. */
const POINTS = 3;
const AF = 1 << locate(S1_PAGE, "AF").shift;
const READABLE = 1 << locate(S2_PAGE, "S2AP").shift;
/** Bits [47:32] of an address, in the high half of an entry. */
const OA_HI = 0xffff;

const FMT = vmsav8Format(12, false);
const INHERIT = FMT.inheritHi;

/** What an attempt came to; a negative number other than REFUSED is ~slot of a pointer to resolve first. */
const DONE = 0;
const REFUSED = -1;

/** A base this file can walk: whole or partial root table, but one only. */
const plain = (base: TableBase): boolean =>
  base.fmt === FMT && !base.bigEndian && !base.disabled && !base.e0pd && base.rootMask <= 511;

/** Whether a configuration qualifies; decided once for a stream. */
export const qualifies = (config: StreamConfig): boolean =>
  config.stage1 &&
  config.stage2 &&
  !config.haft &&
  !config.s2Haft &&
  plain(config.s2) &&
  (plain(config.ttb0) || (config.twoHalves && plain(config.ttb1)));

export class FastWalk {
  readonly #memory: PhysicalMemory;
  readonly #xnx: boolean;

  constructor(memory: PhysicalMemory, xnx: boolean) {
    this.#memory = memory;
    this.#xnx = xnx;
  }

  /** Translate by both stages. @returns false when the walker has to: nothing is decided then */
  translate(t: Translation, config: StreamConfig & Stage1Controls): boolean {
    for (;;) {
      const slot = ~this.#attempt(t, config);
      if (slot === ~DONE) return true;
      if (slot === ~REFUSED) return false;
      const memory = this.#memory;
      // A target is for what a walk may follow, so that whoever finds one need not look at the descriptor.
      if ((memory.words[2 * slot]! & POINTS) !== POINTS || memory.target(slot) === 0) return false;
    }
  }

  #attempt(t: Translation, config: StreamConfig & Stage1Controls): number {
    const memory = this.#memory;
    const vaHi = t.iovaHi;
    const vaLo = t.iovaLo;
    const upper = config.twoHalves && (vaHi & 0x00800000) !== 0;
    const base = upper ? config.ttb1 : config.ttb0;
    if (!plain(base)) return REFUSED;
    let over = upper ? ~vaHi : vaHi;
    if (base.topByteIgnored) over &= 0x00ffffff;
    if (((over & base.overHi) | ((upper ? ~vaLo : vaLo) & base.overLo)) !== 0) return REFUSED;
    const s2 = config.s2;
    // What is followed by its target lies in memory, and so within the output size.
    if (memory.addressBits > s2.outputBits) return REFUSED;
    const frame = memory.wholeFrame(s2.rootHi, s2.rootLo);
    if (frame === 0) return REFUSED;
    const root = (frame << 9) | ((s2.rootLo & 0xff8) >>> 3);
    const { words, targets } = memory;
    const s2Level = s2.level;
    const s2Mask = s2.rootMask;
    const s2OverHi = s2.overHi;
    const s2OverLo = s2.overLo;
    const protect = config.s2ProtectWalks;
    const fwb = config.s2Fwb;
    const beyond = base.beyondHi & OA_HI;
    // Address bits [47:16].
    const vaTop = (vaHi << 16) | (vaLo >>> 16);
    let tableHi = base.rootHi;
    let tableLo = base.rootLo;
    let inherited = 0;
    let mask = base.rootMask;
    let lo = 0;
    let hi = 0;
    for (let level = base.level; ; level--) {
      const index = (level === 0 ? vaLo >>> 12 : vaTop >>> (9 * level - 4)) & mask;
      const atLo = (tableLo + (index << 3)) | 0;
      if (((tableHi & s2OverHi) | (atLo & s2OverLo)) !== 0) return REFUSED;
      const leaf = pageSlot(s2Level, s2Mask, targets, root, tableHi, atLo);
      if (leaf < 0) return leaf;
      const leafLo = words[2 * leaf]!;
      if ((leafLo & (READABLE | AF | POINTS)) !== (READABLE | AF | POINTS)) return REFUSED;
      if (protect && stage2IsDevice(leafLo, fwb)) return REFUSED;
      const frame = targets[leaf]!;
      if (frame === 0) return ~leaf;
      const at = (frame << 10) | ((atLo & 0xff8) >>> 2);
      lo = words[at]!;
      hi = words[at + 1]!;
      if ((lo & POINTS) !== POINTS || (hi & beyond) !== 0) return REFUSED;
      if (level === 0) break;
      inherited |= hi & INHERIT;
      tableHi = hi & OA_HI;
      tableLo = lo & ~0xfff;
      mask = 511;
    }
    if ((lo & AF) === 0 || (config.hd && clean1(lo, hi))) return REFUSED;
    const allowed1 = stage1Permissions(lo, hi, inherited & base.hierarchy, t.privileged, config);
    if ((allowed1 & t.want) === 0) return REFUSED;

    const ipaHi = hi & OA_HI;
    const ipaLo = (lo & ~0xfff) | (vaLo & 0xfff);
    if (((ipaHi & s2OverHi) | (ipaLo & s2OverLo)) !== 0) return REFUSED;
    const leaf = pageSlot(s2Level, s2Mask, targets, root, ipaHi, ipaLo);
    if (leaf < 0) return leaf;
    const leafLo = words[2 * leaf]!;
    const leafHi = words[2 * leaf + 1]!;
    if ((leafLo & (AF | POINTS)) !== (AF | POINTS) || (leafHi & s2.beyondHi & OA_HI) !== 0) return REFUSED;
    if (config.s2Hd && clean2(leafLo, leafHi)) return REFUSED;
    const allowed2 = stage2Permissions(leafLo, leafHi, t.privileged, this.#xnx);
    if ((allowed2 & t.want) === 0) return REFUSED;
    t.permissions1 = allowed1;
    t.permissions2 = allowed2;
    t.sizeLg2Stage1 = 12;
    t.sizeLg2Stage2 = 12;
    t.leaf1Hi = hi;
    t.leaf1Lo = lo;
    t.leaf2Hi = leafHi;
    t.leaf2Lo = leafLo;
    t.paHi = leafHi & OA_HI;
    t.paLo = (leafLo & ~0xfff) | (ipaLo & 0xfff);
    return DONE;
  }
}
