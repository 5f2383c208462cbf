/**
 * Images of a machine that a timeline goes back to: one before every 256th action of the log, and closer ones in the
 * stretch where somebody last went back, so that the next steps back need few actions done again.
 */
import type { MachineImage } from "./machine.ts";

/** Actions from one image to the next. */
export const STRETCH = 256;
/** The same where somebody went back. */
const CLOSE = 8;

/** An image, and how many actions had been applied when it was taken. */
interface Mark {
  readonly step: number;
  readonly image: MachineImage;
}

export class Marks {
  /** Image number n is of step n * {@link STRETCH}. */
  readonly #wide: MachineImage[];
  /** Closer ones of one stretch, by step. */
  readonly #close = new Map<number, MachineImage>();
  #closeIn = -1;

  constructor(start: MachineImage) {
    this.#wide = [start];
  }

  /** The state before the first action. */
  get start(): MachineImage {
    return this.#wide[0]!;
  }

  get images(): readonly MachineImage[] {
    return [...this.#wide, ...this.#close.values()];
  }

  /** The image of step number `stretch * STRETCH`; undefined where it was not come to yet. */
  at(stretch: number): MachineImage | undefined {
    return this.#wide[stretch];
  }

  /** The last image at or before a step. */
  before(step: number): Mark {
    const stretch = Math.min(Math.floor(step / STRETCH), this.#wide.length - 1);
    const wide = { step: stretch * STRETCH, image: this.#wide[stretch]! };
    if (stretch !== this.#closeIn) return wide;
    for (let at = step - (step % CLOSE); at > wide.step; at -= CLOSE) {
      const image = this.#close.get(at);
      if (image !== undefined) return { step: at, image };
    }
    return wide;
  }

  /** A step is come to on the way forward. @param close whether to keep a closer image where there is a place for one */
  pass(step: number, close: boolean, take: () => MachineImage): void {
    if (step % STRETCH === 0) this.#wide[step / STRETCH] ??= take();
    else if (close && step % CLOSE === 0) this.#keepClose(step, take);
  }

  /** Drop the images of the states after a step: they will not come again. */
  cut(step: number): void {
    this.#wide.length = Math.min(this.#wide.length, Math.floor(step / STRETCH) + 1);
    for (const at of this.#close.keys()) if (at > step) this.#close.delete(at);
  }

  #keepClose(step: number, take: () => MachineImage): void {
    const stretch = Math.floor(step / STRETCH);
    if (stretch !== this.#closeIn) this.#close.clear();
    this.#closeIn = stretch;
    if (!this.#close.has(step)) this.#close.set(step, take());
  }
}
