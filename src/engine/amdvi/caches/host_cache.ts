/**
 * Host translations by themselves, beneath guest tables: from guest physical pages to system physical ones. 48882
 * revision 3.10, §2.1.4, §2.2.7.
 */

import { maskHi, maskLo, NO_PASID, PageTableCache } from "../../common/page_table_cache.ts";
import { CacheCount, type CacheGeometry, HOT_WORDS } from "../../common/tagged_cache.ts";

// Hot words of an entry beyond its key.
/** PA bits [31:12]; rights in [2:0], and the flags. */
const W_LOW = 3;
/** PA bits [51:32]. */
const W_HIGH = 4;
/** Writes have to walk: the leaf is not marked dirty yet. */
const CLEAN = 1 << 3;
const COHERENT = 1 << 4;

export class HostCache {
  readonly pages: PageTableCache;
  /** What {@link find} found: the address, rights as a set of `Want`, what the leaf maps. */
  paHi = 0;
  paLo = 0;
  rights = 0;
  sizeLg2 = 0;
  coherent = false;

  constructor(geometry: CacheGeometry) {
    this.pages = new PageTableCache(geometry, 0);
  }

  /**
   * Look for a guest physical address.
   * @param need rights that the entry must have, a set of `Want`
   * @param writes the page will be written
   */
  find(domainId: number, hi: number, lo: number, need: number, writes: boolean): boolean {
    const { table } = this.pages;
    const entry = this.pages.find(domainId, NO_PASID, hi, lo);
    const low = entry < 0 ? 0 : table.hot[entry * HOT_WORDS + W_LOW]!;
    const serves = entry >= 0 && (low & need) === need && !(writes && (low & CLEAN) !== 0);
    table.counts[serves ? CacheCount.Hits : CacheCount.Misses]!++;
    if (!serves) return false;
    const size = this.pages.sizeLg2(entry);
    this.paHi = (table.hot[entry * HOT_WORDS + W_HIGH]! & maskHi(size)) | (hi & ~maskHi(size));
    this.paLo = (low & ~0xfff & maskLo(size)) | (lo & ~maskLo(size));
    this.rights = low & 7;
    this.sizeLg2 = size;
    this.coherent = (low & COHERENT) !== 0;
    return true;
  }

  /** Keep what {@link paHi} and the fields beside it say of an address. @param clean the leaf is not marked dirty */
  keep(domainId: number, hi: number, lo: number, clean: boolean): void {
    const { table } = this.pages;
    const at = this.pages.fill(domainId, NO_PASID, hi, lo, this.sizeLg2) * HOT_WORDS;
    const flags = (clean ? CLEAN : 0) | (this.coherent ? COHERENT : 0);
    table.hot[at + W_LOW] = (this.paLo & ~0xfff) | this.rights | flags;
    table.hot[at + W_HIGH] = this.paHi;
  }

  /** Physical address that an entry's first address goes to, signed halves, and rights as a set of `Want`. */
  outputOf(entry: number): readonly [hi: number, lo: number, rights: number] {
    const { hot } = this.pages.table;
    const low = hot[entry * HOT_WORDS + W_LOW]!;
    const size = this.pages.sizeLg2(entry);
    return [hot[entry * HOT_WORDS + W_HIGH]! & maskHi(size), low & ~0xfff & maskLo(size), low & 7];
  }

  /** The entry leads where its first address leads now, with these rights. */
  agrees(entry: number, paHi: number, paLo: number, rights: number): boolean {
    const { hot } = this.pages.table;
    const low = hot[entry * HOT_WORDS + W_LOW]!;
    const size = this.pages.sizeLg2(entry);
    const moved = ((hot[entry * HOT_WORDS + W_HIGH]! ^ paHi) & maskHi(size)) | ((low ^ paLo) & ~0xfff & maskLo(size));
    return moved === 0 && (low & 7) === rights;
  }
}
