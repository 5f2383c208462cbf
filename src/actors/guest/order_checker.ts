/**
 * Watches the order in which a kernel does things with its page tables, whatever its driver does: a page goes back to its
 * owner only when the IOMMU has forgotten it, and a live block becomes a table only by way of an empty entry where the
 * IOMMU asks for that (IHI 0070 §3.21.1). What the hardware's caches hold is somebody else's to look at.
 */

import type { TableStore } from "../../pagetable/build.ts";
import { Kind, type PageTableFormat } from "../../pagetable/format.ts";
import type { Hazard } from "../../protocol/software.ts";
import type { Journal } from "../journal.ts";
import type { AddressSpace, IommuDriver } from "./iommu_driver.ts";

/** Most hazards that are kept (the first say what is wrong), and most ranges that wait. */
const MOST = 1000;

/** A range that was taken out of the tables. */
interface Left {
  readonly space: AddressSpace;
  readonly va: number;
  readonly bytes: number;
  /** An invalidation that covers it was queued. */
  told: boolean;
}

const hex = (value: number): string => `0x${value.toString(16)}`;
const overlap = (a: Omit<Left, "told">, b: Omit<Left, "told">): boolean =>
  a.space === b.space && a.va < b.va + b.bytes && b.va < a.va + a.bytes;

export class OrderChecker {
  readonly #journal: Journal;
  readonly #hazards: Hazard[] = [];
  #left: Left[] = [];

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  /** What was done in the wrong order, oldest first. */
  get hazards(): readonly Hazard[] {
    return this.#hazards;
  }

  /** A range is about to be taken out of the tables. */
  leaving(space: AddressSpace, va: number, bytes: number): void {
    if (this.#left.length >= MOST) this.#left.shift();
    this.#left.push({ space, va, bytes, told: false });
  }

  /** The pages of a range go back to their owner. */
  freed(space: AddressSpace, va: number, bytes: number): void {
    const range = { space, va, bytes };
    const early = this.#left.find((left) => overlap(left, range));
    if (early === undefined) return;
    const missing = early.told
      ? "the invalidation is queued, and nobody has waited for it"
      : "no invalidation of it has been queued";
    this.#found(`The pages at ${hex(va)} are given back while the IOMMU may still reach them: ${missing}.`);
    this.#left = this.#left.filter((left) => left !== early);
  }

  /** The driver, with what it is asked to do watched. */
  watched(driver: IommuDriver): IommuDriver {
    const spaces = new Set<AddressSpace>();
    return {
      start: () => driver.start(),
      makeSpace: (sid) => {
        const space = driver.makeSpace(sid);
        if (!("refused" in space)) spaces.add(space);
        return space;
      },
      attach: (sid, pasid, space, served) => driver.attach(sid, pasid, space, served),
      detach: (sid, pasid) => driver.detach(sid, pasid),
      switchTo: (mode) => driver.switchTo(mode),
      takeFaults: () => driver.takeFaults(),
      ...(driver.partition === undefined ? {} : { partition: driver.partition.bind(driver) }),
      dropSpace: (space) => {
        driver.dropSpace(space);
        spaces.delete(space);
        this.#left = this.#left.filter((left) => left.space !== space);
      },
      invalidate: (space, va, bytes, leavesOnly) => {
        driver.invalidate(space, va, bytes, leavesOnly);
        for (const left of this.#left) {
          if (left.space === space && va <= left.va && left.va + left.bytes <= va + bytes) left.told = true;
        }
      },
      mapped: (space, va, bytes) => driver.mapped?.(space, va, bytes),
      invalidateAll: (space) => {
        driver.invalidateAll(space);
        for (const left of this.#left) if (left.space === space) left.told = true;
      },
      sync: () => {
        driver.sync();
        this.#left = this.#left.filter((left) => !left.told || !spaces.has(left.space));
      },
    };
  }

  /** Memory for tables of which the IOMMU does not take a block for a table in one write. */
  watchedTables(store: TableStore, fmt: PageTableFormat): TableStore {
    return {
      allocate: (bytes) => store.allocate(bytes),
      read: (at) => store.read(at),
      isZero: (at, bytes) => store.isZero(at, bytes),
      get hi() {
        return store.hi;
      },
      get lo() {
        return store.lo;
      },
      write: (at, hi, lo) => {
        store.read(at);
        const [before, after] = [fmt.kindOf(store.lo, store.hi, ABOVE_PAGES), fmt.kindOf(lo, hi, ABOVE_PAGES)];
        if (before === Kind.Leaf && after === Kind.Table) {
          this.#found(
            `The block at table entry ${hex(at)} became a table in one write: break-before-make needs an empty entry, an invalidation and a wait between them, or two translations of one address may be cached (IHI 0070 §3.21.1).`,
          );
        }
        store.write(at, hi, lo);
      },
    };
  }

  #found(text: string): void {
    if (this.#hazards.length < MOST) this.#hazards.push({ action: this.#journal.action, text });
  }
}

/** A level whose leaves are blocks. An entry of the last level reads as a table there, before and after. */
const ABOVE_PAGES = 1;
