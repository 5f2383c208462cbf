/**
 * What cached translations are tagged with (IHI 0070 §3.17), as key words of a tagged cache.
 *
 * Key word 0 is bits [63:32] of the input address, as far as they name an entry of its size; key word 1 holds bits [31:12]
 * likewise and the small tags; key word 2 the ASID and the VMID.
 */
import { CD } from "../../../arch/smmuv3/cd.ts";
import type { Capabilities } from "../capabilities.ts";
import { ResolvedStream } from "../config_resolver.ts";
import { StreamWorld } from "../stream_config.ts";

/** Which stages an entry stands for; 0 is none of these. */
export const EntryKind = {
  /** VA to PA or IPA by stage 1 alone. */
  Stage1: 1,
  /** IPA to PA. */
  Stage2: 2,
  /** Of a stream with both stages, by VA. */
  Nested: 3,
} as const;
export type EntryKind = (typeof EntryKind)[keyof typeof EntryKind];

/**
 * log2 of the sizes an entry can have. Each belongs to one granule and level. Runs of contiguous entries count as
 * their single members.
 * CHOICE(contiguous): the Contiguous bit is ignored, as IHI 0070 §3.21.1.2 permits.
 */
export const SIZES_LG2 = [12, 21, 30, 39, 14, 25, 36, 16, 29, 42] as const;

/** Granule (log2) and architectural level of a leaf, by the log2 of its size. */
export function granuleOfSize(sizeLg2: number): number {
  const at = (SIZES_LG2 as readonly number[]).indexOf(sizeLg2);
  return at < 0 ? 0 : at < 4 ? 12 : at < 7 ? 14 : 16;
}
export function levelOfSize(sizeLg2: number): number {
  const granule = granuleOfSize(sizeLg2);
  return granule === 0 ? -1 : 3 - (sizeLg2 - granule) / (granule - 3);
}

// Key word 1.
export const ADDRESS_BITS = 0xfffff;
export const SIZE_SHIFT = 20;
export const SIZE_BITS = 0xf << SIZE_SHIFT;
export const GLOBAL = 1 << 25;
const ASET = 1 << 26;
const WORLD_SHIFT = 27;
const KIND_SHIFT = 29;

/** Key word 1 of entries by IPA, without address and size. */
export const IPA_KEY1 = EntryKind.Stage2 << KIND_SHIFT;

export const sizeOfKey = (key1: number): number => SIZES_LG2[(key1 & SIZE_BITS) >>> SIZE_SHIFT]!;
export const kindOfKey = (key1: number): number => (key1 >>> KIND_SHIFT) & 3;
export const worldOfKey = (key1: number): number => (key1 >>> WORLD_SHIFT) & 3;

/** Bits of key word 1 that stand for a size; -1 for a size no entry has. */
export function sizeCode(sizeLg2: number): number {
  const at = (SIZES_LG2 as readonly number[]).indexOf(sizeLg2);
  return at < 0 ? -1 : at << SIZE_SHIFT;
}

/** Key word 0 of an address in an entry of 2^size bytes, and what it adds to key word 1. */
export const key0Of = (hi: number, size: number): number => (size > 32 ? hi & (-1 << (size - 32)) : hi);
export const addressBits = (lo: number, size: number): number => (size < 32 ? (lo & (-1 << size)) >>> 12 : 0);

/** What the address adds to the choice of a set: its number in units of 2^size bytes, or the low bits of that. */
export const addressHash = (hi: number, lo: number, size: number): number =>
  size < 32 ? (lo >>> size) | (hi << (32 - size)) : hi >>> (size - 32);

/** Key word 2. A VMID or ASID that a regime lacks is 0. */
export const idsOf = (asid: number, vmid: number): number => asid | (vmid << 16);

/** What ASID and VMID add to the choice of a set. */
export const idsHash = (asid: number, vmid: number): number => Math.imul(asid, 0x9e37) ^ Math.imul(vmid, 0x79b9);

/** A stream's configuration with the tags its translations have, worked out once. */
export class CachedStream extends ResolvedStream {
  /** Some translation of this stream can be cached: at least one stage translates. */
  tagged = false;
  /** Its addresses may have a top byte that is ignored. */
  topByte = false;
  /** STE.PRIVCFG or INSTCFG replaces an attribute of each transaction. */
  overrides = false;
  /** Entries by input address: key word 1 without address and size, key word 2, hash; then those of global entries. */
  key1 = 0;
  ids = 0;
  hash = 0;
  globalKey1 = 0;
  globalIds = 0;
  globalHash = 0;
  /** Key word 2 and hash of entries by IPA. */
  ipaIds = 0;
  ipaHash = 0;
  /** Transactions that took the stream from here, not counted yet. */
  uses = 0;
  /** The regime tells address spaces apart by ASID, so that the nG bit counts. */
  hasAsid = false;

  /** Derive the tags from the rest. */
  setTags(caps: Capabilities): void {
    const { world } = this;
    const vmid = world === StreamWorld.EL1 && caps.s2p ? this.vmid : 0;
    this.hasAsid = this.stage1 && world !== StreamWorld.EL2;
    const asid = this.hasAsid ? this.asid : 0;
    const aset = this.hasAsid && CD.f.ASET.get(this.cd, 0) === 1 ? ASET : 0;
    const kind = this.stage1 ? (this.stage2 ? EntryKind.Nested : EntryKind.Stage1) : EntryKind.Stage2;
    this.tagged = this.stage1 || this.stage2;
    this.topByte = this.stage1 && (this.ttb0.topByteIgnored || (this.twoHalves && this.ttb1.topByteIgnored));
    this.overrides = this.privCfg >= 2 || this.instCfg >= 2;
    // ASIDs of either set are equivalent; the set counts for global entries only (§3.17.1).
    this.key1 = (kind << KIND_SHIFT) | (world << WORLD_SHIFT);
    this.ids = idsOf(asid, vmid);
    this.hash = idsHash(asid, vmid);
    this.globalKey1 = this.key1 | GLOBAL | aset;
    const globalAsid = this.caches?.options.shareGlobal === true ? 0 : asid;
    this.globalIds = idsOf(globalAsid, vmid);
    this.globalHash = idsHash(globalAsid, vmid);
    this.ipaIds = idsOf(0, vmid);
    this.ipaHash = idsHash(0, vmid);
  }

  /** High half of an input address as entries are tagged with it: an ignored top byte repeats bit 55. */
  tagHi(hi: number): number {
    if (!this.topByte) return hi;
    const ignored = (this.twoHalves && (hi & 0x00800000) !== 0 ? this.ttb1 : this.ttb0).topByteIgnored;
    return ignored ? (hi << 8) >> 8 : hi;
  }
}
