/**
 * An output queue of the SMMU: the Event queue or the PRI queue (IHI 0070 §3.5.1, §3.5.2, §7.2, §7.4, §8.1).
 */
import { SMMU_IDR1 } from "../../arch/smmuv3/id_registers.ts";
import { SMMU_EVENTQ_BASE, SMMU_EVENTQ_PROD } from "../../arch/smmuv3/queue_registers.ts";
import { type FieldAccess, locate } from "../../base/layout.ts";
import type { RingMemory } from "../common/offset_ring.ts";
import { MemoryStatus } from "../memory/physical_memory.ts";
import type { GlobalErrors } from "./global_errors.ts";
import { MAX_QUEUE_LG2, type RegisterFile, registerBit, registerIndex } from "./register_file.ts";

/** What became of a record. */
export const RecordStatus = {
  Written: 0,
  /** The queue or the SMMU is off, or an abort is not acknowledged: the record is lost in silence. */
  Off: 1,
  /** The queue is full: the record is lost, and that counts as an overflow. */
  Full: 2,
  /** Nothing answered at the queue: a global error says so. */
  Aborted: 3,
} as const;
export type RecordStatus = (typeof RecordStatus)[keyof typeof RecordStatus];

const INDEX = locate(SMMU_EVENTQ_PROD, "WR");
const OVERFLOW = locate(SMMU_EVENTQ_PROD, "OVFLG");
const OVERFLOW_BIT = 1 << OVERFLOW.shift;
const INDEX_MASK = INDEX.mask << INDEX.shift;
const IDR1 = registerIndex("SMMU_IDR1");
const ADDRESS_HI_MASK = ~(-1 << 24);

/** Which queue, and how its records look. */
export interface RecordQueueKind {
  readonly name: "EVENTQ" | "PRIQ";
  /** 32-bit words of a record, a power of two. */
  readonly words: number;
  /** The global error that an abort activates. */
  readonly aborted: number;
}

export class RecordQueue {
  readonly #words: Uint32Array;
  /** LOG2SIZE of the base register, and the largest that IDR1 offers. */
  readonly #size: FieldAccess;
  readonly #largest: FieldAccess;
  readonly #memory: RingMemory;
  readonly #errors: GlobalErrors;
  readonly #kind: RecordQueueKind;
  readonly #enable: { readonly at: number; readonly mask: number };
  readonly #base: number;
  readonly #prod: number;
  readonly #cons: number;

  /** @param memory where the records lie */
  constructor(registers: RegisterFile, memory: RingMemory, errors: GlobalErrors, kind: RecordQueueKind) {
    // SMMU_EVENTQ_* and SMMU_PRIQ_* have the same fields.
    this.#size = SMMU_EVENTQ_BASE.f.LOG2SIZE;
    this.#largest = kind.name === "EVENTQ" ? SMMU_IDR1.f.EVENTQS : SMMU_IDR1.f.PRIQS;
    this.#words = registers.words;
    this.#memory = memory;
    this.#errors = errors;
    this.#kind = kind;
    this.#enable = registerBit("SMMU_CR0", `${kind.name}EN`);
    this.#base = registerIndex(`SMMU_${kind.name}_BASE`);
    this.#prod = registerIndex(`SMMU_${kind.name}_PROD`);
    this.#cons = registerIndex(`SMMU_${kind.name}_CONS`);
  }

  /** log2 of the entries: LOG2SIZE, capped by what IDR1 offers. */
  get sizeLg2(): number {
    return Math.min(this.#size.get(this.#words, this.#base), this.#largest.get(this.#words, IDR1), MAX_QUEUE_LG2);
  }

  /** Entries that software has not consumed yet; more than the size where the indexes are inconsistent. */
  get used(): number {
    const wrapMask = (2 << this.sizeLg2) - 1;
    return (this.#words[this.#prod]! - this.#words[this.#cons]!) & wrapMask;
  }

  /** The queue takes records: it is on, not full, and no abort of it awaits acknowledgement (§7.2.1). */
  get writable(): boolean {
    return this.on && !this.full;
  }

  /** CHOICE(inconsistent-indexes): a queue whose indexes are inconsistent counts as full (§3.5.1 allows it). */
  get full(): boolean {
    return this.used >= 1 << this.sizeLg2;
  }

  /** Write one record and publish it; one that finds the queue full is an overflow (§7.4). */
  write(record: Uint32Array, from: number): RecordStatus {
    if (!this.on) return RecordStatus.Off;
    if (this.full) {
      this.overflow();
      return RecordStatus.Full;
    }
    const { words } = this.#kind;
    const prod = this.#words[this.#prod]!;
    const { sizeLg2 } = this;
    const index = prod & ((1 << sizeLg2) - 1);
    const bytesLg2 = Math.log2(4 * words);
    // The base is aligned to the size of the queue, and to 32 bytes at least (§6.3.29).
    const lo = (this.#words[this.#base]! & (-1 << Math.max(5, sizeLg2 + bytesLg2))) + (index << bytesLg2);
    const hi = this.#words[this.#base + 1]! & ADDRESS_HI_MASK;
    for (let i = 0; i < words; i += 2) {
      const status = this.#memory.write64(hi, (lo + 4 * i) >>> 0, record[from + i + 1]!, record[from + i]!);
      // CHOICE(queue-abort): an abort is synchronous: the index does not move past the record (§7.2.2).
      if (status === MemoryStatus.Abort) {
        this.#errors.activate(this.#kind.aborted);
        return RecordStatus.Aborted;
      }
    }
    const next = (prod + 1) & ((2 << sizeLg2) - 1) & INDEX_MASK;
    this.#words[this.#prod] = (prod & OVERFLOW_BIT) | next;
    return RecordStatus.Written;
  }

  /** Toggle the overflow flag, unless an overflow is still not acknowledged. */
  overflow(): void {
    const words = this.#words;
    if (((words[this.#prod]! ^ words[this.#cons]!) & OVERFLOW_BIT) === 0) words[this.#prod]! ^= OVERFLOW_BIT;
  }

  /** The queue is on, the SMMU in service, and no abort of the queue awaits acknowledgement. */
  get on(): boolean {
    const { at, mask } = this.#enable;
    if ((this.#words[at]! & mask) === 0 || this.#errors.outOfService) return false;
    return (this.#errors.active & this.#kind.aborted) === 0;
  }
}
