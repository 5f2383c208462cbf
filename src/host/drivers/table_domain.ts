/**
 * A paging domain over real page tables in memory: what every driver's domains share. Unmapping drops the tables that
 * nothing leads to any more, after the driver has invalidated what a cache may hold of them.
 */

import type { OwnMemory } from "../../kernel/own_memory.ts";
import { type EntryMaker, PageTables, type Rights, type TreeShape } from "../../pagetable/build.ts";
import { entrySizeLg2 } from "../../pagetable/format.ts";
import { type Made, made, refused, type Status } from "../errno.ts";
import type { AddressRange, DirtyTracking, IommuDriver, PagingDomain, Protection } from "./driver.ts";

/** What distinguishes one kind of domain from another. */
export interface TableKind {
  readonly maker: EntryMaker;
  readonly shape: TreeShape;
  readonly aperture: AddressRange;
  /** Bits of the addresses that leaves may lead to; absent: as many as an entry has. */
  readonly outputBits?: number;
  /** Leaves that cannot refuse writes: mappings without write permission are refused. */
  readonly writableOnly?: boolean;
  /** Leaves that cannot express an access without read or without write. */
  readonly needsRead?: boolean;
}

/** Most bytes of IOVA that a table's number arithmetic can hold. */
const WHOLE = 2 ** 64;
const MOST_OUTPUT_BITS = 52;

export abstract class TableDomain implements PagingDomain {
  readonly kind = "paging";
  abstract readonly driver: IommuDriver;
  readonly aperture: AddressRange;
  readonly smallestPage: bigint;
  readonly pageSizes: bigint;
  readonly tables: PageTables;
  abstract readonly dirty?: DirtyTracking;
  readonly #memory: OwnMemory;
  readonly #rootBytes: number;
  readonly #tableBytes: number;
  readonly #writableOnly: boolean;
  readonly #end: bigint;

  constructor(memory: OwnMemory, kind: TableKind, root: number) {
    const { maker, shape } = kind;
    this.#memory = memory;
    this.aperture = kind.aperture;
    this.tables = new PageTables(maker, memory, shape, root);
    this.#rootBytes = PageTables.rootBytes(maker.fmt, shape);
    this.#tableBytes = 8 * 2 ** maker.fmt.strideLg2;
    this.#writableOnly = kind.writableOnly ?? false;
    this.#end = 1n << BigInt(kind.outputBits ?? MOST_OUTPUT_BITS);
    this.smallestPage = 1n << BigInt(maker.fmt.granuleLg2);
    this.pageSizes = pageSizesOf(maker);
  }

  /** Memory for the root of a kind of tables. */
  static root(memory: OwnMemory, { maker, shape }: TableKind): Made<number> {
    const root = memory.allocate(PageTables.rootBytes(maker.fmt, shape));
    return root === null ? refused("ENOMEM") : made(root);
  }

  /** Give back a root that came to be no domain's. */
  static dropRoot(memory: OwnMemory, { maker, shape }: TableKind, root: number): void {
    memory.release(root, PageTables.rootBytes(maker.fmt, shape));
  }

  map(iova: bigint, pa: bigint, length: bigint, protection: Protection): Status {
    if (!protection.read && !protection.write) return "EINVAL";
    if (this.#writableOnly && !protection.write) return "EINVAL";
    if (pa + length > this.#end) return "ERANGE";
    const rights: Rights = { ...protection, execute: protection.device !== true, user: true };
    const failed = this.tables.map(Number(iova), Number(pa), Number(length), rights);
    if (failed === null) {
      this.mapped(iova, length);
      return null;
    }
    for (const table of failed.tables) this.#memory.release(table, this.#tableBytes);
    return failed.why === "no memory for tables" ? "ENOMEM" : "EINVAL";
  }

  unmap(iova: bigint, length: bigint): void {
    const { tables } = this.tables.unmap(Number(iova), Number(length));
    this.invalidate(iova, length);
    for (const table of tables) this.#memory.release(table, this.#tableBytes);
  }

  abstract enforceCoherency(): boolean;

  /** Report leaves of a range whose dirty bit, of the low half, is set; and clear it if asked to. */
  protected readDirtyLeaves(
    dirty: number,
    iova: bigint,
    length: bigint,
    clear: boolean,
    mark: (iova: bigint, length: bigint) => void,
  ): void {
    const { fmt } = this.tables.maker;
    for (let at = iova; at < iova + length; ) {
      const leaf = this.tables.find(Number(at));
      const span = 1n << BigInt(entrySizeLg2(fmt, leaf?.level ?? 0));
      const next = (at / span + 1n) * span;
      const end = next < iova + length ? next : iova + length;
      if (leaf !== null && this.#takeBit(leaf.at, dirty, clear)) mark(at, end - at);
      at = next;
    }
    if (clear) this.invalidate(iova, length);
  }

  /** Give back the tables. Drivers add what else the domain holds. */
  release(): void {
    for (const table of this.tables.unmap(0, WHOLE).tables) this.#memory.release(table, this.#tableBytes);
    this.#memory.release(this.tables.root, this.#rootBytes);
  }

  /** @returns whether the bit was set */
  #takeBit(at: number, bit: number, clear: boolean): boolean {
    this.#memory.read(at);
    const { hi, lo } = this.#memory;
    if ((lo & bit) === 0) return false;
    if (clear) this.#memory.write(at, hi, lo & ~bit);
    return true;
  }

  /** Something was mapped: hardware that caches what is not there has to be told. */
  protected mapped(_iova: bigint, _length: bigint): void {}

  /** Drop what caches hold of a range. */
  protected abstract invalidate(iova: bigint, length: bigint): void;
}

/** A bit for each page size that leaves can have. */
export function pageSizesOf({ fmt, leafLevels }: EntryMaker): bigint {
  let sizes = 0n;
  for (let level = 0; level <= fmt.topLevel; level++) {
    if (((leafLevels >>> level) & 1) === 1) sizes |= 1n << BigInt(entrySizeLg2(fmt, level));
  }
  return sizes;
}
