/**
 * The software of a session, as the timeline drives it and a page looks at it. What stands behind it is a part of its own.
 */

import type { ActionResult } from "../protocol/engine.ts";
import type { JournalEntry } from "../protocol/journal.ts";
import type { HardwareAction, MachineDescription } from "../protocol/machine.ts";
import type { GuestAction, Hazard, KernelObjectRow } from "../protocol/software.ts";
import type { DescriptionFault } from "./description.ts";
import type { Machine } from "./machine.ts";
import type { Effects } from "./world/effects.ts";

/** What software did about what it was asked, and what it wrote on the way. */
export interface Performed {
  readonly done: boolean;
  readonly about: string;
  readonly effects: Effects;
}

export interface Actors {
  /** Have the guest do something, as action number `index` of the log. */
  perform(action: GuestAction, index: number): Performed;
  /** The machine did action number `index`, with this result: whoever is interrupted acts. @returns what they wrote */
  react(index: number, action: HardwareAction, result: ActionResult): Effects;
  /** The host's objects after `step` actions. */
  objects(step: number): readonly KernelObjectRow[];
  /** What the guest's kernel logged in the first `step` actions, oldest first; the newest lines of all time are kept. */
  guestLog(step: number): readonly string[];
  /** What the host refused the VMM in the first `step` actions, as sentences, likewise. */
  refused(step: number): readonly string[];
  /** What the kernel that is asked did in a wrong order, oldest first. */
  readonly hazards: readonly Hazard[];
  /** Of the journal's entries of actions before `step`: how many are kept, and `count` of them, without the first `from`. */
  journal(
    step: number,
    from: number,
    count: number,
  ): { readonly total: number; readonly entries: readonly JournalEntry[] };
  /** Counts and cost of everything done before action number `step`, by the default numbers. */
  cost(step: number): { readonly counts: Readonly<Record<string, number>>; readonly ns: number };
  /** The default numbers: what one of each deed costs, in nanoseconds. */
  readonly prices: Readonly<Record<string, number>>;
}

/** Software as a part of its own, loaded for the machines that have it. */
export interface SoftwarePart {
  /** What is wrong with a description's software, or null. */
  readonly fault: (description: MachineDescription) => DescriptionFault | null;
  /** Boot the software of a description on a machine as it was reset. @returns why not, as a sentence */
  readonly boot: (machine: Machine, description: MachineDescription) => Actors | string;
}
