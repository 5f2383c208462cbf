/** Records that an IOMMU posted, kept in order, with a mark of what was asked for already. */
import { Digest } from "../base/digest.ts";

/** Most records kept; later ones are not. */
const MAX_RECORDS = 1 << 20;
/** Records there is room for at first. */
const FIRST = 16;

export class RecordLog {
  /** 32-bit words of one record. */
  readonly recordWords: number;
  #words: Uint32Array<ArrayBuffer>;
  /** Two words for each record: a hash of it and of all before it. */
  #hashes = new Uint32Array(2 * FIRST);
  #count = 0;
  #taken = 0;

  constructor(recordWords: number) {
    this.recordWords = recordWords;
    this.#words = new Uint32Array(FIRST * recordWords);
  }

  get count(): number {
    return this.#count;
  }

  /** No further record would be kept. */
  get full(): boolean {
    return this.#count >= MAX_RECORDS;
  }

  /** Keep a copy of a record. */
  push(record: Uint32Array): void {
    if (this.full) return;
    const at = this.#count++ * this.recordWords;
    if (at >= this.#words.length) {
      this.#words = doubled(this.#words);
      this.#hashes = doubled(this.#hashes);
    }
    this.#words.set(record, at);
    this.#hash(this.#count - 1);
  }

  /** The records from number `from` on, each a copy of its own. */
  all(from = 0): Uint32Array[] {
    return Array.from({ length: Math.max(0, this.#count - from) }, (_, i) => this.#record(from + i));
  }

  /** Take all records into a digest: by a hash that grows with each, so that many cost no more than few. */
  digest(into: Digest): void {
    into.word(this.#count);
    if (this.#count > 0) into.words(this.#hashes, 2 * (this.#count - 1), 2);
  }

  /** The records since the last call as bytes, in memory order. */
  take(): Uint8Array[] {
    const records: Uint8Array[] = [];
    for (; this.#taken < this.#count; this.#taken++) records.push(new Uint8Array(this.#record(this.#taken).buffer));
    return records;
  }

  /** Go back to when there were `count` records, fewer than now or those of a later state that came of this one. */
  restore(count: number): void {
    this.#count = count;
    this.#taken = Math.min(this.#taken, count);
  }

  #hash(index: number): void {
    const digest = new Digest().words(this.#words, index * this.recordWords, this.recordWords);
    if (index > 0) digest.words(this.#hashes, 2 * (index - 1), 2);
    this.#hashes[2 * index] = digest.lo;
    this.#hashes[2 * index + 1] = digest.hi;
  }

  #record(index: number): Uint32Array {
    return this.#words.slice(index * this.recordWords, (index + 1) * this.recordWords);
  }
}

function doubled(words: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const grown = new Uint32Array(words.length * 2);
  grown.set(words);
  return grown;
}
