/**
 * Leaf descriptors on their way into a TLB: where each was read, what it held, what it allows (IHI 0070 §3.13, §13).
 */
import type { Cursor } from "../../../pagetable/walk.ts";
import { HOT_WORDS } from "../../common/tagged_cache.ts";
import { stage1Permissions, stage2Permissions } from "../leaf.ts";
import type { TableBase } from "../stream_config.ts";
import { AccessKind, KINDS, type Translation, Want, wantOf } from "../translation.ts";
import type { CachedStream } from "./tags.ts";
import {
  ALLOW1_SHIFT,
  ALLOW2_SHIFT,
  COLD_WORDS,
  Cold,
  SIZE2_SHIFT,
  type TranslationCache,
  W_HIGH,
  W_LOW,
  W_SIZES,
} from "./translation_cache.ts";

/** A set of Want for either privilege: everything, and writing. */
export const ALLOWS_ALL = 0b111111;
export const WRITES = Want.Write | (Want.Write << 3);
/** Of an address: the number of its 4 KiB page in its low half. */
export const PAGE = ~0xfff;
/** PA bits [51:32] in the high word of an entry. */
export const PA_HI = 0xfffff;
/** Of the high word of an entry of a walk cache: what tables impose on what lies below them. */
export const INHERITED = 0x1f << 27;

/** A leaf descriptor: where it was read, what it held, what it allows. */
export class LeafRead {
  atHi = 0;
  atLo = 0;
  hi = 0;
  lo = 0;
  /** Sets of Want: unprivileged in bits 2:0, privileged in 5:3. */
  allow = ALLOWS_ALL;
  /** log2 of what it maps, 64 for a stage that is off. */
  size = 64;

  /** There is none: the stage is off. */
  clear(): void {
    this.atHi = 0;
    this.atLo = 0;
    this.hi = 0;
    this.lo = 0;
    this.allow = ALLOWS_ALL;
    this.size = 64;
  }

  set(atHi: number, atLo: number, hi: number, lo: number, allow: number, size: number): void {
    this.atHi = atHi;
    this.atLo = atLo;
    this.hi = hi;
    this.lo = lo;
    this.allow = allow;
    this.size = size;
  }
}

/** Of a stage that is off. */
export const NO_LEAF = new LeafRead();

/** Write what an entry says; -1 is none. */
export function writeEntry(
  t: Translation,
  cache: TranslationCache,
  entry: number,
  outHi: number,
  outLo: number,
  leaf1: LeafRead,
  leaf2: LeafRead,
  ipaHi: number,
  ipaLo: number,
): void {
  if (entry < 0) return;
  const { hot, cold } = cache.table;
  const size = Math.min(leaf1.size, leaf2.size);
  const at = entry * HOT_WORDS;
  const outsideLo = size < 32 ? -1 << size : 0;
  const outsideHi = size <= 32 ? -1 : -1 << (size - 32);
  hot[at + W_LOW] = (outLo & outsideLo & PAGE) | passingKinds(leaf1.allow & leaf2.allow);
  hot[at + W_HIGH] = (outHi & outsideHi & PA_HI) | (leaf1.allow << ALLOW1_SHIFT) | (leaf2.allow << ALLOW2_SHIFT);
  hot[at + W_SIZES] = leaf1.size | (leaf2.size << SIZE2_SHIFT);
  const from = entry * COLD_WORDS;
  cold[from + Cold.Sid] = t.sid;
  cold[from + Cold.Ssid] = t.ssv ? t.ssid : -1;
  cold[from + Cold.At1Lo] = leaf1.atLo;
  cold[from + Cold.At1Hi] = leaf1.atHi;
  cold[from + Cold.Value1Lo] = leaf1.lo;
  cold[from + Cold.Value1Hi] = leaf1.hi;
  cold[from + Cold.At2Lo] = leaf2.atLo;
  cold[from + Cold.At2Hi] = leaf2.atHi;
  cold[from + Cold.Value2Lo] = leaf2.lo;
  cold[from + Cold.Value2Hi] = leaf2.hi;
  cold[from + Cold.IpaLo] = ipaLo;
  cold[from + Cold.IpaHi] = ipaHi;
}

/** The values of `Translation.kind` that pass, as bits, where both stages allow these sets of Want. */
function passingKinds(allow: number): number {
  let kinds = 0;
  for (let kind = 0; kind < KINDS; kind++) {
    const own = (kind & AccessKind.Privileged) === 0 ? allow : allow >>> 3;
    if ((own & wantOf(kind)) !== 0) kinds |= 1 << kind;
  }
  return kinds;
}

/** What a leaf of stage 1 allows: unprivileged in bits 2:0, privileged in 5:3. */
export function allowed1(lo: number, hi: number, inherited: number, e0pd: boolean, s: CachedStream): number {
  const unprivileged = e0pd ? 0 : stage1Permissions(lo, hi, inherited, false, s);
  return unprivileged | (stage1Permissions(lo, hi, inherited, true, s) << 3);
}

/** What a leaf of stage 2 allows, in the same form. */
export function allowed2(lo: number, hi: number, xnx: boolean, hd: boolean): number {
  return stage2Permissions(lo, hi, false, xnx, hd) | (stage2Permissions(lo, hi, true, xnx, hd) << 3);
}

/** log2 of what the leaf under a cursor maps. */
export const leafSize = (base: TableBase, c: Cursor): number => base.fmt!.granuleLg2 + base.fmt!.strideLg2 * c.level;

/** The tables of stage 1 that a transaction uses. */
export const halfOf = (t: Translation, s: CachedStream): TableBase =>
  s.twoHalves && (t.iovaHi & 0x00800000) !== 0 ? s.ttb1 : s.ttb0;
