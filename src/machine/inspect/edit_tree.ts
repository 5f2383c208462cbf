/** Finding one's way in a table tree that is being changed: where entries stand and lead. Every level is there. */
import { fromHalves } from "../../base/address.ts";
import { entrySizeLg2, Kind, type PageTableFormat } from "../../pagetable/format.ts";
import type { ScanRoot } from "../../pagetable/scan.ts";
import type { EditStore } from "./edit_store.ts";

export class EditTree {
  readonly #root: ScanRoot;
  readonly #fmt: PageTableFormat;
  readonly #store: EditStore;

  constructor(root: ScanRoot, fmt: PageTableFormat, store: EditStore) {
    this.#root = root;
    this.#fmt = fmt;
    this.#store = store;
  }

  /** Bytes that an entry at a level spans. */
  span(level: number): number {
    return 2 ** entrySizeLg2(this.#fmt, level);
  }

  /** Entries of a table at a level. */
  entries(level: number): number {
    return level === this.#root.level ? this.#root.entries : 2 ** this.#fmt.strideLg2;
  }

  /** Number of the entry for an address in a table at a level. */
  indexAt(va: number, level: number): number {
    return Math.floor(va / this.span(level)) % this.entries(level);
  }

  /** Address of the entry for `va` in the table at `level`, to which tables lead. */
  entryOf(va: number, level: number): number {
    let at = this.#root.at;
    for (let here = this.#root.level; here > level; here--) {
      this.#store.read(at + 8 * this.indexAt(va, here));
      at = this.addressIn(this.#store.hi, this.#store.lo);
    }
    return at + 8 * this.indexAt(va, level);
  }

  /** The entry that a walk of an address ends at. */
  endOf(va: number): { readonly at: number; readonly level: number } {
    for (let level = this.#root.level; ; level--) {
      const at = this.entryOf(va, level);
      this.#store.read(at);
      if (level === 0 || this.#fmt.kindOf(this.#store.lo, this.#store.hi, level) !== Kind.Table) return { at, level };
    }
  }

  /** The address that an entry holds. */
  addressIn(hi: number, lo: number): number {
    const more = this.#fmt.oaMoreHi === null ? 0 : this.#fmt.oaMoreHi(lo, hi);
    return fromHalves((hi & this.#fmt.oaHiMask) | more, lo & this.#fmt.oaLoMask);
  }

  /** Where a leaf takes an input address that it maps; a leaf of several entries holds the address of its first byte. */
  outputIn(hi: number, lo: number, level: number, va: number): number {
    const out = this.addressIn(hi, lo);
    const bytes = this.#fmt.pageLg2 === null ? this.span(level) : 2 ** this.#fmt.pageLg2(lo, hi, level);
    return out - (out % bytes) + (va % bytes);
  }
}
