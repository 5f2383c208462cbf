/**
 * Translation tables made for tests: entries put together from the declared descriptor layouts, not from the formats
 * under test. Addresses are whole numbers, exact below 2^53.
 */
import type { DescriptorKind } from "../../arch/smmuv3/descriptor_kind.ts";
import { descriptorLayout, type GranuleLg2 } from "../../arch/smmuv3/descriptors.ts";
import type { FieldAccess, Layout } from "../../base/layout.ts";
import type { PageTableFormat } from "../format.ts";

/** Field values by name, as layouts spell them. */
export type Attributes = Readonly<Record<string, number>>;

/** An entry: low and high half, unsigned. */
export type Entry = readonly [lo: number, hi: number];

/** Where tables are kept: words of 8 bytes at addresses of the tables' own address space. */
export interface TableStore {
  read(at: number): Entry;
  write(at: number, entry: Entry): void;
  /** An address for a table of `bytes` bytes that is aligned to its size, 64 bytes at least. */
  allocate(bytes: number): number;
}

/** The format keeps 52-bit addresses. */
export const isWide = (fmt: PageTableFormat): boolean => fmt.id.endsWith("-52");

const layoutOf = (fmt: PageTableFormat, stage: 1 | 2, kind: DescriptorKind): Layout =>
  descriptorLayout(stage, kind, fmt.granuleLg2 as GranuleLg2, isWide(fmt));

/** Put an address into the fields that hold it: OAB or NLTA, and the field for the bits that stand apart. */
function setAddress(layout: Layout, words: Uint32Array, name: "OAB" | "NLTA", address: number): void {
  const access = layout.f as Readonly<Record<string, FieldAccess>>;
  for (const d of layout.fields) {
    const apart = d.name === `${name}_51_50` ? 50 : d.name === `${name}_51_48` ? 48 : null;
    if (d.name !== name && apart === null) continue;
    const value = Math.floor(address / 2 ** (apart ?? d.lo));
    access[d.name]!.set(words, 0, value % 2 ** 32, Math.floor(value / 2 ** 32));
  }
}

/** A descriptor of `kind` that holds `address`; further fields by name. */
export function descriptor(
  fmt: PageTableFormat,
  stage: 1 | 2,
  kind: "table" | "block" | "page",
  address: number,
  attributes: Attributes = {},
): Entry {
  const layout = layoutOf(fmt, stage, kind);
  const access = layout.f as Readonly<Record<string, FieldAccess>>;
  const words = new Uint32Array(2);
  setAddress(layout, words, kind === "table" ? "NLTA" : "OAB", address);
  const type = kind === "block" ? 0 : 1;
  for (const [name, value] of Object.entries({ Valid: 1, Type: type, ...attributes })) {
    access[name]!.set(words, 0, value);
  }
  return [words[0]!, words[1]!];
}

/** Bytes that one entry at `level` spans. */
export const spanOf = (fmt: PageTableFormat, level: number): number => 2 ** (fmt.granuleLg2 + fmt.strideLg2 * level);

/** One tree of tables, grown by {@link map}. */
export class TableBuilder {
  readonly fmt: PageTableFormat;
  readonly store: TableStore;
  readonly stage: 1 | 2;
  /** Address, level and number of entries of the root. */
  readonly root: number;
  readonly level: number;
  readonly entries: number;
  /** Address of every entry written, in order of writing. */
  readonly written: number[] = [];
  /** Those that lead to a table. */
  readonly links: number[] = [];

  /** @param inputBits significant bits of an input address; they give the size of the root */
  constructor(fmt: PageTableFormat, store: TableStore, stage: 1 | 2, level: number, inputBits: number) {
    this.fmt = fmt;
    this.store = store;
    this.stage = stage;
    this.level = level;
    this.entries = 2 ** inputBits / spanOf(fmt, level);
    this.root = store.allocate(8 * this.entries);
  }

  /** Address of the entry that `va` selects in a table at `table`. */
  slot(table: number, level: number, va: number): number {
    const within = level === this.level ? this.entries : 2 ** this.fmt.strideLg2;
    return table + 8 * (Math.floor(va / spanOf(this.fmt, level)) % within);
  }

  /**
   * Address of the entry at `level` on the way to `va`; tables that are missing are made, with `attributes`.
   * Where a block is in the way, its address.
   */
  place(va: number, level: number, attributes: Attributes = {}): number {
    let table = this.root;
    for (let l = this.level; l > level; l--) {
      const at = this.slot(table, l, va);
      const type = this.store.read(at)[0] & 3;
      if (type === 1) return at;
      if (type !== 3) {
        const next = this.store.allocate(8 * 2 ** this.fmt.strideLg2);
        this.put(at, descriptor(this.fmt, this.stage, "table", next, attributes));
        this.links.push(at);
        table = next;
      } else table = this.nextTable(this.store.read(at));
    }
    return this.slot(table, level, va);
  }

  /** Map `va` to `out` by a leaf at `level`; the address of the leaf. */
  map(va: number, level: number, out: number, leaf: Attributes = {}, tables: Attributes = {}): number {
    const at = this.place(va, level, tables);
    this.put(at, descriptor(this.fmt, this.stage, level === 0 ? "page" : "block", out, leaf));
    return at;
  }

  /** Write an entry as it is. */
  put(at: number, entry: Entry): void {
    this.written.push(at);
    this.store.write(at, entry);
  }

  /** The address that a table entry holds, read through its layout. */
  nextTable(entry: Entry): number {
    const layout = layoutOf(this.fmt, this.stage, "table");
    const access = layout.f as Readonly<Record<string, FieldAccess>>;
    let address = 0;
    for (const d of layout.fields) {
      const from = d.name === "NLTA" ? d.lo : d.name === "NLTA_51_50" ? 50 : d.name === "NLTA_51_48" ? 48 : null;
      if (from === null) continue;
      const words = Uint32Array.from(entry);
      address += (access[d.name]!.get(words, 0) + access[d.name]!.getHi(words, 0) * 2 ** 32) * 2 ** from;
    }
    return address;
  }
}

/** Tables in sparse memory of their own; what nobody wrote reads as zero. */
export class SparseStore implements TableStore {
  /** Halves of the entry last loaded, signed. */
  lo = 0;
  hi = 0;
  readonly #pages = new Map<number, Int32Array>();
  #next: number;
  #lastPage = -1;
  #last: Int32Array | null = null;

  /** @param from where tables are put, upwards */
  constructor(from = 0x10_0000) {
    this.#next = from;
  }

  /** Read an entry into {@link lo} and {@link hi}. */
  load(at: number): void {
    const page = Math.floor(at / 4096);
    if (page !== this.#lastPage) {
      this.#lastPage = page;
      this.#last = this.#pages.get(page) ?? null;
    }
    const word = (at - page * 4096) / 4;
    this.lo = this.#last?.[word] ?? 0;
    this.hi = this.#last?.[word + 1] ?? 0;
  }

  read(at: number): Entry {
    this.load(at);
    return [this.lo >>> 0, this.hi >>> 0];
  }

  write(at: number, entry: Entry): void {
    const page = Math.floor(at / 4096);
    const words = this.#pages.get(page) ?? new Int32Array(1024);
    words.set(entry, (at - page * 4096) / 4);
    this.#pages.set(page, words);
    this.#lastPage = -1;
  }

  allocate(bytes: number): number {
    const size = Math.max(64, bytes);
    const at = Math.ceil(this.#next / size) * size;
    this.#next = at + size;
    return at;
  }
}
