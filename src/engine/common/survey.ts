/**
 * A look over everything a table tree maps, beside the path of a transaction: reads its entries wherever they lie,
 * through another stage where there is one beneath. Changes nothing.
 */
import { highHalf, lowHalf } from "../../base/address.ts";
import type { ScanReader } from "../../pagetable/scan.ts";
import { MemoryStatus, type PhysicalMemory } from "../memory/physical_memory.ts";

/** Code of {@link SurveyReader} for memory that the session lacks; other codes are 1 + index of a reason. */
export const UNKNOWN_CODE = 0x10000;

/** Where the tables lie. */
export interface SurveyTables {
  /**
   * Physical address of the 4 KiB page at `at`, or minus a code of {@link SurveyReader} for why there is none; null where
   * tables lie at physical addresses. Asked once for each page in a row.
   */
  readonly beneath: ((at: number) => number) | null;
  readonly bigEndian: boolean;
  /** Index of the reason for an entry at which nothing answers. */
  readonly abort: number;
}

/** Reads the entries of one table tree. Addresses are whole numbers. */
export class SurveyReader implements ScanReader {
  lo = 0;
  hi = 0;
  readonly #memory: PhysicalMemory;
  readonly #tables: SurveyTables;
  #page = -1;
  #pageAt = 0;

  constructor(memory: PhysicalMemory, tables: SurveyTables) {
    this.#memory = memory;
    this.#tables = tables;
  }

  /** Entries lie in memory with their highest byte first. */
  get bigEndian(): boolean {
    return this.#tables.bigEndian;
  }

  readEntry(at: number): number {
    const { beneath, bigEndian, abort } = this.#tables;
    let pa = at;
    if (beneath !== null) {
      const page = Math.floor(at / 4096);
      if (page !== this.#page) {
        this.#page = -1;
        const place = beneath(page * 4096);
        if (place < 0) return -place;
        this.#page = page;
        this.#pageAt = place;
      }
      pa = this.#pageAt + (at % 4096);
    }
    const status = this.#memory.read64(highHalf(pa), lowHalf(pa));
    if (status !== MemoryStatus.Ok) return status === MemoryStatus.Unknown ? UNKNOWN_CODE : 1 + abort;
    this.lo = bigEndian ? swap(this.#memory.hi) : this.#memory.lo;
    this.hi = bigEndian ? swap(this.#memory.lo) : this.#memory.hi;
    return 0;
  }

  /** Physical address of the entry last read at `at`. */
  physical(at: number): number {
    return this.#tables.beneath !== null && this.#page >= 0 ? this.#pageAt + (at % 4096) : at;
  }
}

const swap = (x: number): number => (x << 24) | ((x & 0xff00) << 8) | ((x >>> 8) & 0xff00) | (x >>> 24);
