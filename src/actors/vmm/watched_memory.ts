/**
 * Guest memory of which a VMM write-protects pages: a write to one of those leaves the guest, and the VMM is told when it
 * is done.
 */

import type { KernelMemory } from "../../kernel/platform.ts";
import type { Journal } from "../journal.ts";

const PAGE = 4096;
const pageOf = (at: number): number => Math.floor(at / PAGE);

export class WatchedMemory implements KernelMemory {
  readonly #memory: KernelMemory;
  readonly #journal: Journal;
  readonly #written: (at: number) => void;
  /** How often each page is watched, by its number. */
  readonly #watched = new Map<number, number>();

  /** @param written told of the word that was written */
  constructor(memory: KernelMemory, journal: Journal, written: (at: number) => void) {
    this.#memory = memory;
    this.#journal = journal;
    this.#written = written;
  }

  get hi(): number {
    return this.#memory.hi;
  }

  get lo(): number {
    return this.#memory.lo;
  }

  read(at: number): void {
    this.#memory.read(at);
  }

  isZero(at: number, bytes: number): boolean {
    return this.#memory.isZero(at, bytes);
  }

  write(at: number, hi: number, lo: number): void {
    if (!this.#watched.has(pageOf(at))) {
      this.#memory.write(at, hi, lo);
      return;
    }
    const act = (): void => {
      this.#memory.write(at, hi, lo);
      this.#written(at);
    };
    this.#journal.during("VMM", "trapped write", "table of the guest", act, at, hi, lo);
  }

  /** Protect the page of an address; as often as it is to be let go. */
  watch(at: number): void {
    this.#watched.set(pageOf(at), (this.#watched.get(pageOf(at)) ?? 0) + 1);
  }

  unwatch(at: number): void {
    const left = (this.#watched.get(pageOf(at)) ?? 0) - 1;
    if (left > 0) this.#watched.set(pageOf(at), left);
    else this.#watched.delete(pageOf(at));
  }
}
