/**
 * The IOTLB: whole translations of pages, from the address a device gives to the system physical one. 48882 revision
 * 3.10, §2.1.4, §2.4.3.
 *
 * An entry says what the tables said when they were read. It serves the accesses that those allowed, of the privilege it
 * was made for; others walk again. A page that a write has not marked dirty yet serves no writes. Faults are not cached.
 */

import { maskHi, maskLo, PageTableCache } from "../../common/page_table_cache.ts";
import { Updates } from "../../common/request.ts";
import { CacheCount, type CacheGeometry, HOT_WORDS } from "../../common/tagged_cache.ts";
import type { Translation } from "../translation.ts";

// Hot words of an entry beyond its key.
/** PA bits [31:12]; rights of stage 1 in [2:0], of stage 2 in [5:3], and the flags. */
const W_LOW = 3;
/** PA bits [51:32]. */
const W_HIGH = 4;
/** log2 of what the leaf of each stage maps: stage 1 in [6:0], stage 2 in [13:7]. */
const W_SIZES = 5;
/** The device that filled the entry. */
const W_DEVICE = 6;
const RIGHTS2_SHIFT = 3;
const PRIVILEGED = 1 << 6;
/** Writes have to walk: a leaf is not marked dirty yet. */
const CLEAN = 1 << 7;
const COHERENT = 1 << 8;

export class Iotlb {
  readonly pages: PageTableCache;

  constructor(geometry: CacheGeometry) {
    this.pages = new PageTableCache(geometry, 0);
  }

  /**
   * Answer a request from the cache.
   * @param grants what the device's own entry allows, a set of `Want`; devices of a domain share what is cached
   * @returns false when `t` has to walk
   */
  hit(t: Translation, domainId: number, pasid: number, grants: number): boolean {
    const { table } = this.pages;
    const entry = this.pages.find(domainId, pasid, t.iovaHi, t.iovaLo);
    const serves = entry >= 0 && (t.want & ~grants) === 0 && this.#serves(t, entry, pasid);
    if (t.updates === Updates.Make) {
      table.counts[serves ? CacheCount.Hits : CacheCount.Misses]!++;
      if (serves) table.used(entry);
    }
    if (!serves) return false;
    const at = entry * HOT_WORDS;
    const low = table.hot[at + W_LOW]!;
    const size = this.pages.sizeLg2(entry);
    t.paHi = (table.hot[at + W_HIGH]! & maskHi(size)) | (t.iovaHi & ~maskHi(size));
    t.paLo = (low & ~0xfff & maskLo(size)) | (t.iovaLo & ~maskLo(size));
    t.permissions1 = low & 7;
    t.permissions2 = (low >>> RIGHTS2_SHIFT) & grants;
    t.sizeLg2Stage1 = table.hot[at + W_SIZES]! & 127;
    t.sizeLg2Stage2 = table.hot[at + W_SIZES]! >>> 7;
    t.forceCoherent = (low & COHERENT) !== 0;
    return true;
  }

  /**
   * Keep a translation that was made.
   * @param tracksDirty the tables say which pages were written
   */
  keep(t: Translation, domainId: number, pasid: number, tracksDirty: boolean): void {
    const size = Math.min(t.sizeLg2Stage1, t.sizeLg2Stage2);
    if (t.updates !== Updates.Make || size > 63) return;
    const { table } = this.pages;
    const at = this.pages.fill(domainId, pasid, t.iovaHi, t.iovaLo, size) * HOT_WORDS;
    const flags =
      (t.privileged ? PRIVILEGED : 0) | (tracksDirty && !t.write ? CLEAN : 0) | (t.forceCoherent ? COHERENT : 0);
    table.hot[at + W_LOW] = (t.paLo & ~0xfff) | t.permissions1 | (t.permissions2 << RIGHTS2_SHIFT) | flags;
    table.hot[at + W_HIGH] = t.paHi;
    table.hot[at + W_SIZES] = t.sizeLg2Stage1 | (t.sizeLg2Stage2 << 7);
    table.hot[at + W_DEVICE] = t.deviceId;
  }

  /** The device that filled an entry, and whether for a privileged access. */
  deviceOf(entry: number): number {
    return this.pages.table.hot[entry * HOT_WORDS + W_DEVICE]!;
  }
  isPrivileged(entry: number): boolean {
    return (this.pages.table.hot[entry * HOT_WORDS + W_LOW]! & PRIVILEGED) !== 0;
  }

  /** What an entry allows, a set of `Want`. */
  rightsOf(entry: number): number {
    const low = this.pages.table.hot[entry * HOT_WORDS + W_LOW]!;
    return low & (low >>> RIGHTS2_SHIFT) & 7;
  }

  /** Physical address that an entry's first address goes to, signed halves. */
  outputOf(entry: number): readonly [hi: number, lo: number] {
    const at = entry * HOT_WORDS;
    const size = this.pages.sizeLg2(entry);
    return [
      this.pages.table.hot[at + W_HIGH]! & maskHi(size),
      this.pages.table.hot[at + W_LOW]! & ~0xfff & maskLo(size),
    ];
  }

  /** The entry says of its page what `t` says. */
  agrees(entry: number, t: Translation): boolean {
    const { hot } = this.pages.table;
    const at = entry * HOT_WORDS;
    const low = hot[at + W_LOW]!;
    const size = this.pages.sizeLg2(entry);
    const samePage = (((hot[at + W_HIGH]! ^ t.paHi) & maskHi(size)) | ((low ^ t.paLo) & ~0xfff & maskLo(size))) === 0;
    const rights = t.permissions1 | (t.permissions2 << RIGHTS2_SHIFT);
    return samePage && (low & 63) === rights && Math.min(t.sizeLg2Stage1, t.sizeLg2Stage2) >= size;
  }

  #serves(t: Translation, entry: number, pasid: number): boolean {
    const low = this.pages.table.hot[entry * HOT_WORDS + W_LOW]!;
    if ((low & (low >>> RIGHTS2_SHIFT) & 7 & t.want) !== t.want) return false;
    if (t.write && (low & CLEAN) !== 0) return false;
    return pasid < 0 || ((low & PRIVILEGED) !== 0) === t.privileged;
  }
}
