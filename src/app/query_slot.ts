/**
 * A place for the newest answer to a question that is asked again and again.
 *
 * Only the answer to the newest request is taken in, whatever the order in which answers come back. The old answer
 * stays in view, marked stale, until a new one to the same question is there.
 */
import { STOPPED } from "./engine_client.ts";

/** What a slot holds. */
export interface SlotState<T> {
  readonly answer: T | null;
  /** A newer answer is on its way. */
  readonly stale: boolean;
}

export const EMPTY_SLOT: SlotState<never> = { answer: null, stale: false };

export class QuerySlot<T> {
  #state: SlotState<T> = EMPTY_SLOT;
  #key: string | null = null;
  #session: unknown = null;
  #request = 0;
  readonly #listeners = new Set<(state: SlotState<T>) => void>();

  get state(): SlotState<T> {
    return this.#state;
  }

  /** Be told of every change, and of the state now. */
  subscribe(listener: (state: SlotState<T>) => void): () => void {
    this.#listeners.add(listener);
    listener(this.#state);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Ask `key` of the session `session` (compared by identity). The same key of the same session is not asked twice.
   * A different key, or null, drops the answer at once.
   */
  async ask(key: string | null, session: unknown, send: () => Promise<T | typeof STOPPED>): Promise<void> {
    if (key === this.#key && session === this.#session) return;
    const sameKey = key === this.#key;
    this.#key = key;
    this.#session = session;
    const request = ++this.#request;
    if (key === null) return this.#put(EMPTY_SLOT);
    this.#put({ answer: sameKey ? this.#state.answer : null, stale: true });
    const answer = await send();
    if (request !== this.#request) return;
    if (answer === STOPPED) {
      this.#session = null;
      return;
    }
    this.#put({ answer, stale: false });
  }

  #put(state: SlotState<T>): void {
    this.#state = state;
    for (const listener of this.#listeners) listener(state);
  }
}
