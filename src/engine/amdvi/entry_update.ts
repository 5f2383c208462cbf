/**
 * Updates of Accessed and Dirty bits by the IOMMU (48882 §2.2.7.2; AMD64 APM volume 2, §5.4.2). The bits are at the same
 * places in guest and host entries.
 *
 * CHOICE(AD_FAULT): the updates that an access needs for itself wait until it has passed every check; one that is
 * refused leaves them as they were. Host entries on the way to a guest structure are updated when that is read.
 */
import type { TraceRecorder } from "../common/trace_recorder.ts";
import { MemoryStatus, type PhysicalMemory } from "../memory/physical_memory.ts";

/** What is set in an entry, as a set; the trace has the same numbers. */
export const Update = { Accessed: 1, Dirty: 2 } as const;

/** Bits 5 and 6 of an entry, shifted down. */
const BIT = 5;

/** Which of `what` an entry lacks. */
export const lacking = (lo: number, what: number): number => what & ~(lo >>> BIT);

/** Set bits in the entry at a physical address, which a walk has just read. */
export function update(memory: PhysicalMemory, paHi: number, paLo: number, what: number): void {
  if (memory.read64(paHi, paLo) === MemoryStatus.Ok) memory.write64(paHi, paLo, memory.hi, memory.lo | (what << BIT));
}

/** Five guest entries and six host entries. */
const MOST = 11;
const WORDS = 4;

/** Updates of entries that wait for their translation to pass. */
export class PendingUpdates {
  count = 0;
  /** Of each: physical address of the entry, high and low half; what; its trace record, or -1. */
  readonly #words = new Int32Array(MOST * WORDS);

  add(paHi: number, paLo: number, what: number, record: number): void {
    if (this.count === MOST) return;
    const at = this.count++ * WORDS;
    this.#words[at] = paHi;
    this.#words[at + 1] = paLo;
    this.#words[at + 2] = what;
    this.#words[at + 3] = record;
  }

  /** Show the updates in the trace, make them where `make` says so, and forget them. */
  finish(memory: PhysicalMemory, make: boolean, trace: TraceRecorder | null): void {
    for (let at = 0; at < this.count * WORDS; at += WORDS) {
      const what = this.#words[at + 2]!;
      if (trace !== null) trace.updated(this.#words[at + 3]!, what);
      if (make) update(memory, this.#words[at]!, this.#words[at + 1]!, what);
    }
    this.count = 0;
  }
}
