/**
 * The IOTLB: translations of pages, from the address of a request to the host physical one, by domain and PASID
 * (VT-d §6.2.4). Entries without a PASID are of the second stage alone; the others of the first stage or of both.
 *
 * An entry says what the tables said when they were read. It serves the requests that those allowed, of the privilege it
 * was made for; others walk again. A page that a write has not marked dirty yet serves no writes. With caching mode
 * (CAP.CM) there are also entries for what the tables refused (§6.1); they serve requests that ask for the same.
 */

import { maskHi, maskLo, NO_PASID, PageTableCache } from "../../common/page_table_cache.ts";
import { End, Updates, Want } from "../../common/request.ts";
import { CacheCount, type CacheGeometry, HOT_WORDS } from "../../common/tagged_cache.ts";
import type { RequestConfig } from "../request_config.ts";
import type { Translation } from "../translation.ts";

// Hot words of an entry beyond its key.
/** PA bits [31:12]; rights in [2:0], for a refusal what was asked for; and the flags. */
const W_LOW = 3;
/** PA bits [51:32]; for a refusal its reason. */
const W_HIGH = 4;
/** log2 of what the leaf of each stage maps: first stage in [6:0], second in [13:7]. */
const W_SIZES = 5;
/** The requester that filled the entry, and the PASID of its request, -1 for none. */
const W_REQUESTER = 6;
const W_PASID = 7;
const SUPERVISOR = 1 << 6;
/** Writes have to walk: a leaf is not marked dirty yet. */
const CLEAN = 1 << 7;
const REFUSAL = 1 << 8;
const RIGHTS = 7;
const SMALLEST = 12;

/** PASID that tags what a requester's configuration translates; NO_PASID for the second stage alone. */
const tagOf = (config: RequestConfig): number => (config.first ? config.pasid : NO_PASID);

export class Iotlb {
  readonly pages: PageTableCache;

  constructor(geometry: CacheGeometry) {
    this.pages = new PageTableCache(geometry, 0);
  }

  /** Answer a request from the cache. @returns false when `t` has to walk */
  hit(t: Translation, config: RequestConfig): boolean {
    const { table } = this.pages;
    const entry = this.pages.find(config.did, tagOf(config), t.iovaHi, t.iovaLo);
    const serves = entry >= 0 && this.#serves(t, entry, config);
    if (t.updates === Updates.Make) {
      table.counts[serves ? CacheCount.Hits : CacheCount.Misses]!++;
      if (serves) table.used(entry);
    }
    if (!serves) return false;
    const at = entry * HOT_WORDS;
    const low = table.hot[at + W_LOW]!;
    const high = table.hot[at + W_HIGH]!;
    if ((low & REFUSAL) !== 0) {
      t.fault(high);
      return true;
    }
    const size = this.pages.sizeLg2(entry);
    t.paHi = (high & maskHi(size)) | (t.iovaHi & ~maskHi(size));
    t.paLo = (low & ~0xfff & maskLo(size)) | (t.iovaLo & ~maskLo(size));
    t.permissions = low & RIGHTS;
    t.sizeLg2First = table.hot[at + W_SIZES]! & 127;
    t.sizeLg2Second = table.hot[at + W_SIZES]! >>> 7;
    return true;
  }

  /** Keep a translation that was made by tables. */
  keep(t: Translation, config: RequestConfig): void {
    const size = Math.min(t.sizeLg2First, t.sizeLg2Second);
    if (t.updates !== Updates.Make || size > 63) return;
    const clean = (config.first || config.ssade) && !t.write ? CLEAN : 0;
    this.#fill(t, config, size, t.paHi, (t.paLo & ~0xfff) | t.permissions | clean);
  }

  /** Keep what tables refused. */
  keepRefusal(t: Translation, config: RequestConfig): void {
    if (t.updates === Updates.Make) this.#fill(t, config, SMALLEST, t.reason, REFUSAL | t.want);
  }

  /** Describe in `t` a request that an entry serves. */
  describe(entry: number, t: Translation): void {
    const { hot } = this.pages.table;
    const at = entry * HOT_WORDS;
    const low = hot[at + W_LOW]!;
    t.sid = hot[at + W_REQUESTER]!;
    t.hasPasid = hot[at + W_PASID]! >= 0;
    t.pasid = Math.max(hot[at + W_PASID]!, 0);
    t.privileged = (low & SUPERVISOR) !== 0;
    t.iovaHi = this.pages.addressHi(entry);
    t.iovaLo = this.pages.addressLo(entry);
    const wants = low & RIGHTS;
    t.write = (wants & Want.Write) !== 0 && (wants & Want.Read) === 0;
    t.instruction = wants === Want.Execute;
  }

  /** The entry says of its page what `t` says. */
  agrees(entry: number, t: Translation): boolean {
    const { hot } = this.pages.table;
    const at = entry * HOT_WORDS;
    const low = hot[at + W_LOW]!;
    const high = hot[at + W_HIGH]!;
    if (t.did !== this.pages.domainOf(entry)) return false;
    if ((low & REFUSAL) !== 0) return t.end === End.Fault && t.reason === high;
    const size = this.pages.sizeLg2(entry);
    const samePage = (((high ^ t.paHi) & maskHi(size)) | ((low ^ t.paLo) & ~0xfff & maskLo(size))) === 0;
    const wide = Math.min(t.sizeLg2First, t.sizeLg2Second) >= size;
    return t.end === End.Ok && samePage && wide && (low & RIGHTS) === t.permissions;
  }

  /** What an entry gives: host physical address and rights; null for a refusal. */
  outputOf(entry: number): { readonly hi: number; readonly lo: number; readonly permissions: number } | null {
    const { hot } = this.pages.table;
    const at = entry * HOT_WORDS;
    const low = hot[at + W_LOW]!;
    if ((low & REFUSAL) !== 0) return null;
    return { hi: hot[at + W_HIGH]!, lo: low & ~0xfff, permissions: low & RIGHTS };
  }

  #fill(t: Translation, config: RequestConfig, size: number, high: number, low: number): void {
    const { table } = this.pages;
    const at = this.pages.fill(config.did, tagOf(config), t.iovaHi, t.iovaLo, size) * HOT_WORDS;
    table.hot[at + W_LOW] = low | (t.supervisor ? SUPERVISOR : 0);
    table.hot[at + W_HIGH] = high;
    table.hot[at + W_SIZES] = t.sizeLg2First | (t.sizeLg2Second << 7);
    table.hot[at + W_REQUESTER] = t.sid;
    table.hot[at + W_PASID] = t.hasPasid ? t.pasid : -1;
  }

  #serves(t: Translation, entry: number, config: RequestConfig): boolean {
    const low = this.pages.table.hot[entry * HOT_WORDS + W_LOW]!;
    if (config.first && ((low & SUPERVISOR) !== 0) !== t.supervisor) return false;
    if ((low & REFUSAL) !== 0) return (low & RIGHTS) === t.want;
    return (low & RIGHTS & t.want) === t.want && !(t.write && (low & CLEAN) !== 0);
  }
}
