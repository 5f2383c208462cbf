/**
 * Passes of translations over the yardstick's pages, for any engine. No clock here: a caller times `pass`.
 */
import { highHalf } from "../../base/address.ts";
import { VA_BASE } from "./nested_layout.ts";

/** One pass: how many operations failed, and its checksum. */
export interface PassResult {
  readonly failed: number;
  /** Two 32-bit sums, of the outputs and of the sums; signed or not. */
  readonly a: number;
  readonly b: number;
}

/** A workload ready to run. */
export interface Workload {
  readonly work: string;
  /** Pages that are mapped. */
  readonly pages: number;
  readonly order: "sequential" | "random";
  /** Operations in one pass. */
  readonly operations: number;
  /** What belongs to the row beside the times. */
  readonly figures?: Readonly<Record<string, number>>;
  /** One pass is all there is: it cannot be run again. */
  readonly once?: true;
  pass(): PassResult;
}

/** What is timed: a transaction in halves, signed, and what translates it, stream and context look-up included. */
export interface Subject {
  readonly t: { iovaHi: number; iovaLo: number; readonly paHi: number; readonly paLo: number; readonly end: number };
  /** Make `t` a write where 1, a read where 0. */
  readonly write: (write: number) => void;
  /** Translate `t`: `end` is 0 where it passed. */
  readonly translate: () => void;
}

/** A translation of one of the yardstick's pages, by the page's number. */
interface Asking {
  /** What the checksum takes of the output. */
  readonly ask: (page: number) => number;
  /** Translations that failed since the last call. */
  readonly failures: () => number;
}

/** Workloads of every page, in order and in random order. The first pass fills the caches. */
export function translations(work: string, pages: number, order: Uint32Array, subject: Subject): Workload[] {
  const sequential = Uint32Array.from({ length: pages }, (_, i) => i);
  const orders = { sequential, random: order } as const;
  const asking = askingOf(subject);
  return (["sequential", "random"] as const).map((name) => passesOf(work, pages, name, orders[name], asking));
}

/** Workloads of some pages in one order; pages from number 2^19 on cannot be asked for. */
export function inOrder(
  work: string,
  pages: number,
  order: Workload["order"],
  indices: Uint32Array,
  subject: Subject,
): Workload {
  return passesOf(work, pages, order, indices, askingOf(subject));
}

function passesOf(
  work: string,
  pages: number,
  order: Workload["order"],
  indices: Uint32Array,
  asking: Asking,
): Workload {
  return { work, pages, order, operations: indices.length, pass: () => askAll(asking, indices) };
}

/** A closure, so that a realm that has one of it knows whom it calls. */
function askingOf({ t, write, translate }: Subject): Asking {
  const baseHi = highHalf(VA_BASE);
  const baseLo = VA_BASE | 0;
  let failed = 0;
  const ask = (page: number): number => {
    // There are fewer than 2^19 pages and bit 31 of the base is 0: there is no carry.
    t.iovaHi = baseHi;
    t.iovaLo = (baseLo + ((page << 12) | ((page << 6) & 0xfff))) | 0;
    // Every fourth page is written.
    write(page & (page >>> 1) & 1);
    translate();
    if (t.end !== 0) failed++;
    return (t.paLo + Math.imul(3, t.paHi)) | 0;
  };
  const failures = (): number => {
    const before = failed;
    failed = 0;
    return before;
  };
  return { ask, failures };
}

function askAll({ ask, failures }: Asking, indices: Uint32Array): PassResult {
  let a = 0;
  let b = 0;
  for (let i = 0; i < indices.length; i++) {
    a = (a + ask(indices[i]!)) | 0;
    b = (b + a) | 0;
  }
  return { failed: failures(), a, b };
}
