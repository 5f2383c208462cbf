/**
 * The DMA API of a kernel: mappings of a space, made and taken away, with the invalidations that each implies.
 *
 * Strict mode waits for the IOMMU at every unmap; lazy mode collects what was unmapped and waits once for many, and until
 * then a device can still reach the old pages. Tables that went out of use are freed after the wait in both. Linux 7.2,
 * drivers/iommu/dma-iommu.c (fq_flush_iotlb, queue_iova).
 */

import type { OwnMemory } from "../../kernel/own_memory.ts";
import type { Refusal, Rights } from "../../pagetable/build.ts";
import { entrySizeLg2 } from "../../pagetable/format.ts";
import type { AddressSpace, IommuDriver } from "./iommu_driver.ts";
import type { Mistakes } from "./mistakes.ts";

/** Unmaps that lazy mode collects before it waits, as in Linux's flush queue. */
const FLUSH_QUEUE = 256;

/** A range that was unmapped: what goes back to its owner when the IOMMU cannot reach it any more. */
interface Waiting {
  readonly va: number;
  readonly bytes: number;
  readonly tables: readonly number[];
  /** Tables of the range were left empty. */
  readonly emptied: boolean;
  readonly freed: (() => void) | null;
}

export class DmaMappings {
  readonly space: AddressSpace;
  readonly #driver: IommuDriver;
  readonly #memory: OwnMemory;
  #lazy: boolean;
  readonly #mistakes: Mistakes;
  #waiting: Waiting[] = [];

  constructor(space: AddressSpace, driver: IommuDriver, memory: OwnMemory, lazy: boolean, mistakes: Mistakes) {
    this.space = space;
    this.#driver = driver;
    this.#memory = memory;
    this.#lazy = lazy;
    this.#mistakes = mistakes;
  }

  /** From now on every unmap waits: pages of a process may not be reached once the process has lost them. */
  becomeStrict(): void {
    this.flush();
    this.#lazy = false;
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
    const { tables, split, emptied, bytes: taken } = this.space.tables.unmap(va, bytes, this.#lazy);
    if (this.#mistakes.has("page freed before the sync")) freed?.();
    const told = this.#mistakes.has("page freed before the sync") ? null : freed;
    if (!this.#lazy && !this.#mistakes.has("no TLB invalidation")) {
      this.#driver.invalidate(this.space, va, bytes, tables.length === 0 && split.length === 0);
    }
    this.#waiting.push({ va, bytes, tables, emptied, freed: told });
    if (!this.#lazy || this.#waiting.length >= FLUSH_QUEUE) this.flush();
    return taken;
  }

  /** Wait for the IOMMU and let go of everything that waited. */
  flush(): void {
    if (this.#waiting.length === 0) return;
    // Tables that nobody has filled again go with the invalidation that everything waits for.
    const pruned = this.#waiting.flatMap(({ va, bytes, emptied }) =>
      this.#lazy && emptied ? this.space.tables.prune(va, bytes) : [],
    );
    if (this.#lazy && !this.#mistakes.has("no TLB invalidation")) this.#driver.invalidateAll(this.space);
    if (!this.#mistakes.has("no sync")) this.#driver.sync();
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#release(pruned);
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
