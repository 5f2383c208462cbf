/** Long work in one thread, cut into pieces between which messages get in: progress goes out, a cancellation comes in. */
import type { Progress } from "../protocol/engine.ts";

/** What a long reader is given by its caller. */
export interface Control {
  readonly report: (progress: Progress) => void;
  readonly cancelled: () => boolean;
}

/** For callers who neither watch nor stop. */
export const UNATTENDED: Control = { report: () => {}, cancelled: () => false };

/** Told how far `what` has come; answers true when the work is to stop. */
export type Pace = (what: string, done: number, total: number) => Promise<boolean>;

/** Milliseconds of work between two turns of the event loop. */
const TURN = 10;

/** A pace for `control` that gives way to the event loop at most every few milliseconds. */
export function pace(control: Control): Pace {
  let turned = performance.now();
  return async (what, done, total) => {
    if (performance.now() - turned >= TURN) {
      control.report({ what, done, total });
      await new Promise((resume) => setTimeout(resume, 0));
      turned = performance.now();
    }
    return control.cancelled();
  };
}
