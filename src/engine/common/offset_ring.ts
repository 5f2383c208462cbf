/**
 * A circular buffer in memory whose indexes are byte offsets from its base: empty where head and tail are equal, full
 * where one more record would make them so. Its size need not be a power of two, nor its base aligned to its size.
 */
import { MemoryStatus } from "../memory/physical_memory.ts";

/** Memory that a ring lies in: physical, or an address space that leads to it. */
export interface RingMemory {
  /** Halves of the word last read. */
  readonly lo: number;
  readonly hi: number;
  read64(hi: number, lo: number): MemoryStatus;
  write64(hi: number, lo: number, valueHi: number, valueLo: number): MemoryStatus;
}

/** What {@link OffsetRing.append} answers in place of a tail: there is no room for the record. */
export const RING_FULL = -1;
/** What {@link OffsetRing.append} answers in place of a tail: nothing answers where the record belongs. */
export const RING_ABORT = -2;

export class OffsetRing {
  /** Address of the last record that {@link locate}, {@link read} or {@link append} was asked for. */
  atHi = 0;
  atLo = 0;
  readonly recordBytes: number;
  readonly #memory: RingMemory;
  #baseHi = 0;
  #baseLo = 0;
  #bytes: number;

  /** @param recordWords 32-bit words of a record, even */
  constructor(memory: RingMemory, recordWords: number) {
    this.#memory = memory;
    this.recordBytes = 4 * recordWords;
    this.#bytes = this.recordBytes;
  }

  /** Place the ring. @param bytes its size, a multiple of a record's */
  place(baseHi: number, baseLo: number, bytes: number): void {
    this.#baseHi = baseHi;
    this.#baseLo = baseLo;
    this.#bytes = bytes;
  }

  /** The offset that a value of an index register means: within the ring, at the start of a record. */
  offsetOf(index: number): number {
    const within = (index >>> 0) % this.#bytes;
    return within - (within % this.recordBytes);
  }

  /** The offset after one that {@link offsetOf} gave. */
  next(offset: number): number {
    const next = offset + this.recordBytes;
    return next >= this.#bytes ? 0 : next;
  }

  /** Records between two offsets that {@link offsetOf} gave. */
  used(head: number, tail: number): number {
    return (tail - head + (tail < head ? this.#bytes : 0)) / this.recordBytes;
  }

  /** Work out the address of a record, into {@link atHi} and {@link atLo}. */
  locate(offset: number): void {
    const lo = (this.#baseLo >>> 0) + offset;
    this.atLo = lo | 0;
    this.atHi = lo > 0xffffffff ? (this.#baseHi + 1) | 0 : this.#baseHi;
  }

  /** Read a record into `into`, as signed words. @returns Ok, or why it could not be read */
  read(offset: number, into: Int32Array): MemoryStatus {
    this.locate(offset);
    const memory = this.#memory;
    for (let word = 0; 4 * word < this.recordBytes; word += 2) {
      const status = memory.read64(this.atHi, this.atLo + 4 * word);
      if (status !== MemoryStatus.Ok) return status;
      into[word] = memory.lo;
      into[word + 1] = memory.hi;
    }
    return MemoryStatus.Ok;
  }

  /**
   * Write a record at the tail.
   * @param head and `tail`: offsets that {@link offsetOf} gave
   * @param record words, from index `from` on
   * @returns the new tail, {@link RING_FULL} or {@link RING_ABORT}
   */
  append(head: number, tail: number, record: ArrayLike<number>, from = 0): number {
    this.locate(tail);
    const next = this.next(tail);
    if (next === head) return RING_FULL;
    for (let word = 0; 4 * word < this.recordBytes; word += 2) {
      const lo = record[from + word]!;
      const status = this.#memory.write64(this.atHi, this.atLo + 4 * word, record[from + word + 1]!, lo);
      if (status === MemoryStatus.Abort) return RING_ABORT;
    }
    return next;
  }
}
