/**
 * The DMA API of a kernel: mappings of a space, made and taken away, with the invalidations that each implies.
 *
 * Strict mode waits for the IOMMU at every unmap; lazy mode collects what was unmapped and waits once for many, and until
 * then a device can still reach the old pages. Tables that went out of use are freed after the wait in both.
 */

import type { OwnMemory } from "../../kernel/own_memory.ts";
import type { Refusal, Rights } from "../../pagetable/build.ts";
import { entrySizeLg2 } from "../../pagetable/format.ts";
import type { AddressSpace, IommuDriver } from "./iommu_driver.ts";
import type { Mistakes } from "./mistakes.ts";

/** Unmaps that lazy mode collects before it waits, as in Linux's flush queue. */
const FLUSH_QUEUE = 256;

/** Pages that go back to their owner when the IOMMU cannot reach them any more. */
interface Waiting {
  readonly tables: readonly number[];
  readonly freed: (() => void) | null;
}

export class DmaMappings {
  readonly space: AddressSpace;
  readonly #driver: IommuDriver;
  readonly #memory: OwnMemory;
  readonly #lazy: boolean;
  readonly #mistakes: Mistakes;
  #waiting: Waiting[] = [];

  constructor(space: AddressSpace, driver: IommuDriver, memory: OwnMemory, lazy: boolean, mistakes: Mistakes) {
    this.space = space;
    this.#driver = driver;
    this.#memory = memory;
    this.#lazy = lazy;
    this.#mistakes = mistakes;
  }

  /** Unmaps whose wait is still to come. */
  get pending(): number {
    return this.#waiting.length;
  }

  /** Map `bytes` at `va` to `pa`; the driver says of an IOMMU that caches what was not mapped. @returns why not */
  map(va: number, pa: number, bytes: number, rights: Rights): Refusal | null {
    const refused = this.space.tables.map(va, pa, bytes, rights);
    if (refused === null) {
      this.#driver.mapped?.(this.space, va, bytes);
      return null;
    }
    this.#release(refused.tables);
    return refused.why;
  }

  /**
   * Unmap `bytes` at `va`.
   * @param freed told when no device can reach the pages any more
   */
  unmap(va: number, bytes: number, freed: (() => void) | null = null): number {
    // As long as nobody waits, the IOMMU may still follow the old tables: what is mapped next has to be in them.
    const done = this.space.tables.unmap(va, bytes, this.#lazy);
    if (this.#mistakes.has("page freed before the sync")) freed?.();
    const told = this.#mistakes.has("page freed before the sync") ? null : freed;
    if (!this.#mistakes.has("no TLB invalidation")) {
      const leavesOnly = done.tables.length === 0 && done.split.length === 0;
      this.#driver.invalidate(this.space, va, bytes, leavesOnly);
    }
    this.#waiting.push({ tables: done.tables, freed: told });
    if (!this.#lazy || this.#waiting.length >= FLUSH_QUEUE) this.flush();
    return done.bytes;
  }

  /** Wait for the IOMMU and let go of everything that waited. */
  flush(): void {
    if (this.#waiting.length === 0) return;
    if (this.#lazy && !this.#mistakes.has("no TLB invalidation")) this.#driver.invalidateAll(this.space);
    if (!this.#mistakes.has("no sync")) this.#driver.sync();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { tables, freed } of waiting) {
      this.#release(tables);
      freed?.();
    }
  }

  #release(tables: readonly number[]): void {
    const { fmt } = this.space.tables.maker;
    for (const at of tables) this.#memory.release(at, 8 * 2 ** fmt.strideLg2);
  }

  /** Bytes of the smallest page. */
  get page(): number {
    return 2 ** entrySizeLg2(this.space.tables.maker.fmt, 0);
  }
}
