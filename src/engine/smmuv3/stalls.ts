/**
 * Stalled transactions: their tags, and what commands decide about them (IHI 0070 §3.12.2, §4.7.1, §4.7.2).
 *
 * A tag is taken when the event of a stall is about to be written and is free again as soon as a command has answered
 * it. The transactions themselves belong to whoever sent them: decisions are queued here until they are taken.
 * CHOICE(stall-suppression): every stall is recorded, also one that duplicates another; nothing is retried early.
 */

/** What becomes of a stalled transaction. */
export const StallEnd = {
  /** It is looked at anew, as though it had just arrived. */
  Retry: 0,
  /** It ends well for the device: reads give zero, writes vanish. */
  Zero: 1,
  /** It ends with an abort. */
  Abort: 2,
} as const;
export type StallEnd = (typeof StallEnd)[keyof typeof StallEnd];

/** No tag. */
export const NO_TAG = -1;

/** A saved state of {@link Stalls}; never changed once made. */
export interface StallsImage {
  readonly tags: ReadonlyMap<number, number>;
  readonly next: number;
}

export class Stalls {
  /** Most transactions that may be stalled with a record: IDR5.STALL_MAX, at least 1 where stalls exist. */
  readonly capacity: number;
  /** StreamID of each tag in use. */
  #tags = new Map<number, number>();
  #next = 0;
  #decided: (readonly [tag: number, end: StallEnd])[] = [];
  /** Streams all of whose stalled transactions end, those without a tag too; null for every stream. */
  #terminated: Set<number> | null = new Set();

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  /** Number of tags in use. */
  get count(): number {
    return this.#tags.size;
  }

  /**
   * Take a tag for a stalled transaction of a stream. Tags go round, so that one is not used again soon.
   * @returns {@link NO_TAG} when as many are stalled as may be
   */
  take(sid: number): number {
    if (this.#tags.size >= this.capacity) return NO_TAG;
    while (this.#tags.has(this.#next)) this.#next = (this.#next + 1) % this.capacity;
    const tag = this.#next;
    this.#tags.set(tag, sid);
    this.#next = (tag + 1) % this.capacity;
    return tag;
  }

  /** Answer one stalled transaction; a tag that is not that stream's has no effect (§4.7.1). */
  resume(sid: number, tag: number, end: StallEnd): void {
    if (this.#tags.get(tag) !== sid) return;
    this.#tags.delete(tag);
    this.#decided.push([tag, end]);
  }

  /** Abort every stalled transaction of a stream (§4.7.2). */
  terminateStream(sid: number): void {
    this.#terminated?.add(sid);
    for (const [tag, owner] of this.#tags) if (owner === sid) this.resume(sid, tag, StallEnd.Abort);
  }

  /** Abort every stalled transaction: translation is being switched off (§6.3.9.6). */
  terminateAll(): void {
    this.#terminated = null;
    for (const [tag, owner] of this.#tags) this.resume(owner, tag, StallEnd.Abort);
  }

  /** Whether stalled transactions of a stream that have no tag yet are to end with an abort. */
  isTerminated(sid: number): boolean {
    return this.#terminated === null || this.#terminated.has(sid);
  }

  /** All transactions that {@link isTerminated} speaks of have ended. */
  forgetTerminated(): void {
    if (this.#terminated === null || this.#terminated.size > 0) this.#terminated = new Set();
  }

  /** The decisions since the last call, oldest first. */
  takeDecisions(): readonly (readonly [tag: number, end: StallEnd])[] {
    const decided = this.#decided;
    if (decided.length > 0) this.#decided = [];
    return decided;
  }

  snapshot(): StallsImage {
    return { tags: new Map(this.#tags), next: this.#next };
  }

  restore(image: StallsImage): void {
    this.#tags = new Map(image.tags);
    this.#next = image.next;
    this.#decided = [];
    this.#terminated = new Set();
  }
}
