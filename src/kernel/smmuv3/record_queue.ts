/**
 * The consumer's side of the queues that an SMMU writes records to. IHI 0070 §3.5, §7.4, §8.
 */
import { RESERVED_EVENT } from "../../arch/smmuv3/events.ts";
import { PAGE_REQUEST } from "../../arch/smmuv3/page_request.ts";
import type { OwnMemory } from "../own_memory.ts";
import type { KernelRegisters } from "../registers.ts";

/** What a record looks like, and the registers of its queue, by the queue's name. */
const QUEUES = {
  EVENTQ: { layout: RESERVED_EVENT, base: "EVENTQ_BASE", prod: "EVENTQ_PROD", cons: "EVENTQ_CONS", size: "EVENTQS" },
  PRIQ: { layout: PAGE_REQUEST, base: "PRIQ_BASE", prod: "PRIQ_PROD", cons: "PRIQ_CONS", size: "PRIQS" },
} as const;

type Queue = (typeof QUEUES)[keyof typeof QUEUES];
/** log2 of the records of a queue, where the SMMU takes that many. */
const MOST_LG2 = 7;

/** Records that were read, oldest first. */
export interface Taken {
  readonly records: readonly Uint32Array[];
  /** Further records were lost, as the queue was full. */
  readonly overflowed: boolean;
}

export class RecordQueue {
  readonly #registers: KernelRegisters;
  readonly #memory: OwnMemory;
  readonly #queue: Queue;
  readonly #base: number;
  readonly #entries: number;
  /** Read index with its wrap bit, and the overflow that was acknowledged last. */
  #cons = 0;
  #acknowledged = 0;

  private constructor(registers: KernelRegisters, memory: OwnMemory, queue: Queue, base: number, entries: number) {
    this.#registers = registers;
    this.#memory = memory;
    this.#queue = queue;
    this.#base = base;
    this.#entries = entries;
  }

  /** Make the queue and tell the SMMU; it is written once CR0 enables it. @returns null without memory */
  static make(registers: KernelRegisters, memory: OwnMemory, name: keyof typeof QUEUES): RecordQueue | null {
    const queue = QUEUES[name];
    const LOG2SIZE = Math.min(MOST_LG2, registers.field("IDR1", queue.size));
    const base = memory.allocate((queue.layout.bits / 8) * 2 ** LOG2SIZE);
    if (base === null) return null;
    registers.writeFields(queue.base, { ADDR: base, LOG2SIZE, WA: 1 });
    registers.write(queue.prod, 0n);
    registers.write(queue.cons, 0n);
    return new RecordQueue(registers, memory, queue, base, 2 ** LOG2SIZE);
  }

  /** Take the records that are there; an overflow is acknowledged with them. */
  take(): Taken {
    const { layout, prod, cons } = this.#queue;
    const { WR, OVFLG } = this.#registers.fields(prod, "WR", "OVFLG");
    const records: Uint32Array[] = [];
    while (this.#cons !== WR % (2 * this.#entries)) {
      records.push(this.#memory.readWords(this.#base + (layout.bits / 8) * (this.#cons % this.#entries), layout));
      this.#cons = (this.#cons + 1) % (2 * this.#entries);
    }
    const overflowed = OVFLG !== this.#acknowledged;
    // OVACKFLG takes the value of OVFLG: an overflow is acknowledged with the entries.
    this.#acknowledged = OVFLG;
    if (records.length > 0 || overflowed) {
      this.#registers.writeFields(cons, { RD: this.#cons, OVACKFLG: OVFLG });
    }
    return { records, overflowed };
  }
}
