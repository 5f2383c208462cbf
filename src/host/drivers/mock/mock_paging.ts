/**
 * A paging domain without tables: it remembers what is mapped and what was marked dirty. Linux 7.2,
 * drivers/iommu/iommufd/selftest.c (mock_domain_alloc_pgtable) and drivers/iommu/generic_pt, whose leaves it counts in.
 */
import type { Status } from "../../errno.ts";
import type { AddressRange, DirtyTracking, IommuDriver, PagingDomain } from "../driver.ts";

interface Run {
  readonly start: bigint;
  readonly pa: bigint;
  readonly length: bigint;
}

/** What distinguishes the mock's kinds of tables. */
interface MockTables {
  readonly smallestPage: bigint;
  readonly pageSizes: bigint;
  readonly aperture: AddressRange;
}

const HUGE_PAGE = 1n << 20n;

/** Tables by `pagetable_type` of iommu_hwpt_selftest. @param page bytes of the processor's pages */
export const mockTables = (page: bigint): readonly MockTables[] => [
  { smallestPage: page / 2n, pageSizes: page / 2n, aperture: { start: 1n << 24n, last: (1n << 31n) - 1n } },
  { smallestPage: page, pageSizes: HUGE_PAGE | page, aperture: { start: 0n, last: (1n << 38n) - 1n } },
];

export class MockPaging implements PagingDomain {
  readonly kind = "paging";
  readonly driver: IommuDriver;
  readonly smallestPage: bigint;
  readonly pageSizes: bigint;
  readonly aperture: AddressRange;
  readonly dirty?: DirtyTracking;
  /** Bytes of the processor's pages: no leaf is larger. */
  readonly #page: bigint;
  #runs: Run[] = [];
  /** First addresses of leaves that were written. */
  readonly #written = new Set<bigint>();
  #tracking = false;

  constructor(driver: IommuDriver, page: bigint, tables: MockTables, tracked: boolean) {
    this.driver = driver;
    this.#page = page;
    this.smallestPage = tables.smallestPage;
    this.pageSizes = tables.pageSizes;
    this.aperture = tables.aperture;
    if (!tracked) return;
    this.dirty = {
      set: (on) => {
        this.#tracking = on;
        return null;
      },
      read: (iova, length, clear, mark) => this.#read(iova, iova + length - 1n, clear, mark),
    };
  }

  /** Dirty pages are tracked right now. */
  get tracking(): boolean {
    return this.#tracking;
  }

  map(start: bigint, pa: bigint, length: bigint): Status {
    this.#runs.push({ start, pa, length });
    return null;
  }

  unmap(start: bigint, length: bigint): void {
    this.#runs = this.#runs.filter((r) => r.start < start || r.start >= start + length);
    for (const at of this.#written) if (at >= start && at < start + length) this.#written.delete(at);
  }

  /** Where an address leads; null where nothing is mapped. */
  physical(iova: bigint): bigint | null {
    const run = this.#runAt(iova);
    return run === undefined ? null : run.pa + (iova - run.start);
  }

  /** Mark the leaf at an address as written; nothing where nothing is mapped. */
  touch(iova: bigint): void {
    const leaf = this.#leafAt(iova);
    if (leaf !== null) this.#written.add(leaf.start);
  }

  enforceCoherency(): boolean {
    return true;
  }

  release(): void {}

  #runAt(iova: bigint): Run | undefined {
    return this.#runs.find((r) => iova >= r.start && iova < r.start + r.length);
  }

  /** The leaf at an address: a whole page of the processor's where address and memory are aligned to one. */
  #leafAt(iova: bigint): AddressRange | null {
    const run = this.#runAt(iova);
    if (run === undefined) return null;
    const start = iova - (iova % this.#page);
    const whole = (run.start - run.pa) % this.#page === 0n && start >= run.start;
    if (whole && start + this.#page <= run.start + run.length) return { start, last: start + this.#page - 1n };
    const small = iova - (iova % this.smallestPage);
    return { start: small, last: small + this.smallestPage - 1n };
  }

  #read(first: bigint, last: bigint, clear: boolean, mark: (iova: bigint, length: bigint) => void): void {
    for (const at of [...this.#written].sort((a, b) => (a < b ? -1 : 1))) {
      const leaf = this.#leafAt(at);
      if (leaf === null || leaf.last < first || at > last) continue;
      const from = at < first ? first : at;
      mark(from, (leaf.last < last ? leaf.last : last) - from + 1n);
      if (clear) this.#written.delete(at);
    }
  }
}
