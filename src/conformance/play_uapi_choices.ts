/** What a transcript leaves open: possibilities that are taken in turn until its lines agree. */

/** Which of several possibilities was taken, one after the other, and how many there were. */
export class Choices {
  readonly #planned: readonly number[];
  readonly #taken: number[] = [];
  readonly #of: number[] = [];

  constructor(planned: readonly number[]) {
    this.#planned = planned;
  }

  get taken(): readonly number[] {
    return this.#taken;
  }

  take<T>(possibilities: readonly T[]): T {
    if (possibilities.length === 1) return possibilities[0]!;
    const which = this.#planned[this.#taken.length] ?? 0;
    this.#taken.push(which);
    this.#of.push(possibilities.length);
    return possibilities[which]!;
  }

  /** The next plan in order, the latest choice changing first and the first `keep` not at all; null after the last. */
  next(keep: number): readonly number[] | null {
    for (let i = this.#taken.length - 1; i >= keep; i--) {
      if (this.#taken[i]! + 1 < this.#of[i]!) return [...this.#taken.slice(0, i), this.#taken[i]! + 1];
    }
    return null;
  }
}
