/** Tells whether a request is still the newest of its kind, so that the answer to an older one can be dropped. */
export class Newest {
  #count = 0;

  /** Begin a request. The result answers true until the next one begins. */
  begin(): () => boolean {
    const mine = ++this.#count;
    return () => mine === this.#count;
  }
}
