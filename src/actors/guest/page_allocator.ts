/**
 * Pages of a kernel's own memory, handed out aligned to their size and taken back. First fit, lowest address first.
 */

interface Hole {
  at: number;
  bytes: number;
}

/** A saved state. */
export interface AllocatorImage {
  readonly holes: readonly (readonly [at: number, bytes: number])[];
}

const PAGE = 4096;

export class PageAllocator {
  /** Free ranges in ascending order, none touching the next. */
  #holes: Hole[];

  /** @param from first byte; both multiples of 4096 */
  constructor(from: number, bytes: number) {
    this.#holes = [{ at: from, bytes }];
  }

  /** Bytes that are free. */
  get free(): number {
    return this.#holes.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /**
   * Memory of at least `bytes` bytes, in whole pages, aligned to its size rounded up to a power of two.
   * @returns its address; null when there is no room
   */
  allocate(bytes: number): number | null {
    const size = Math.max(1, Math.ceil(bytes / PAGE)) * PAGE;
    const alignment = 2 ** Math.ceil(Math.log2(size));
    for (const [i, hole] of this.#holes.entries()) {
      const at = Math.ceil(hole.at / alignment) * alignment;
      const after = hole.at + hole.bytes - (at + size);
      if (after < 0) continue;
      const left = [
        { at: hole.at, bytes: at - hole.at },
        { at: at + size, bytes: after },
      ].filter((h) => h.bytes > 0);
      this.#holes.splice(i, 1, ...left);
      return at;
    }
    return null;
  }

  /** Give back what {@link allocate} gave. */
  release(at: number, bytes: number): void {
    const size = Math.max(1, Math.ceil(bytes / PAGE)) * PAGE;
    const next = this.#holes.findIndex((hole) => hole.at > at);
    const i = next < 0 ? this.#holes.length : next;
    this.#holes.splice(i, 0, { at, bytes: size });
    this.#join(i);
    this.#join(i - 1);
  }

  snapshot(): AllocatorImage {
    return { holes: this.#holes.map(({ at, bytes }) => [at, bytes] as const) };
  }

  restore({ holes }: AllocatorImage): void {
    this.#holes = holes.map(([at, bytes]) => ({ at, bytes }));
  }

  /** Join hole `i` with the next one where they touch. */
  #join(i: number): void {
    const [hole, next] = [this.#holes[i], this.#holes[i + 1]];
    if (hole === undefined || next === undefined || hole.at + hole.bytes !== next.at) return;
    hole.bytes += next.bytes;
    this.#holes.splice(i + 1, 1);
  }
}
