/**
 * Puts one machine made by chance through many transactions, with actions, images and questions between them.
 */
import { actionProblem } from "../actions.ts";
import type { Architecture } from "../unit.ts";
import { type Chance, chance, type Start } from "./chance.ts";

/** Transactions of one machine: after these another is made. */
export const TRANSACTIONS = 250;
/** One step of so many is a question; images are taken and gone back to as often. */
const ASIDE = 64;

/** What one machine went through. */
export interface Ordeal {
  readonly transactions: number;
  /** Bytes of memory that the machine held in the end, and records it kept. */
  readonly bytes: number;
  readonly records: number;
}

/** `starts` as for `chance`. @throws what the machine throws: a bug */
export function ordeal(architecture: Architecture, seed: number, starts: readonly Start[] = []): Ordeal {
  const subject = chance(architecture, seed, starts);
  const { machine } = subject;
  let image = machine.snapshot();
  let transactions = 0;
  for (let step = 1; transactions < TRANSACTIONS; step++) {
    transactions += act(subject);
    if (step % ASIDE !== 0) continue;
    subject.look();
    if (step % (2 * ASIDE) === 0) machine.restore(image);
    else image = machine.snapshot();
    machine.digest();
  }
  return { transactions, bytes: machine.memory.bytes, records: machine.unit.recordCount };
}

/** Do one action. @returns 1 where it was a transaction */
function act({ machine, description, action }: Chance): number {
  const next = action();
  if (actionProblem(next, machine.unit, description) !== null) return 0;
  machine.apply(next);
  return next.do === "dma" || next.do === "translated" || next.do === "access" ? 1 : 0;
}
