/**
 * One VCMDQ of the Tegra241 CMDQV: a command queue with its own indexes, errors and read index in memory
 * (Linux tegra241-cmdqv.c; QEMU tegra241-cmdqv.h). It is consumed as the SMMU's own queue is (IHI 0070 §7.1).
 */
import {
  VCMDQ_AT,
  VCMDQ_BASE,
  VCMDQ_BASE_AT,
  VCMDQ_CONFIG,
  VCMDQ_CONS_INDX,
  VCMDQ_CONS_INDX_BASE,
  VCMDQ_GERROR,
  VCMDQ_PROD_INDX,
  VCMDQ_STATUS,
} from "../../../arch/smmuv3/cmdqv.ts";
import { type Layout, locate, type Words } from "../../../base/layout.ts";
import { MemoryStatus, type PhysicalMemory } from "../../memory/physical_memory.ts";
import { Cerror } from "../commands/command.ts";

/** Errors as bits of GERROR. */
export const VcmdqError = {
  CMDQ_ERR: 1 << locate(VCMDQ_GERROR, "CMDQ_ERR").shift,
  CONS_DRAM_WR_ABT_ERR: 1 << locate(VCMDQ_GERROR, "CONS_DRAM_WR_ABT_ERR").shift,
  CMDQ_INIT_ERR: 1 << locate(VCMDQ_GERROR, "CMDQ_INIT_ERR").shift,
} as const;

/** Where a queue's memory is: queue addresses are looked up there. */
export interface QueueMemory {
  paHi: number;
  paLo: number;
  /** Find where an address of queue memory lies, into `paHi` and `paLo`. */
  locate(hi: number, lo: number): MemoryStatus;
}

/** What a queue needs to be consumed. */
export interface QueueContext {
  readonly memory: PhysicalMemory;
  /** null: queue addresses are physical. */
  readonly queueMemory: QueueMemory | null;
  /** The read index is written to memory too (CMDQV_CONFIG.CONS_DRAM_EN). */
  readonly writesReadIndex: boolean;
  /** log2 of the largest queue, in entries. */
  readonly largestLg2: number;
  /** Check and change a command for the queue's owner. @returns an error or Cerror.NONE */
  prepare(command: Int32Array): number;
  /** Carry out a command. @returns an error or Cerror.NONE */
  execute(command: Words, at: number): number;
  /** An error of this queue has become active. */
  readonly failed: () => void;
}

const COMMAND_WORDS = 4;
const COMMAND_LG2 = 4;

/** Words of a saved queue: page 0, then page 1. */
const PAGE_0_WORDS = 6;
const PAGE_1_WORDS = 4;
export const VCMDQ_WORDS = PAGE_0_WORDS + PAGE_1_WORDS;

const CONS = VCMDQ_AT.CONS_INDX >>> 2;
const PROD = VCMDQ_AT.PROD_INDX >>> 2;
const CONFIG = VCMDQ_AT.CONFIG >>> 2;
const STATUS = VCMDQ_AT.STATUS >>> 2;
const GERROR = VCMDQ_AT.GERROR >>> 2;
const GERRORN = VCMDQ_AT.GERRORN >>> 2;
const BASE = PAGE_0_WORDS + (VCMDQ_BASE_AT.BASE >>> 2);
const READ_INDEX_AT = PAGE_0_WORDS + (VCMDQ_BASE_AT.CONS_INDX_BASE >>> 2);

/** Bits of a 32-bit word of a register that software may write: those that are described. */
function writable(l: Layout, word = 0): number {
  let mask = 0;
  for (const { hi, lo, form } of l.fields) {
    if (form === "reserved") continue;
    for (let bit = Math.max(lo, 32 * word); bit <= Math.min(hi, 32 * word + 31); bit++) mask |= 1 << (bit & 31);
  }
  return mask >>> 0;
}

const MASKS: readonly number[] = [
  writable(VCMDQ_CONS_INDX),
  writable(VCMDQ_PROD_INDX),
  writable(VCMDQ_CONFIG),
  0,
  0,
  writable(VCMDQ_GERROR),
  writable(VCMDQ_BASE),
  writable(VCMDQ_BASE, 1),
  writable(VCMDQ_CONS_INDX_BASE),
  writable(VCMDQ_CONS_INDX_BASE, 1),
];
/** CHOICE(VCMDQ_GUARD): indexes read and bases do not change while the queue is enabled. */
const GUARDED: ReadonlySet<number> = new Set([CONS, BASE, BASE + 1, READ_INDEX_AT, READ_INDEX_AT + 1]);

export class Vcmdq {
  /** Most commands that one {@link run} carries out; 0 holds the queue. */
  limit = Infinity;
  readonly #words = new Uint32Array(VCMDQ_WORDS);
  readonly #command = new Int32Array(COMMAND_WORDS);

  /** Commands are consumed: STATUS.CMDQ_EN_OK. */
  get running(): boolean {
    return VCMDQ_STATUS.f.CMDQ_EN_OK.get(this.#words, STATUS) === 1;
  }

  /** Errors that are not acknowledged, as bits of {@link VcmdqError}. */
  get errors(): number {
    return (this.#words[GERROR]! ^ this.#words[GERRORN]!) >>> 0;
  }

  /** Read a word of the first page (`page` 0) or the second, at an offset in the queue's registers. */
  read(page: 0 | 1, offset: number): number {
    return this.#words[wordOf(page, offset)] ?? 0;
  }

  /**
   * Write such a word.
   * @param context null where the queue is not mapped to a VINTF that is enabled
   */
  write(page: 0 | 1, offset: number, value: number, context: QueueContext | null, failed: () => void): void {
    const at = wordOf(page, offset);
    const mask = MASKS[at] ?? 0;
    if (mask === 0 || (this.running && GUARDED.has(at))) return;
    this.#words[at] = (this.#words[at]! & ~mask) | (value & mask);
    if (at === CONFIG) this.#enable(context, failed);
    if (context !== null && (at === PROD || at === GERRORN || at === CONFIG)) this.run(context);
  }

  /** The queue's VINTF is gone: it stops, and has to be enabled anew. */
  stop(): void {
    VCMDQ_STATUS.f.CMDQ_EN_OK.set(this.#words, STATUS, 0);
  }

  /** Carry out commands until the queue is empty or one of them fails. */
  run(context: QueueContext): void {
    if (!this.running || (this.errors & VcmdqError.CMDQ_ERR) !== 0) return;
    const words = this.#words;
    const sizeLg2 = VCMDQ_BASE.f.LOG2SIZE.get(words, BASE);
    const wrapMask = 2 ** (sizeLg2 + 1) - 1;
    const end = VCMDQ_PROD_INDX.f.WR.get(words, PROD) & wrapMask;
    let index = VCMDQ_CONS_INDX.f.RD.get(words, CONS) & wrapMask;
    // As in the SMMU's own queue, nothing is consumed while the indexes are inconsistent.
    if (((end - index) & wrapMask) > 2 ** sizeLg2) return;
    let error: number = Cerror.NONE;
    let waits = false;
    for (let left = this.limit; index !== end && !waits && left > 0; left--) {
      const status = this.#fetch(context, index & (wrapMask >>> 1));
      waits = status === MemoryStatus.Unknown;
      if (waits) break;
      error = status === MemoryStatus.Ok ? this.#carryOut(context) : Cerror.ABT;
      if (error !== Cerror.NONE) break;
      index = (index + 1) & wrapMask;
    }
    VCMDQ_CONS_INDX.f.RD.set(words, CONS, index);
    if (error !== Cerror.NONE) VCMDQ_CONS_INDX.f.ERR.set(words, CONS, error);
    if (context.writesReadIndex) this.#writeReadIndex(context);
    if (error !== Cerror.NONE) this.#activate(VcmdqError.CMDQ_ERR, context.failed);
  }

  /** The registers, for images and digests; {@link restore} takes them back. */
  save(): Uint32Array {
    return this.#words.slice();
  }

  restore(words: Uint32Array): void {
    this.#words.set(words);
  }

  /** CONFIG was written. CHOICE(VCMDQ_INIT): a queue without an enabled VINTF, or too large, fails to be enabled. */
  #enable(context: QueueContext | null, failed: () => void): void {
    const words = this.#words;
    if (VCMDQ_CONFIG.f.CMDQ_EN.get(words, CONFIG) === 0) {
      this.stop();
      return;
    }
    if (this.running) return;
    if (context !== null && VCMDQ_BASE.f.LOG2SIZE.get(words, BASE) <= context.largestLg2) {
      VCMDQ_STATUS.f.CMDQ_EN_OK.set(words, STATUS, 1);
    } else this.#activate(VcmdqError.CMDQ_INIT_ERR, failed);
  }

  #activate(error: number, failed: () => void): void {
    if ((this.errors & error) !== 0) return;
    this.#words[GERROR]! ^= error;
    failed();
  }

  /** Read the command at an index of the queue. */
  #fetch({ memory, queueMemory }: QueueContext, index: number): MemoryStatus {
    const words = this.#words;
    const sizeLg2 = VCMDQ_BASE.f.LOG2SIZE.get(words, BASE);
    const hi = VCMDQ_BASE.f.ADDR.addressHi(words, BASE);
    const base = VCMDQ_BASE.f.ADDR.addressLo(words, BASE) & (-1 << Math.max(5, sizeLg2 + COMMAND_LG2));
    const lo = (base + (index << COMMAND_LG2)) >>> 0;
    let status: MemoryStatus = MemoryStatus.Ok;
    if (queueMemory !== null) status = queueMemory.locate(hi, lo);
    const paHi = queueMemory === null ? hi : queueMemory.paHi;
    const paLo = queueMemory === null ? lo : queueMemory.paLo;
    for (let word = 0; word < COMMAND_WORDS && status === MemoryStatus.Ok; word += 2) {
      status = memory.read64(paHi, (paLo + 4 * word) >>> 0);
      this.#command[word] = memory.lo;
      this.#command[word + 1] = memory.hi;
    }
    return status;
  }

  #carryOut(context: QueueContext): number {
    const error = context.prepare(this.#command);
    return error === Cerror.NONE ? context.execute(this.#command, 0) : error;
  }

  /** CHOICE(VCMDQ_READ_INDEX): the whole register is written, as one word of 4 bytes; address 0 means nowhere. */
  #writeReadIndex({ memory, failed }: QueueContext): void {
    const words = this.#words;
    const hi = VCMDQ_CONS_INDX_BASE.f.ADDR.addressHi(words, READ_INDEX_AT);
    const lo = VCMDQ_CONS_INDX_BASE.f.ADDR.addressLo(words, READ_INDEX_AT) & ~3;
    if ((hi | lo) === 0) return;
    let status = memory.read64(hi, lo);
    const known = status === MemoryStatus.Ok;
    const upper = (lo & 4) !== 0;
    const [oldHi, oldLo] = known ? [memory.hi, memory.lo] : [0, 0];
    const value = words[CONS]! | 0;
    status = memory.write64(hi, lo, upper ? value : oldHi, upper ? oldLo : value);
    if (status === MemoryStatus.Abort) this.#activate(VcmdqError.CONS_DRAM_WR_ABT_ERR, failed);
  }
}

/** Index of a register's word; beyond the last where a queue has none. */
const wordOf = (page: 0 | 1, offset: number): number => {
  const word = offset >>> 2;
  if (page === 0) return word < PAGE_0_WORDS ? word : VCMDQ_WORDS;
  return word < PAGE_1_WORDS ? PAGE_0_WORDS + word : VCMDQ_WORDS;
};
