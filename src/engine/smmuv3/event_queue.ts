/**
 * The Event queue: records of faults and configuration errors in memory, and the interrupt that announces them
 * (IHI 0070 §3.5, §3.18.2, §7.2, §7.4).
 *
 * CHOICE(event-merging): events are never merged, whatever STE.MEV says; an implementation need not merge (§3.5.5).
 */
import type { PhysicalMemory } from "../memory/physical_memory.ts";
import { EVENT_WORDS } from "./event_record.ts";
import { GlobalError, GlobalErrors } from "./global_errors.ts";
import { InterruptSource, Interrupts } from "./interrupts.ts";
import { RecordQueue, RecordStatus } from "./record_queue.ts";
import type { RegisterFile } from "./register_file.ts";

export class EventQueue {
  readonly #queue: RecordQueue;
  readonly #interrupts: Interrupts;

  constructor(
    registers: RegisterFile,
    memory: PhysicalMemory,
    errors = new GlobalErrors(registers),
    interrupts = new Interrupts(registers, memory, errors),
  ) {
    const kind = { name: "EVENTQ", words: EVENT_WORDS, aborted: GlobalError.EVENTQ_ABT_ERR } as const;
    this.#queue = new RecordQueue(registers, memory, errors, kind);
    this.#interrupts = interrupts;
  }

  /** The queue takes records now: the condition on which the record of a stall is written (§7.2.1). */
  get writable(): boolean {
    return this.#queue.writable;
  }

  /**
   * Write one record of EVENT_WORDS words; the interrupt comes when the queue stops being empty (§3.18.2).
   * @returns false when it is lost: the queue is off, full, or not there
   */
  write(words: Uint32Array, from: number): boolean {
    const empty = this.#queue.used === 0;
    if (this.#queue.write(words, from) !== RecordStatus.Written) return false;
    if (empty) this.#interrupts.raise(InterruptSource.EventQueue);
    return true;
  }
}
