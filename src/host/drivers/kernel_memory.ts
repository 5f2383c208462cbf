/** The kernel's own memory: pages for tables, queues and structures, zeroed when they are handed out. */

import { fromHalves, highHalf, lowHalf } from "../../base/address.ts";
import { encodeFields, type FieldNumbers } from "../../base/encode.ts";
import { high, low } from "../../base/halves.ts";
import type { Layout } from "../../base/layout.ts";
import { MemoryStatus, type PhysicalMemory } from "../../engine/memory/physical_memory.ts";
import type { TableStore } from "../../pagetable/build.ts";

/** Memory is handed out in powers of two of at least this many bytes, aligned to their size. */
const LEAST = 4096;

const sizeOf = (bytes: number): number => 2 ** Math.ceil(Math.log2(Math.max(bytes, LEAST)));

export class KernelMemory implements TableStore {
  hi = 0;
  lo = 0;
  readonly #memory: PhysicalMemory;
  readonly #end: number;
  #next: number;
  /** What came back, by size. */
  readonly #free = new Map<number, number[]>();

  /** @param from first byte, a multiple of every size that will be asked for */
  constructor(memory: PhysicalMemory, from: number, bytes: number) {
    this.#memory = memory;
    this.#next = from;
    this.#end = from + bytes;
  }

  allocate(bytes: number): number | null {
    const size = sizeOf(bytes);
    const used = this.#free.get(size)?.pop();
    if (used !== undefined) {
      this.#memory.writeBytes(used, new Uint8Array(size));
      return used;
    }
    const at = Math.ceil(this.#next / size) * size;
    if (at + size > this.#end) return null;
    this.#next = at + size;
    return at;
  }

  free(at: number, bytes: number): void {
    const size = sizeOf(bytes);
    const list = this.#free.get(size);
    if (list === undefined) this.#free.set(size, [at]);
    else list.push(at);
  }

  read(at: number): void {
    const ok = this.#memory.read64(highHalf(at), lowHalf(at)) === MemoryStatus.Ok;
    this.hi = ok ? this.#memory.hi : 0;
    this.lo = ok ? this.#memory.lo : 0;
  }

  isZero(at: number, bytes: number): boolean {
    return this.#memory.isZero(at, bytes);
  }

  write(at: number, hi: number, lo: number): void {
    this.#memory.write64(highHalf(at), lowHalf(at), hi, lo);
  }

  /** A structure's 32-bit words. */
  readWords(at: number, count: number): Uint32Array {
    const words = new Uint32Array(count);
    for (let i = 0; i < count; i += 2) {
      this.read(at + 4 * i);
      words[i] = this.lo;
      words[i + 1] = this.hi;
    }
    return words;
  }

  /** Write a structure, its first 64 bits last: they say that the rest is valid. */
  writeWords(at: number, words: Uint32Array): void {
    for (let i = words.length - 2; i >= 0; i -= 2) this.write(at + 4 * i, words[i + 1]!, words[i]!);
  }

  writeFields(at: number, layout: Layout, fields: FieldNumbers): void {
    this.writeWords(at, encodeFields(layout, fields));
  }
}

/** An address as a number of the tables' own. */
export const numberAddress = (address: bigint): number => fromHalves(high(address), low(address));
