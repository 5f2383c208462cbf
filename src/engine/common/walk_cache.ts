/**
 * Paging-structure cache: where the last-level table of an address lies and what the levels above it allow, so that a
 * walk begins there. Tables have 512 entries, of which each of the last level maps 4 KiB.
 */
import type { Cursor } from "../../pagetable/walk.ts";
import { PageTableCache } from "./page_table_cache.ts";
import { CacheCount, type CacheGeometry, HOT_WORDS } from "./tagged_cache.ts";

// Hot words of an entry beyond its key.
const W_TABLE_LO = 3;
const W_TABLE_HI = 4;
const W_INHERITED = 5;
/** log2 of what a last-level table maps. */
export const TABLE_LG2 = 21;
const INDEX_MASK = 511;

export class WalkCache {
  readonly pages: PageTableCache;

  constructor(geometry: CacheGeometry) {
    this.pages = new PageTableCache(geometry, 0);
  }

  /** Put a cursor that stands at the root at the last-level table of its address. @returns false where it is not cached */
  resume(c: Cursor, domainId: number, pasid: number): boolean {
    const { table } = this.pages;
    const entry = this.pages.find(domainId, pasid, c.vaHi, c.vaLo);
    table.counts[entry < 0 ? CacheCount.Misses : CacheCount.Hits]!++;
    if (entry < 0) return false;
    const at = entry * HOT_WORDS;
    c.tableLo = table.hot[at + W_TABLE_LO]!;
    c.tableHi = table.hot[at + W_TABLE_HI]!;
    c.inherited = table.hot[at + W_INHERITED]!;
    c.level = 0;
    c.rootMask = INDEX_MASK;
    return true;
  }

  /** Keep the table that a walk found its leaf in, if that is of the last level. */
  walked(c: Cursor, domainId: number, pasid: number): void {
    if (c.level !== 0) return;
    const at = this.pages.fill(domainId, pasid, c.vaHi, c.vaLo, TABLE_LG2) * HOT_WORDS;
    const { hot } = this.pages.table;
    hot[at + W_TABLE_LO] = c.tableLo;
    hot[at + W_TABLE_HI] = c.tableHi;
    hot[at + W_INHERITED] = c.inherited;
  }

  /** The table that an entry names, in the addresses its tables lie at: signed halves. */
  tableOf(entry: number): { readonly hi: number; readonly lo: number } {
    const { hot } = this.pages.table;
    return { hi: hot[entry * HOT_WORDS + W_TABLE_HI]!, lo: hot[entry * HOT_WORDS + W_TABLE_LO]! };
  }

  /** A cursor that reached a leaf found it in the table that an entry names. */
  agrees(entry: number, c: Cursor): boolean {
    const { hot } = this.pages.table;
    const at = entry * HOT_WORDS;
    const sameTable = hot[at + W_TABLE_LO] === c.tableLo && hot[at + W_TABLE_HI] === c.tableHi;
    return c.level === 0 && sameTable && hot[at + W_INHERITED] === c.inherited;
  }
}
