/**
 * Keeps what actors do, each thing under what caused it. Bounded: when it is full, the oldest half goes.
 */
import type { Actor, Deed, JournalEntry } from "../protocol/journal.ts";

/** Most entries that are kept, unless somebody asks for another bound. */
const MOST = 1 << 16;

export class Journal {
  readonly #most: number;
  #entries: JournalEntry[] = [];
  #next = 0;
  readonly #causes: number[] = [];
  /** Action that entries belong to. */
  action = -1;

  /** @param most entries that are kept, at least 2 */
  constructor(most = MOST) {
    this.#most = Math.max(2, most);
  }

  /** Entries that are still kept, oldest first. */
  get entries(): readonly JournalEntry[] {
    return this.#entries;
  }

  /** Entries there have been in all. */
  get count(): number {
    return this.#next;
  }

  /** Note something that causes nothing further. */
  note(actor: Actor, deed: Deed, about: string, at = -1, valueHi = 0, valueLo = 0): void {
    this.#add(actor, deed, about, at, valueHi, valueLo);
  }

  /** Note something and do it: what happens meanwhile has it as its cause. */
  during<T>(actor: Actor, deed: Deed, about: string, act: () => T, at = -1, valueHi = 0, valueLo = 0): T {
    this.#causes.push(this.#add(actor, deed, about, at, valueHi, valueLo));
    try {
      return act();
    } finally {
      this.#causes.pop();
    }
  }

  #add(actor: Actor, deed: Deed, about: string, at: number, valueHi: number, valueLo: number): number {
    if (this.#entries.length >= this.#most) this.#entries = this.#entries.slice(this.#most >> 1);
    const id = this.#next++;
    this.#entries.push({
      id,
      cause: this.#causes.at(-1) ?? null,
      action: this.action,
      actor,
      deed,
      about,
      at,
      valueHi,
      valueLo,
    });
    return id;
  }
}
