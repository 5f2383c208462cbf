/** What carries out the commands that software puts into a queue, as somebody who debugs it may hold it. */

export class Consumer {
  /** The queue, by the id that an inspection lists it with. */
  readonly queue: string;
  readonly #commands: { limit: number };
  readonly #run: () => void;

  /** @param commands whose `limit` is the most that one run carries out */
  constructor(queue: string, commands: { limit: number }, run: () => void) {
    this.queue = queue;
    this.#commands = commands;
    this.#run = run;
  }

  /** The same by another name, where several IOMMUs have a queue of that one. */
  named(queue: string): Consumer {
    return new Consumer(queue, this.#commands, this.#run);
  }

  /** Commands wait until they are stepped over. */
  get held(): boolean {
    return this.#commands.limit === 0;
  }

  set held(held: boolean) {
    this.#commands.limit = held ? 0 : Infinity;
  }

  /** Carry out what waits. */
  run(): void {
    this.#run();
  }

  /** Carry out one command. */
  step(): void {
    const { limit } = this.#commands;
    this.#commands.limit = 1;
    this.#run();
    this.#commands.limit = limit;
  }
}
