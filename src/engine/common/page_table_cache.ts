/**
 * A tagged cache of something by address: translations of pages, or the tables that a walk may begin at. An entry covers
 * an aligned range of 2^n bytes, n from 12 to 63, of one domain's addresses: guest physical ones, or guest virtual ones
 * of a PASID. Domains are VT-d's domain ids or AMD-Vi's DomainIDs, 16 bits; a PASID has 20.
 *
 * Key word 0 is the address in units of the entry's size, bits [31:0]. Key word 1 holds bits [63:44] of the address in
 * [19:0], the size in [25:20], PASID[19:16] in [29:26] and in bit 30 that there is a PASID; key word 2 PASID[15:0] and
 * the DomainID.
 */
import { type CacheGeometry, HOT_WORDS, TaggedCache } from "./tagged_cache.ts";

/** PASID of guest physical addresses. */
export const NO_PASID = -1;

const SIZE_SHIFT = 20;
const SIZE_MASK = 63;
const PASID_SHIFT = 26;
const GUEST = 1 << 30;
const SMALLEST = 12;
/** log2 of the largest range whose entries are looked for one by one: eight of the smallest. */
const PROBED_LG2 = SMALLEST + 3;

export class PageTableCache {
  readonly table: TaggedCache;
  /** log2 of the sizes that entries may have now; look-ups try each. */
  #sizes: number[] = [];

  constructor(geometry: CacheGeometry, coldWords: number) {
    this.table = new TaggedCache(geometry, coldWords);
  }

  /** Find the entry that covers an address. @returns its number, or -1 */
  find(domainId: number, pasid: number, hi: number, lo: number): number {
    const ids = idsOf(domainId, pasid);
    for (const size of this.#sizes) {
      const entry = this.#entryOf(ids, pasid, hi, lo, size);
      if (entry >= 0) return entry;
    }
    return -1;
  }

  /** The entry of one size that covers an address, or -1. */
  #entryOf(ids: number, pasid: number, hi: number, lo: number, size: number): number {
    const key0 = key0Of(hi, lo, size);
    return this.table.find(key0 ^ hashOf(ids), key0, key1Of(pasid, hi, size), ids);
  }

  /** Take an entry for the range of 2^sizeLg2 bytes around an address. The caller writes its other words. */
  fill(domainId: number, pasid: number, hi: number, lo: number, sizeLg2: number): number {
    const size = Math.min(sizeLg2, SIZE_MASK);
    this.#note(size);
    const ids = idsOf(domainId, pasid);
    const key0 = key0Of(hi, lo, size);
    return this.table.fill(key0 ^ hashOf(ids), key0, key1Of(pasid, hi, size), ids);
  }

  /**
   * Drop the entries of a domain and PASID that meet an aligned range.
   * @param pasid NO_PASID for guest physical addresses
   */
  dropRange(domainId: number, pasid: number, hi: number, lo: number, sizeLg2: number): void {
    const ids = idsOf(domainId, pasid);
    if (sizeLg2 <= PROBED_LG2) {
      this.#dropProbed(ids, pasid, hi, lo & maskLo(sizeLg2), sizeLg2);
      return;
    }
    const tag = pasid < 0 ? 0 : key1Of(pasid, 0, SMALLEST) & ~(SIZE_MASK << SIZE_SHIFT);
    const { hot } = this.table;
    const tagMask = GUEST | (15 << PASID_SHIFT);
    this.table.dropWhere((entry) => {
      const at = entry * HOT_WORDS;
      if (hot[at + 2] !== ids || ((hot[at + 1]! ^ tag) & tagMask) !== 0) return false;
      const size = Math.max(sizeLg2, this.sizeLg2(entry));
      return (((this.addressHi(entry) ^ hi) & maskHi(size)) | ((this.addressLo(entry) ^ lo) & maskLo(size))) === 0;
    });
  }

  /** As {@link dropRange}, of a range so small that looking for each entry there can be is quicker than at all. */
  #dropProbed(ids: number, pasid: number, hi: number, lo: number, sizeLg2: number): void {
    for (const size of this.#sizes) {
      const count = size >= sizeLg2 ? 1 : 1 << (sizeLg2 - size);
      for (let i = 0; i < count; i++) {
        const entry = this.#entryOf(ids, pasid, hi, (lo + i * 2 ** size) | 0, size);
        if (entry >= 0) this.table.drop(entry);
      }
    }
  }

  /** Drop the entries of a domain with any PASID. */
  dropGuest(domainId: number): void {
    const { hot } = this.table;
    this.table.dropWhere((entry) => {
      const at = entry * HOT_WORDS;
      return hot[at + 2]! >>> 16 === domainId && (hot[at + 1]! & GUEST) !== 0;
    });
  }

  domainOf(entry: number): number {
    return this.table.hot[entry * HOT_WORDS + 2]! >>> 16;
  }

  /** PASID of an entry, NO_PASID for guest physical addresses. */
  pasidOf(entry: number): number {
    const at = entry * HOT_WORDS;
    const key1 = this.table.hot[at + 1]!;
    if ((key1 & GUEST) === 0) return NO_PASID;
    return (((key1 >>> PASID_SHIFT) & 15) << 16) | (this.table.hot[at + 2]! & 0xffff);
  }

  sizeLg2(entry: number): number {
    return (this.table.hot[entry * HOT_WORDS + 1]! >>> SIZE_SHIFT) & SIZE_MASK;
  }

  /** First address of an entry, signed halves. */
  addressHi(entry: number): number {
    const size = this.sizeLg2(entry);
    const key0 = this.table.hot[entry * HOT_WORDS]!;
    const above = (this.table.hot[entry * HOT_WORDS + 1]! & 0xfffff) << 12;
    const below = size < 32 ? key0 >>> (32 - size) : key0 << (size - 32);
    return (above | (below & 0xfff)) & maskHi(size);
  }

  addressLo(entry: number): number {
    const size = this.sizeLg2(entry);
    return size < 32 ? this.table.hot[entry * HOT_WORDS]! << size : 0;
  }

  /** Work out anew which sizes there are: after a state was restored. */
  refresh(): void {
    this.#sizes = [];
    for (let entry = 0; entry < this.table.entries; entry++) {
      if (this.table.isValid(entry)) this.#note(this.sizeLg2(entry));
    }
  }

  #note(size: number): void {
    if (this.#sizes.includes(size)) return;
    this.#sizes = [...this.#sizes, size].sort((a, b) => a - b);
  }
}

const idsOf = (domainId: number, pasid: number): number => (domainId << 16) | (pasid < 0 ? 0 : pasid & 0xffff);
const hashOf = (ids: number): number => Math.imul(ids, 0x9e3779b1) >>> 12;

const key1Of = (pasid: number, hi: number, sizeLg2: number): number =>
  (hi >>> 12) | (sizeLg2 << SIZE_SHIFT) | (pasid < 0 ? 0 : GUEST | ((pasid >>> 16) << PASID_SHIFT));

/** Bits of an address from `sizeLg2` up, the lowest 32 of them. */
function key0Of(hi: number, lo: number, sizeLg2: number): number {
  if (sizeLg2 >= 32) return (hi >>> (sizeLg2 - 32)) | 0;
  return (lo >>> sizeLg2) | (hi << (32 - sizeLg2));
}

/** Bits of an address of 2^sizeLg2 aligned bytes that are the same all over it. */
export const maskHi = (sizeLg2: number): number => (sizeLg2 >= 64 ? 0 : sizeLg2 > 32 ? -1 << (sizeLg2 - 32) : -1);
export const maskLo = (sizeLg2: number): number => (sizeLg2 >= 32 ? 0 : -1 << sizeLg2);
