/**
 * Hardware update of the Access flag and the dirty state of descriptors (IHI 0070 §3.13; DDI 0487 §D8.5).
 *
 * An update is one atomic read-modify-write of one descriptor. The Access flag of the stage-2 leaf beneath a CD or a
 * stage-1 descriptor is set at once: that read has happened, whatever becomes of the access.
 * CHOICE(HTTU_FAULT): the other updates wait until the access has passed both stages; one that faults leaves them as
 * they were. CHOICE(HTTU_SPECULATIVE): nothing is updated ahead of need, neither a stage-2 leaf beneath a stage-1
 * descriptor that needs no update marked dirty, nor a neighbour in a contiguous run.
 */
import { S1_PAGE, S2_PAGE } from "../../arch/smmuv3/descriptors.ts";
import { locate } from "../../base/layout.ts";
import type { TraceRecorder } from "../common/trace_recorder.ts";
import { MemoryStatus, type PhysicalMemory } from "../memory/physical_memory.ts";

/** What hardware changes in a descriptor, as a set. */
export const Update = {
  /** Sets AF. */
  Accessed: 1,
  /** Writable-clean becomes writable-dirty: AP[2] cleared at stage 1, S2AP[1] set at stage 2. */
  Dirty: 2,
} as const;

const AF = 1 << locate(S1_PAGE, "AF").shift;
/** AP[2] forbids writing at stage 1; S2AP[1] allows it at stage 2. */
const AP2 = 2 << locate(S1_PAGE, "AP").shift;
const S2AP1 = 2 << locate(S2_PAGE, "S2AP").shift;
const DBM = 1 << locate(S1_PAGE, "DBM").shift;

/** A stage-1 leaf that forbids writing until hardware marks it dirty; meaningful where CD.HD is in force. */
export const clean1 = (lo: number, hi: number): boolean => (lo & AP2) !== 0 && (hi & DBM) !== 0;

/** The same for a stage-2 leaf and STE.S2HD. */
export const clean2 = (lo: number, hi: number): boolean => (lo & S2AP1) === 0 && (hi & DBM) !== 0;

/** Most updates of one translation: six stage-1 descriptors, as many stage-2 leaves beneath, six of the last stage 2. */
const MOST = 18;
const WORDS = 4;
const STAGE2 = 4;
const BIG_ENDIAN = 8;

/** Updates of descriptors that wait for their translation to pass. */
export class PendingUpdates {
  count = 0;
  /** Of each: PA of the descriptor, high and low half; what, with the stage and the endianness; its trace record. */
  readonly #words = new Int32Array(MOST * WORDS);

  /** Add an update of the descriptor at a physical address. `record` is its record in the trace, or -1. */
  add(stage: 1 | 2, paHi: number, paLo: number, bigEndian: boolean, what: number, record: number): void {
    if (this.count === MOST) return;
    const at = this.count++ * WORDS;
    this.#words[at] = paHi;
    this.#words[at + 1] = paLo;
    this.#words[at + 2] = what | (stage === 2 ? STAGE2 : 0) | (bigEndian ? BIG_ENDIAN : 0);
    this.#words[at + 3] = record;
  }

  /**
   * Show the updates in the trace, make them where `make` says so, and forget them.
   * @param dirty stage-1 leaves become dirty; else nobody may write after all, and only their Access flags are set
   * @returns whether a stage-1 leaf stayed clean for that
   */
  finish(memory: PhysicalMemory, make: boolean, dirty: boolean, trace: TraceRecorder | null): boolean {
    let stayed = false;
    for (let i = 0; i < this.count; i++) {
      const at = i * WORDS;
      const code = this.#words[at + 2]!;
      const stage = (code & STAGE2) !== 0 ? 2 : 1;
      const cleanStays = stage === 1 && !dirty && (code & Update.Dirty) !== 0;
      const what = code & (cleanStays ? Update.Accessed : Update.Accessed | Update.Dirty);
      stayed ||= cleanStays;
      if (what === 0) continue;
      if (trace !== null) trace.updated(this.#words[at + 3]!, what);
      if (make) update(memory, stage, this.#words[at]!, this.#words[at + 1]!, (code & BIG_ENDIAN) !== 0, what);
    }
    this.count = 0;
    return stayed;
  }
}

/** Update the descriptor at a physical address, which a walk has just read. */
export function update(
  memory: PhysicalMemory,
  stage: 1 | 2,
  paHi: number,
  paLo: number,
  bigEndian: boolean,
  what: number,
): void {
  if (memory.read64(paHi, paLo) !== MemoryStatus.Ok) return;
  let { lo, hi } = memory;
  const dirty = (what & Update.Dirty) !== 0;
  const set = ((what & Update.Accessed) !== 0 ? AF : 0) | (dirty && stage === 2 ? S2AP1 : 0);
  const clear = dirty && stage === 1 ? AP2 : 0;
  // All these bits stand in the descriptor's low half; a big-endian one has that last in memory.
  if (bigEndian) hi = (hi | swapped(set)) & ~swapped(clear);
  else lo = (lo | set) & ~clear;
  memory.write64(paHi, paLo, hi, lo);
}

const swapped = (x: number): number => (x << 24) | ((x & 0xff00) << 8) | ((x >>> 8) & 0xff00) | (x >>> 24);
