/** Records that an IOMMU posted, kept in order, with a mark of what was asked for already. */

/** Most records kept; later ones are not. */
const MAX_RECORDS = 1 << 20;

export class RecordLog {
  /** 32-bit words of one record. */
  readonly recordWords: number;
  #words: Uint32Array;
  #count = 0;
  #taken = 0;

  constructor(recordWords: number) {
    this.recordWords = recordWords;
    this.#words = new Uint32Array(16 * recordWords);
  }

  get count(): number {
    return this.#count;
  }

  /** No further record would be kept. */
  get full(): boolean {
    return this.#count >= MAX_RECORDS;
  }

  /** All records, {@link recordWords} words each, oldest first; good until the next one. */
  get words(): Uint32Array {
    return this.#words.subarray(0, this.#count * this.recordWords);
  }

  /** Keep a copy of a record. */
  push(record: Uint32Array): void {
    if (this.full) return;
    const at = this.#count++ * this.recordWords;
    if (at >= this.#words.length) {
      const grown = new Uint32Array(this.#words.length * 2);
      grown.set(this.#words);
      this.#words = grown;
    }
    this.#words.set(record, at);
  }

  /** Every record as a copy of its own. */
  all(): Uint32Array[] {
    return Array.from({ length: this.#count }, (_, i) => this.#record(i));
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

  #record(index: number): Uint32Array {
    return this.#words.slice(index * this.recordWords, (index + 1) * this.recordWords);
  }
}
