/**
 * Pages of a kernel's own memory, handed out aligned to their size and taken back. First fit, lowest address first.
 */

interface Hole {
  at: number;
  bytes: number;
}

const PAGE = 4096;

/** Bytes in whole pages, at least one. */
const inPages = (bytes: number): number => Math.max(1, Math.ceil(bytes / PAGE)) * PAGE;

export class PageAllocator {
  /** Free ranges in ascending order, none touching the next. */
  readonly #holes: Hole[];

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
    const size = inPages(bytes);
    const alignment = size === PAGE ? PAGE : 2 ** Math.ceil(Math.log2(size));
    for (let i = 0; i < this.#holes.length; i++) {
      const hole = this.#holes[i]!;
      const at = Math.ceil(hole.at / alignment) * alignment;
      if (at + size > hole.at + hole.bytes) continue;
      this.#take(i, at, size);
      return at;
    }
    return null;
  }

  /** Give back what {@link allocate} gave. */
  release(at: number, bytes: number): void {
    const size = inPages(bytes);
    const i = this.#after(at);
    const [before, next] = [this.#holes[i - 1], this.#holes[i]];
    const touches = next !== undefined && at + size === next.at;
    if (before !== undefined && before.at + before.bytes === at) {
      before.bytes += size + (touches ? next.bytes : 0);
      if (touches) this.#holes.splice(i, 1);
    } else if (touches) {
      next.at = at;
      next.bytes += size;
    } else this.#holes.splice(i, 0, { at, bytes: size });
  }

  /** Take a range out of hole `i`. */
  #take(i: number, at: number, size: number): void {
    const hole = this.#holes[i]!;
    const after = hole.at + hole.bytes - (at + size);
    const left = at - hole.at;
    if (left > 0) {
      hole.bytes = left;
      if (after > 0) this.#holes.splice(i + 1, 0, { at: at + size, bytes: after });
    } else if (after > 0) {
      hole.at = at + size;
      hole.bytes = after;
    } else this.#holes.splice(i, 1);
  }

  /** Number of the first hole behind an address. */
  #after(at: number): number {
    let [from, to] = [0, this.#holes.length];
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (this.#holes[middle]!.at > at) to = middle;
      else from = middle + 1;
    }
    return from;
  }
}
