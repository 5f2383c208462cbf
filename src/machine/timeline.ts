/**
 * Time travel by replay: a log of actions, images of the machine taken on the way, and the number of actions applied.
 *
 * Software acts while an action is done for the first time; afterwards what it wrote is written again. Only to go on from
 * an earlier state, it is booted anew and brought there.
 */
import { highHalf, lowHalf } from "../base/address.ts";
import type { MemoryTap } from "../engine/memory/physical_memory.ts";
import type { ActionResult } from "../protocol/engine.ts";
import type { Action } from "../protocol/machine.ts";
import { isGuestAction } from "./actions.ts";
import type { Actors } from "./actors.ts";
import type { Machine, MachineImage } from "./machine.ts";
import { Marks, STRETCH } from "./marks.ts";
import { type Effects, NO_EFFECTS, replay } from "./world/effects.ts";

/** Most stretches of the log that {@link Timeline.hearBack} does again. */
const MOST_HEARD = 16;
/** Pages that may be saved in vain before anybody looks which are still needed. */
const SPARE_PAGES = 4096;

/** What became of an action. */
export interface Done {
  readonly result: ActionResult;
  /** Event or fault records that it left. */
  readonly records: number;
  /** What software wrote because of it. */
  readonly effects: Effects;
}

/** The software of a timeline: how to boot it, and the machine before that. */
export interface TimelineSoftware {
  readonly blank: MachineImage;
  /** Boot on the machine as `blank` has it. */
  readonly boot: () => Actors;
}

export class Timeline {
  readonly #machine: Machine;
  readonly #log: Action[] = [];
  readonly #done: Done[] = [];
  readonly #marks: Marks;
  /** Pages that were saved for images there were when somebody last looked. */
  #neededPages = 0;
  #now = 0;
  readonly #software: TimelineSoftware | null;
  #actors: Actors | null;
  /** Actions that the software has seen. */
  #seen = 0;

  /** @param software booted by `actors` already, which stand on the machine as it is */
  constructor(machine: Machine, software: TimelineSoftware | null = null, actors: Actors | null = null) {
    this.#machine = machine;
    this.#software = software;
    this.#actors = actors;
    this.#marks = new Marks(machine.snapshot());
  }

  /** The software after the last action that was ever applied in this log; null for hardware alone. */
  get actors(): Actors | null {
    return this.#actors;
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
    return this.#marks.start;
  }

  /** Drop the actions after the current one, append one and apply it. */
  append(action: Action): void {
    if (this.#now < this.#log.length) {
      this.#log.length = this.#now;
      this.#done.length = Math.min(this.#done.length, this.#now);
      this.#marks.cut(this.#now);
      this.#tidy();
    }
    if (this.#actors !== null && this.#seen !== this.#now) this.#bootAgain();
    this.#log.push(action);
    this.seek(this.#now + 1);
  }

  /** Go to the state after the first `target` actions, 0 to the length of the log. */
  seek(target: number): void {
    const back = target < this.#now;
    const mark = this.#marks.before(target);
    if (back || mark.step > this.#now + STRETCH) {
      this.#machine.restore(mark.image);
      this.#now = mark.step;
    }
    while (this.#now < target) {
      this.#applyNext();
      this.#marks.pass(++this.#now, back, () => this.#machine.snapshot());
    }
    this.#tidy();
  }

  /**
   * Let a tap hear what was written up to now, the newest stretch of the log first. Stretches that did not write to the
   * page of an address are left out; while an action is heard, {@link now} is its number.
   * @param enough whether the tap need hear no older ones; asked before each stretch
   * @returns how many actions there are before those it would have heard of: 0 unless it took too long
   */
  hearBack(at: number, tap: MemoryTap, enough: () => boolean): number {
    const now = this.#now;
    let [to, heard] = [now, 0];
    while (to > 0 && heard < MOST_HEARD && !enough()) {
      const stretch = Math.floor((to - 1) / STRETCH);
      const from = stretch * STRETCH;
      const [before, after] = [this.#marks.at(stretch), this.#marks.at(stretch + 1)];
      const whole = to === from + STRETCH && before !== undefined && after !== undefined;
      if (!whole || !this.#isSamePage(before, after, at)) {
        this.seek(from);
        this.#machine.memory.tap = tap;
        this.seek(to);
        this.#machine.memory.tap = null;
        heard++;
      }
      to = from;
    }
    this.seek(now);
    return to;
  }

  #isSamePage(one: MachineImage, other: MachineImage, at: number): boolean {
    return this.#machine.memory.isSamePage(one.memory, other.memory, highHalf(at), lowHalf(at));
  }

  /** Try something on the machine, which is then put back as it was. */
  aside<T>(look: () => T): T {
    const image = this.#machine.snapshot();
    const seen = look();
    this.#machine.restore(image);
    this.#tidy();
    return seen;
  }

  /** Now and then, forget what was saved for states that cannot be gone to any more. */
  #tidy(): void {
    const { memory } = this.#machine;
    if (memory.savedPages <= 2 * this.#neededPages + SPARE_PAGES) return;
    const blank = this.#software === null ? [] : [this.#software.blank];
    memory.retain([...this.#marks.images, ...blank].map((image) => image.memory));
    this.#neededPages = memory.savedPages;
  }

  /** The same actions give the same results: those of an action that is applied again stand already. */
  #applyNext(): void {
    const index = this.#now;
    const known = this.#done[index];
    const action = this.#log[index]!;
    if (known === undefined) this.#done[index] = this.#applyNew(action, index);
    else {
      if (!isGuestAction(action)) this.#machine.apply(action);
      replay(this.#machine, known.effects);
    }
  }

  #applyNew(action: Action, index: number): Done {
    const before = this.#machine.unit.recordCount;
    const records = (): number => this.#machine.unit.recordCount - before;
    this.#seen = index + 1;
    if (isGuestAction(action)) {
      if (this.#actors === null) throw new Error("a guest is asked, but the machine has no software");
      const { done, about, effects } = this.#actors.perform(action, index);
      return { result: { type: "software", done, about }, records: records(), effects };
    }
    const result = this.#machine.apply(action);
    const effects = this.#actors?.react(index, action, result) ?? NO_EFFECTS;
    return { result, records: records(), effects };
  }

  /** Bring new software to the state after {@link now} actions, which the machine comes to again on the way. */
  #bootAgain(): void {
    if (this.#software === null) return;
    this.#machine.restore(this.#software.blank);
    this.#actors = this.#software.boot();
    for (let index = 0; index < this.#now; index++) this.#applyNew(this.#log[index]!, index);
    this.#seen = this.#now;
  }
}
