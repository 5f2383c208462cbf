/** Changes to the open session, one after the other: each sees the state that the one before it left. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Make a change when those before it are done, whatever came of them. */
  take<T>(change: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(change);
    this.#last = turn.catch(() => {});
    return turn;
  }
}
