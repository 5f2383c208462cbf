/** A paging domain without tables: it remembers what is mapped and what was marked dirty. */
import type { Status } from "../../errno.ts";
import type { DirtyTracking, IommuDriver, PagingDomain } from "../driver.ts";

interface Run {
  readonly start: bigint;
  readonly length: bigint;
}

/** The mock's aperture. */
const APERTURE = { start: 1n << 24n, last: (1n << 31n) - 1n };

export class MockPaging implements PagingDomain {
  readonly kind = "paging";
  readonly driver: IommuDriver;
  readonly smallestPage: bigint;
  readonly pageSizes: bigint;
  readonly aperture = APERTURE;
  readonly dirty?: DirtyTracking;
  #runs: Run[] = [];
  readonly #dirtyPages = new Set<bigint>();

  constructor(driver: IommuDriver, page: bigint, tracked: boolean) {
    this.driver = driver;
    this.smallestPage = page;
    this.pageSizes = page;
    if (!tracked) return;
    this.dirty = {
      set: () => null,
      read: (iova, length, clear, mark) => {
        for (const at of [...this.#dirtyPages].sort((a, b) => (a < b ? -1 : 1))) {
          if (at < iova || at >= iova + length) continue;
          mark(at, page);
          if (clear) this.#dirtyPages.delete(at);
        }
      },
    };
  }

  map(start: bigint, _pa: bigint, length: bigint): Status {
    this.#runs.push({ start, length });
    return null;
  }

  unmap(start: bigint, length: bigint): void {
    this.#runs = this.#runs.filter((r) => r.start < start || r.start >= start + length);
    for (const at of this.#dirtyPages) if (at >= start && at < start + length) this.#dirtyPages.delete(at);
  }

  /** Mark the page at an address as written. @returns whether it is mapped */
  touch(iova: bigint): boolean {
    if (!this.#runs.some((r) => iova >= r.start && iova < r.start + r.length)) return false;
    this.#dirtyPages.add(iova - (iova % this.smallestPage));
    return true;
  }

  enforceCoherency(): boolean {
    return true;
  }

  release(): void {}
}
