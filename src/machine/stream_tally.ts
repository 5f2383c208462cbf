/** How many records there are of each stream, kept up to date while a session goes forth and back. */

export class StreamTally {
  /** Streams of the records from a number on; null for one of no stream. */
  readonly #sidsFrom: (from: number) => readonly (number | null)[];
  /** Streams of records that were looked at; they may be more than are counted now. */
  readonly #sids: (number | null)[] = [];
  readonly #counts = new Map<number, number>();
  #counted = 0;

  constructor(sidsFrom: (from: number) => readonly (number | null)[]) {
    this.#sidsFrom = sidsFrom;
  }

  /** Records by stream, of the first `total` records; changed by the next call. */
  at(total: number): ReadonlyMap<number, number> {
    if (total > this.#sids.length) for (const sid of this.#sidsFrom(this.#sids.length)) this.#sids.push(sid);
    while (this.#counted > total) this.#add(--this.#counted, -1);
    while (this.#counted < total) this.#add(this.#counted++, 1);
    return this.#counts;
  }

  /** Records that are not counted now will not come again as they were. */
  forget(): void {
    this.#sids.length = this.#counted;
  }

  #add(record: number, by: 1 | -1): void {
    const sid = this.#sids[record] ?? null;
    if (sid === null) return;
    const count = (this.#counts.get(sid) ?? 0) + by;
    if (count === 0) this.#counts.delete(sid);
    else this.#counts.set(sid, count);
  }
}
