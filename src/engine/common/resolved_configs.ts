/**
 * Configurations worked out for requesters, kept beside the cached structures they were made from, so that a request of
 * a known requester decodes nothing. One holds while nothing was dropped or replaced since it was made; none of this is
 * state of its own.
 */

/** Configurations kept. */
const KEPT_LG2 = 6;
const KEPT = 1 << KEPT_LG2;

const slotOf = (id: number, pasid: number): number =>
  Math.imul(id ^ Math.imul(pasid, 0x85ebca6b), 0x9e3779b1) >>> (32 - KEPT_LG2);

export class ResolvedConfigs<T> {
  readonly #configs: readonly T[];
  readonly #ids = new Int32Array(KEPT);
  readonly #pasids = new Int32Array(KEPT);
  /** The {@link #epoch} in which a configuration was made. */
  readonly #madeIn = new Float64Array(KEPT);
  /** Counts what could have changed a configuration; from 1. */
  #epoch = 1;

  /** @param make a new object to make a configuration in */
  constructor(make: () => T) {
    this.#configs = Array.from({ length: KEPT }, make);
  }

  /**
   * A configuration as it was made, if everything it was made from is still cached.
   * @param pasid -1 for a request without one
   */
  resolved(id: number, pasid: number): T | null {
    const at = slotOf(id, pasid);
    if (this.#madeIn[at] !== this.#epoch || this.#ids[at] !== id || this.#pasids[at] !== pasid) return null;
    return this.#configs[at]!;
  }

  /** An object to make a configuration in. It is not {@link resolved} before {@link keep}. */
  take(id: number, pasid: number): T {
    const at = slotOf(id, pasid);
    this.#madeIn[at] = 0;
    return this.#configs[at]!;
  }

  /** The configuration last taken for these ids was made from entries that are cached now. */
  keep(id: number, pasid: number): void {
    const at = slotOf(id, pasid);
    this.#ids[at] = id;
    this.#pasids[at] = pasid;
    this.#madeIn[at] = this.#epoch;
  }

  /** Forget every configuration. */
  forget(): void {
    this.#epoch++;
  }
}
