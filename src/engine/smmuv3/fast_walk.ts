/**
 * The common walk, fast: 4 KiB pages throughout, little-endian, 48-bit descriptors, every entry as it should be.
 *
 * It decides nothing but success. Whatever is out of the ordinary — a block, a fault, memory it does not know — sends
 * the translation to the walker, so that faults are made in one place; a property test holds the two equal.
 * Sections as in `stage1.ts` and `stage2.ts`.
 */
import { S1_PAGE, S2_PAGE } from "../../arch/smmuv3/descriptors.ts";
import { locate } from "../../base/layout.ts";
import { vmsav8Format } from "../../pagetable/formats/vmsav8.ts";
import type { PhysicalMemory } from "../memory/physical_memory.ts";
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

/** A base this file can walk: whole or partial root table, but one only. */
const plain = (base: TableBase): boolean =>
  base.fmt === FMT && !base.bigEndian && !base.disabled && !base.e0pd && base.rootMask <= 511;

/** Whether a configuration qualifies; decided once for a stream. */
export const qualifies = (config: StreamConfig): boolean =>
  config.stage1 &&
  config.stage2 &&
  plain(config.s2) &&
  (plain(config.ttb0) || (config.twoHalves && plain(config.ttb1)));

export class FastWalk {
  readonly #memory: PhysicalMemory;
  readonly #xnx: boolean;
  /** The stage-2 leaf last reached. */
  #leafHi = 0;
  #leafLo = 0;

  constructor(memory: PhysicalMemory, xnx: boolean) {
    this.#memory = memory;
    this.#xnx = xnx;
  }

  /** Translate by both stages. @returns false when the walker has to: nothing is decided then */
  translate(t: Translation, config: StreamConfig & Stage1Controls): boolean {
    const memory = this.#memory;
    const upper = config.twoHalves && (t.iovaHi & 0x00800000) !== 0;
    const base = upper ? config.ttb1 : config.ttb0;
    if (!plain(base)) return false;
    const vaHi = t.iovaHi;
    const vaLo = t.iovaLo;
    let over = upper ? ~vaHi : vaHi;
    if (base.topByteIgnored) over &= 0x00ffffff;
    if (((over & base.overHi) | ((upper ? ~vaLo : vaLo) & base.overLo)) !== 0) return false;
    const s2 = config.s2;
    const s2Root = memory.wholeFrame(s2.rootHi, s2.rootLo);
    if (s2Root === 0) return false;
    const words = memory.words;
    const beyond = base.beyondHi & OA_HI;
    let tableHi = base.rootHi;
    let tableLo = base.rootLo;
    let inherited = 0;
    let mask = base.rootMask;
    for (let level = base.level; ; level--) {
      const shift = 12 + 9 * level;
      const index = (shift >= 32 ? vaHi >>> (shift - 32) : (vaLo >>> shift) | (vaHi << (32 - shift))) & mask;
      const atLo = (tableLo + (index << 3)) | 0;
      const leaf = this.#stage2(s2, s2Root, tableHi, atLo);
      if (leaf === 0) return false;
      if ((this.#leafLo & READABLE) === 0) return false;
      if (config.s2ProtectWalks && stage2IsDevice(this.#leafLo, config.s2Fwb)) return false;
      const frame = memory.targets[leaf] || memory.target(leaf);
      if (frame === 0) return false;
      const at = (frame << 10) | ((atLo & 0xff8) >>> 2);
      const lo = words[at]!;
      const hi = words[at + 1]!;
      if ((lo & POINTS) !== POINTS || (hi & beyond) !== 0) return false;
      if (level === 0) return this.#leaf(t, config, base, s2Root, lo, hi, inherited);
      inherited |= hi & FMT.inheritHi;
      tableHi = hi & OA_HI;
      tableLo = lo & ~0xfff;
      mask = 511;
    }
  }

  /** The stage-1 leaf is found: check it and send its output through stage 2. */
  #leaf(
    t: Translation,
    config: StreamConfig & Stage1Controls,
    base: TableBase,
    s2Root: number,
    lo: number,
    hi: number,
    inherited: number,
  ): boolean {
    if ((lo & AF) === 0) return false;
    const allowed1 = stage1Permissions(lo, hi, inherited & base.hierarchy, t.privileged, config);
    if ((allowed1 & t.want) === 0) return false;
    const ipaLo = (lo & ~0xfff) | (t.iovaLo & 0xfff);
    if (this.#stage2(config.s2, s2Root, hi & OA_HI, ipaLo) === 0) return false;
    const allowed2 = stage2Permissions(this.#leafLo, this.#leafHi, t.privileged, this.#xnx);
    if ((allowed2 & t.want) === 0) return false;
    t.permissions1 = allowed1;
    t.permissions2 = allowed2;
    t.sizeLg2Stage1 = 12;
    t.sizeLg2Stage2 = 12;
    t.paHi = this.#leafHi & OA_HI;
    t.paLo = (this.#leafLo & ~0xfff) | (ipaLo & 0xfff);
    return true;
  }

  /**
   * Find the stage-2 page descriptor of an IPA.
   * @returns its 8-byte word number in the arena, or 0; the descriptor is in `#leafHi` and `#leafLo`
   */
  #stage2(s2: TableBase, root: number, ipaHi: number, ipaLo: number): number {
    if (((ipaHi & s2.overHi) | (ipaLo & s2.overLo)) !== 0) return 0;
    const memory = this.#memory;
    const words = memory.words;
    const targets = memory.targets;
    const beyond = s2.beyondHi & OA_HI;
    let frame = root;
    let mask = s2.rootMask;
    for (let level = s2.level; level > 0; level--) {
      const shift = 12 + 9 * level;
      const index = (shift >= 32 ? ipaHi >>> (shift - 32) : (ipaLo >>> shift) | (ipaHi << (32 - shift))) & mask;
      const slot = (frame << 9) | index;
      if ((words[2 * slot]! & POINTS) !== POINTS || (words[2 * slot + 1]! & beyond) !== 0) return 0;
      frame = targets[slot] || memory.target(slot);
      if (frame === 0) return 0;
      mask = 511;
    }
    const slot = (frame << 9) | ((ipaLo >>> 12) & mask);
    const lo = words[2 * slot]!;
    const hi = words[2 * slot + 1]!;
    if ((lo & (POINTS | AF)) !== (POINTS | AF) || (hi & beyond) !== 0) return 0;
    this.#leafLo = lo;
    this.#leafHi = hi;
    return slot;
  }
}
