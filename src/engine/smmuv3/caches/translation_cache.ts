/**
 * A TLB of an SMMUv3: leaf translations by VA or by IPA, of one stage or of two combined (IHI 0070 §3.17, §4.4).
 *
 * An entry says what its descriptors said when they were read: output address, permissions of either privilege, sizes,
 * attributes, and beside them where those descriptors lie and what they held. Faults are not cached.
 */
import { type CacheGeometry, HOT_WORDS, TaggedCache } from "../../common/tagged_cache.ts";
import { type CacheMaintenance, meetsBlock, type TlbiOp, TlbiScope } from "../maintenance.ts";
import { StreamWorld } from "../stream_config.ts";
import { STATE_WORDS } from "./lane.ts";
import {
  ADDRESS_BITS,
  addressBits,
  addressHash,
  type CachedStream,
  EntryKind,
  GLOBAL,
  granuleOfSize,
  IPA_KEY1,
  idsHash,
  idsOf,
  key0Of,
  kindOfKey,
  levelOfSize,
  SIZE_BITS,
  SIZES_LG2,
  sizeCode,
  sizeOfKey,
  worldOfKey,
} from "./tags.ts";

// Hot words of an entry beyond its key.
/** PA bits [31:12]; bit n of bits 7:0: an access with `Translation.kind` n is allowed by both stages. */
export const W_LOW = 3;
/** PA bits [51:32] in 19:0; permissions by stage and privilege from {@link ALLOW1_SHIFT} and {@link ALLOW2_SHIFT}. */
export const W_HIGH = 4;
/** log2 of what the leaf of each stage maps: stage 1 in bits 6:0, stage 2 in 13:7; 64 for a stage that is off. */
export const W_SIZES = 5;
export const SIZE2_SHIFT = 7;
/** Sets of Want of stage 1 and stage 2: unprivileged, then privileged 3 bits above. */
export const ALLOW1_SHIFT = 20;
export const ALLOW2_SHIFT = 26;

/** Cold words of an entry: who filled it and from what. */
export const Cold = {
  Sid: 0,
  /** SubstreamID, or -1 for a transaction without one. */
  Ssid: 1,
  /** Physical addresses of the leaf descriptors of stage 1 and stage 2, and the descriptors as they were read. */
  At1Lo: 2,
  At1Hi: 3,
  Value1Lo: 4,
  Value1Hi: 5,
  At2Lo: 6,
  At2Hi: 7,
  Value2Lo: 8,
  Value2Hi: 9,
  /** Output of stage 1, where both stages translated. */
  IpaLo: 10,
  IpaHi: 11,
} as const;
export const COLD_WORDS = 12;

/** A leaf descriptor: where it was read, what it held, log2 of what it maps (64 for a stage that is off). */
export interface Leaf {
  atHi: number;
  atLo: number;
  hi: number;
  lo: number;
  size: number;
}

const ALL_VMID_BITS = 0xffff;

/** Every size an entry may have, marked while the cache may hold one of it. */
const SIZE_CODES = SIZES_LG2.map(sizeCode);

export class TranslationCache {
  readonly table: TaggedCache;
  /** Sizes that entries may have now, ascending by code; look-ups try each. */
  readonly #sizes = new Int32Array(SIZES_LG2.length);
  readonly #codes = new Int32Array(SIZES_LG2.length);
  #sizeCount = 0;
  #sizeSet = 0;
  /** There may be global entries, and entries smaller than the stage-1 leaf they come from. */
  #globals = false;
  #splintered = false;
  /** Word 0: there are none but entries of 4 KiB of one address space each. */
  readonly #state = new Int32Array(STATE_WORDS);
  /** As `CacheMaintenance.tlbiVa`. */
  readonly tlbiVa: CacheMaintenance["tlbiVa"];

  constructor(geometry: CacheGeometry) {
    this.table = new TaggedCache(geometry, COLD_WORDS);
    this.tlbiVa = pageDropper(this.table.dropKey, this.#state);
  }

  /**
   * Find a translation of an input address, its high half as {@link CachedStream.tagHi} makes it.
   * @returns the number of the entry, or -1
   */
  find(s: CachedStream, hi: number, lo: number): number {
    const table = this.table;
    for (let i = 0; i < this.#sizeCount; i++) {
      const size = this.#sizes[i]!;
      const hash = addressHash(hi, lo, size);
      const key0 = key0Of(hi, size);
      const key1 = addressBits(lo, size) | this.#codes[i]!;
      const entry = table.find(hash ^ s.hash, key0, key1 | s.key1, s.ids);
      if (entry >= 0) return entry;
      if (!this.#globals) continue;
      const global = table.find(hash ^ s.globalHash, key0, key1 | s.globalKey1, s.globalIds);
      if (global >= 0) return global;
    }
    return -1;
  }

  /** As {@link find}, of an IPA. */
  findIpa(vmid: number, hi: number, lo: number): number {
    const hash = idsHash(0, vmid);
    const ids = idsOf(0, vmid);
    for (let i = 0; i < this.#sizeCount; i++) {
      const size = this.#sizes[i]!;
      const key1 = addressBits(lo, size) | this.#codes[i]! | IPA_KEY1;
      const entry = this.table.find(addressHash(hi, lo, size) ^ hash, key0Of(hi, size), key1, ids);
      if (entry >= 0) return entry;
    }
    return -1;
  }

  /**
   * Take an entry for a translation by input address. The caller writes its other words.
   * @returns the number of the entry, or -1 for a size that no entry can have
   */
  fill(s: CachedStream, global: boolean, hi: number, lo: number, size: number, size1: number): number {
    const code = sizeCode(size);
    if (code < 0) return -1;
    this.#note(code, size, global, size1);
    const hash = addressHash(hi, lo, size);
    const key0 = key0Of(hi, size);
    const key1 = addressBits(lo, size) | code;
    return global
      ? this.table.fill(hash ^ s.globalHash, key0, key1 | s.globalKey1, s.globalIds)
      : this.table.fill(hash ^ s.hash, key0, key1 | s.key1, s.ids);
  }

  /** As {@link fill}, of an IPA. */
  fillIpa(vmid: number, hi: number, lo: number, size: number): number {
    const code = sizeCode(size);
    if (code < 0) return -1;
    this.#note(code, size, false, size);
    const hash = addressHash(hi, lo, size) ^ idsHash(0, vmid);
    return this.table.fill(hash, key0Of(hi, size), addressBits(lo, size) | code | IPA_KEY1, idsOf(0, vmid));
  }

  /** Drop what an invalidation names: what §4.4 asks, and no more. */
  tlbi(op: TlbiOp): void {
    const { firstHi: hi, firstLo: lo } = op;
    const single = lo === op.lastLo && hi === op.lastHi && op.granuleLg2 === 0 && op.vmidMask === ALL_VMID_BITS;
    if (single && op.scope === TlbiScope.NH_VA && !this.#splintered && !this.#globals) {
      // The entries lie where look-ups find them.
      this.#dropAt(op.asid, op.vmid, hi, lo);
      return;
    }
    if (this.#sizeCount === 0) return;
    this.table.dropWhere((entry) => this.names(op, entry));
    this.refresh();
  }

  /** Drop the non-global EL1 entries by VA of one address, in the sets they can be in. */
  #dropAt(asid: number, vmid: number, hi: number, lo: number): void {
    const ids = asid | (vmid << 16);
    const hash = Math.imul(asid, 0x9e37) ^ Math.imul(vmid, 0x79b9);
    // Whichever ASET, one stage or both: bit 29, the lower one of the kind, is what entries by VA have in common.
    const mask = ~((1 << 26) | (1 << 30));
    for (let i = 0; i < this.#sizeCount; i++) {
      const size = this.#sizes[i]!;
      const key1 = addressBits(lo, size) | this.#codes[i]! | (1 << 29);
      this.table.dropKey(addressHash(hi, lo, size) ^ hash, key0Of(hi, size), key1, mask, ids);
    }
  }

  /** Whether an invalidation has to reach an entry. */
  names(op: TlbiOp, entry: number): boolean {
    const hot = this.table.hot;
    const at = entry * HOT_WORDS;
    const key1 = hot[at + 1]!;
    const kind = kindOfKey(key1);
    const world = worldOfKey(key1);
    const asidOf = hot[at + 2]! & 0xffff;
    const global = (key1 & GLOBAL) !== 0;
    const el1 = world === StreamWorld.EL1;
    const byVa = kind !== EntryKind.Stage2;
    const sameVmid = (((hot[at + 2]! >>> 16) ^ op.vmid) & op.vmidMask) === 0;
    switch (op.scope) {
      case TlbiScope.NH_ALL:
        return el1 && byVa && sameVmid;
      case TlbiScope.NH_ASID:
        return el1 && byVa && sameVmid && !global && asidOf === op.asid;
      case TlbiScope.NH_VA:
        return el1 && byVa && sameVmid && (global || asidOf === op.asid) && this.#meets(op, entry, kind);
      case TlbiScope.NH_VAA:
        return el1 && byVa && sameVmid && this.#meets(op, entry, kind);
      case TlbiScope.EL2_ALL:
        return !el1;
      case TlbiScope.EL2_ASID:
        return world === StreamWorld.EL2_E2H && !global && asidOf === op.asid;
      case TlbiScope.EL2_VA:
        if (world !== (op.e2h ? StreamWorld.EL2_E2H : StreamWorld.EL2)) return false;
        return (!op.e2h || global || asidOf === op.asid) && this.#meets(op, entry, kind);
      case TlbiScope.EL2_VAA:
        return world === (op.e2h ? StreamWorld.EL2_E2H : StreamWorld.EL2) && this.#meets(op, entry, kind);
      case TlbiScope.S12_VMALL:
        return el1 && sameVmid;
      case TlbiScope.S2_IPA:
        return el1 && !byVa && sameVmid && this.#meets(op, entry, kind);
      case TlbiScope.NSNH_ALL:
        return el1;
    }
  }

  /** log2 of what the leaf of stage 1 or 2 maps; 64 where that stage is off. */
  leafSizeLg2(entry: number, stage: 1 | 2): number {
    return (this.table.hot[entry * HOT_WORDS + W_SIZES]! >>> (stage === 1 ? 0 : SIZE2_SHIFT)) & 127;
  }

  /** Read the leaf of a stage that an entry was made from, as it was then, into `leaf`. */
  readLeaf(entry: number, stage: 1 | 2, leaf: Leaf): void {
    const { cold } = this.table;
    const at = entry * COLD_WORDS + (stage === 1 ? Cold.At1Lo : Cold.At2Lo);
    leaf.atLo = cold[at]!;
    leaf.atHi = cold[at + 1]!;
    leaf.lo = cold[at + 2]!;
    leaf.hi = cold[at + 3]!;
    leaf.size = this.leafSizeLg2(entry, stage);
  }

  /** log2 of the entry's own size. */
  sizeLg2(entry: number): number {
    return sizeOfKey(this.table.hot[entry * HOT_WORDS + 1]!);
  }

  /** First input address of an entry, signed halves. */
  addressHi(entry: number): number {
    return this.table.hot[entry * HOT_WORDS]!;
  }
  addressLo(entry: number): number {
    return (this.table.hot[entry * HOT_WORDS + 1]! & ADDRESS_BITS) << 12;
  }

  /** Work out anew which sizes and kinds of entries there are: after many were dropped, or a state was restored. */
  refresh(): void {
    this.#sizeCount = 0;
    this.#sizeSet = 0;
    this.#globals = false;
    this.#splintered = false;
    this.#state[0] = 0;
    for (let entry = 0; entry < this.table.entries; entry++) {
      if (!this.table.isValid(entry)) continue;
      const key1 = this.table.hot[entry * HOT_WORDS + 1]!;
      const size1 = this.leafSizeLg2(entry, 1);
      this.#note(key1 & SIZE_BITS, sizeOfKey(key1), (key1 & GLOBAL) !== 0, size1);
    }
  }

  #note(code: number, size: number, global: boolean, size1: number): void {
    if (global) this.#globals = true;
    if (size1 > size && size1 < 64) this.#splintered = true;
    const bit = 1 << SIZE_CODES.indexOf(code);
    const known = (this.#sizeSet & bit) !== 0;
    this.#sizeSet |= bit;
    // The first code is that of 4 KiB.
    this.#state[0] = this.#sizeSet === 1 && !this.#globals && !this.#splintered ? 1 : 0;
    if (known) return;
    this.#sizeCount = 0;
    for (let i = 0; i < SIZE_CODES.length; i++) {
      if (((this.#sizeSet >>> i) & 1) === 0) continue;
      this.#sizes[this.#sizeCount] = SIZES_LG2[i]!;
      this.#codes[this.#sizeCount++] = SIZE_CODES[i]!;
    }
  }

  /** The address, granule and level that an invalidation names meet those of an entry's leaf. */
  #meets(op: TlbiOp, entry: number, kind: number): boolean {
    const size = this.leafSizeLg2(entry, kind === EntryKind.Stage2 ? 2 : 1);
    if (op.granuleLg2 !== 0 && op.granuleLg2 !== granuleOfSize(size)) return false;
    if (op.level !== 0 && op.level !== levelOfSize(size)) return false;
    return meetsBlock(op, this.addressHi(entry), this.addressLo(entry), size);
  }
}

/** Drops entries of 4 KiB as `TranslationCache.#dropAt` does, while `state` says that there are no others. */
function pageDropper(dropKey: TaggedCache["dropKey"], state: Int32Array): CacheMaintenance["tlbiVa"] {
  // Locals, and numbers for the tags: those of `#dropAt`.
  const byVa = 1 << 29;
  const mask = ~((1 << 26) | (1 << 30));
  return (asid, vmid, hi, lo) => {
    if (state[0] === 0) return false;
    const page = lo >>> 12;
    const hash = page ^ Math.imul(asid, 0x9e37) ^ Math.imul(vmid, 0x79b9);
    dropKey(hash, hi, page | byVa, mask, asid | (vmid << 16));
    return true;
  };
}
