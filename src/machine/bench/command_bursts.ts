/**
 * Bursts of commands through a Command queue in memory: 63 invalidations by address and a CMD_SYNC, written, published
 * by the index, consumed; then the entries that were dropped are put back, so that every invalidation finds one.
 */
import { commandByName } from "../../arch/smmuv3/commands.ts";
import { registerByName } from "../../arch/smmuv3/registers.ts";
import { highHalf } from "../../base/address.ts";
import { CacheCount } from "../../engine/common/tagged_cache.ts";
import type { PhysicalMemory } from "../../engine/memory/physical_memory.ts";
import type { TranslationCache } from "../../engine/smmuv3/caches/translation_cache.ts";
import { ProgrammingInterface } from "../../engine/smmuv3/programming_interface.ts";
import type { Smmuv3 } from "../../engine/smmuv3/smmu.ts";
import { KEYS, type NestedTables, QUEUE_BASE, QUEUE_LG2, VA_BASE } from "./nested_tables.ts";

/** Commands of a burst, different bursts, and how often each is repeated before the next. */
export const BURST = 64;
export const BURSTS = 64;
export const REPEATS = 32;

const INVALIDATE = commandByName("CMD_TLBI_NH_VA")!.opcode;
const SYNC = commandByName("CMD_SYNC")!.opcode;
const PROD = registerByName("SMMU_CMDQ_PROD")!.offset;
const INDEX_MASK = (2 << QUEUE_LG2) - 1;

export class CommandBursts {
  readonly #control: ProgrammingInterface;
  readonly #memory: PhysicalMemory;
  readonly #tlb: TranslationCache;
  readonly #order: Uint32Array;
  #prod = 0;
  /** Entry of each page. */
  readonly #entries: Int32Array;
  /** A burst as it is written; what varies is the address. */
  readonly #words = new Int32Array(BURST * 4);
  readonly #bytes = new Uint8Array(this.#words.buffer);

  /** @param smmu with a TLB that holds every page of `tables`, as many as the bursts name at least */
  constructor(smmu: Smmuv3, { memory, order }: NestedTables) {
    const tlb = smmu.caches?.stages.tlb;
    if (tlb === null || tlb === undefined) throw new Error("no TLB to invalidate");
    this.#control = new ProgrammingInterface(smmu, memory);
    this.#memory = memory;
    this.#tlb = tlb;
    this.#order = order;
    const hi = highHalf(VA_BASE);
    const stream = smmu.caches?.config.resolved(KEYS.sid, -1, 0);
    if (stream === null || stream === undefined) throw new Error("the stream is not cached");
    this.#entries = Int32Array.from({ length: order.length }, (_, page) =>
      tlb.find(stream, hi, (VA_BASE + page * 4096) | 0),
    );
    if (this.#entries.includes(-1)) throw new Error("the TLB does not hold every page");
    for (let j = 0; j < BURST - 1; j++) {
      this.#words.set([INVALIDATE, (KEYS.asid << 16) | KEYS.vmid, 0, hi], 4 * j);
    }
    this.#words[4 * (BURST - 1)] = SYNC;
  }

  /** Every burst, repeated. `a` is the number of entries dropped for each CMD_SYNC. */
  pass(): { failed: number; a: number; b: number } {
    const before = this.#dropped;
    let failed = 0;
    for (let burst = 0; burst < BURSTS; burst++) {
      for (let i = 0; i < REPEATS; i++) failed += this.#burst(burst * (BURST - 1));
    }
    return { failed, a: Math.floor((this.#dropped - before) / (BURSTS * REPEATS)), b: 0 };
  }

  get #dropped(): number {
    return this.#tlb.table.counts[CacheCount.Drops]!;
  }

  /** @returns 1 when the queue was not consumed to its end */
  #burst(from: number): number {
    const vaLo = VA_BASE | 0;
    const order = this.#order;
    const words = this.#words;
    for (let j = 0; j < 63; j++) words[(j << 2) | 2] = (vaLo + (order[from + j]! << 12)) | 0;
    this.#memory.writeBytes(QUEUE_BASE + ((this.#prod & (INDEX_MASK >>> 1)) << 4), this.#bytes);
    this.#prod = (this.#prod + BURST) & INDEX_MASK;
    this.#control.write(PROD, 4, 0, this.#prod);
    this.#putBack(from);
    return this.#consumed() === this.#prod ? 0 : 1;
  }

  /** Make valid again what a burst dropped: the entries still hold their words. */
  #putBack(from: number): void {
    const { hot } = this.#tlb.table;
    const order = this.#order;
    const entries = this.#entries;
    for (let j = 0; j < 63; j++) hot[(entries[order[from + j]!]! << 3) | 1]! |= 1 << 31;
  }

  #consumed(): number {
    return this.#control.registers.read32(CONS) & INDEX_MASK;
  }
}

const CONS = registerByName("SMMU_CMDQ_CONS")!.offset;
