/**
 * Time travel by replay: a log of actions, an image taken before every 64th, and the number of actions applied.
 */
import type { Action } from "../protocol/machine.ts";
import type { Machine, MachineImage } from "./machine.ts";

const MARK_EVERY = 64;

export class Timeline {
  readonly #machine: Machine;
  readonly #log: Action[] = [];
  #marks: MachineImage[];
  #now = 0;

  constructor(machine: Machine) {
    this.#machine = machine;
    this.#marks = [machine.snapshot()];
  }

  /** All actions, those not applied included. */
  get log(): readonly Action[] {
    return this.#log;
  }

  /** Actions applied. */
  get now(): number {
    return this.#now;
  }

  /** The state before the first action. */
  get start(): MachineImage {
    return this.#marks[0]!;
  }

  /** Drop the actions after the current one, append one and apply it. */
  append(action: Action): void {
    if (this.#now < this.#log.length) {
      this.#log.length = this.#now;
      this.#marks.length = Math.floor(this.#now / MARK_EVERY) + 1;
      this.#machine.memory.retain(this.#marks.map((mark) => mark.memory));
    }
    this.#log.push(action);
    this.seek(this.#now + 1);
  }

  /** Go to the state after the first `target` actions, 0 to the length of the log. */
  seek(target: number): void {
    const mark = Math.floor(target / MARK_EVERY);
    if (target < this.#now || mark > Math.floor(this.#now / MARK_EVERY) + 1) {
      const nearest = Math.min(mark, this.#marks.length - 1);
      this.#machine.restore(this.#marks[nearest]!);
      this.#now = nearest * MARK_EVERY;
    }
    while (this.#now < target) {
      this.#machine.apply(this.#log[this.#now]!);
      if (++this.#now % MARK_EVERY === 0) this.#marks[this.#now / MARK_EVERY] ??= this.#machine.snapshot();
    }
  }
}
