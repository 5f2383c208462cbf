/** Ids that are given out, the lowest first, and come back: domain ids and their like. */
export class IdPool {
  readonly #first: number;
  readonly #end: number;
  readonly #used = new Set<number>();

  /** @param end one past the last */
  constructor(first: number, end: number) {
    this.#first = first;
    this.#end = end;
  }

  /** @param below the id is to be less; absent: any will do. @returns null when all are in use */
  take(below = this.#end): number | null {
    for (let id = this.#first; id < below; id++) {
      if (this.#used.has(id)) continue;
      this.#used.add(id);
      return id;
    }
    return null;
  }

  release(id: number): void {
    this.#used.delete(id);
  }
}
