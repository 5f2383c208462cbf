/**
 * Time travel by replay: a log of actions, an image taken before every 64th, and the number of actions applied.
 */
import type { ActionResult } from "../protocol/engine.ts";
import type { Action } from "../protocol/machine.ts";
import type { Machine, MachineImage } from "./machine.ts";

const MARK_EVERY = 64;

/** What became of an action. */
export interface Done {
  readonly result: ActionResult;
  /** Event or fault records that it left. */
  readonly records: number;
}

export class Timeline {
  readonly #machine: Machine;
  readonly #log: Action[] = [];
  readonly #done: Done[] = [];
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

  /** What became of an action, by its number from 0; null while it was never applied. */
  doneAt(index: number): Done | null {
    return this.#done[index] ?? null;
  }

  /** The state before the first action. */
  get start(): MachineImage {
    return this.#marks[0]!;
  }

  /** Drop the actions after the current one, append one and apply it. */
  append(action: Action): void {
    if (this.#now < this.#log.length) {
      this.#log.length = this.#now;
      this.#done.length = Math.min(this.#done.length, this.#now);
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
      this.#applyNext();
      if (++this.#now % MARK_EVERY === 0) this.#marks[this.#now / MARK_EVERY] ??= this.#machine.snapshot();
    }
  }

  /** The same actions give the same results: those of an action that is applied again stand already. */
  #applyNext(): void {
    const before = this.#machine.unit.recordCount;
    const result = this.#machine.apply(this.#log[this.#now]!);
    this.#done[this.#now] ??= { result, records: this.#machine.unit.recordCount - before };
  }
}
