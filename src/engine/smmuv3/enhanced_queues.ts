/**
 * Enhanced Command queues: many Command queues, each with its own registers in a control page (IHI 0070 §3.5.6, §6.2.5).
 *
 * CHOICE(control-pages): the control pages follow the VATOS page, or page 1 where there is none (§6.1).
 * UNMODELLED: SMMU_CR1.QUEUE_* stay writable while such a queue is on; no access here has attributes.
 */
import {
  CONTROL_PAGE_BYTES,
  CONTROL_PAGE_FIRST,
  CONTROL_PAGE_STRIDE,
  SMMU_CMDQ_CONTROL_PAGE_BASE,
  SMMU_CMDQ_CONTROL_PAGE_CFG,
  SMMU_CMDQ_CONTROL_PAGE_STATUS,
  SMMU_ECMDQ_BASE,
  SMMU_ECMDQ_CONS,
  SMMU_ECMDQ_PROD,
} from "../../arch/smmuv3/ecmdq_registers.ts";
import { VATOS_PAGE } from "../../arch/smmuv3/registers.ts";
import type { Digest } from "../../base/digest.ts";
import { commandQueueSize } from "./command_queue.ts";
import type { CommandRing } from "./command_ring.ts";
import { Cerror } from "./commands/command.ts";
import { GlobalError, type GlobalErrors } from "./global_errors.ts";
import type { RegisterFile } from "./register_file.ts";

/** Words of one queue's registers: BASE in two, PROD, CONS. */
const QUEUE_WORDS = 4;
const BASE = 0;
const PROD = 2;
const CONS = 3;
/** Largest code of either field of SMMU_IDR6. */
const MAX_LG2 = 8;

const prod = SMMU_ECMDQ_PROD.f;
const cons = SMMU_ECMDQ_CONS.f;

/** Registers of the queues that somebody wrote to, by number. */
export type EnhancedQueuesImage = ReadonlyMap<number, Uint32Array>;

export class EnhancedQueues {
  readonly #registers: RegisterFile;
  readonly #ring: CommandRing;
  readonly #errors: GlobalErrors;
  readonly #offered: boolean;
  readonly #pages: number;
  readonly #queuesLg2: number;
  /** Offset of the first control page. */
  readonly #first: number;
  #queues = new Map<number, Uint32Array>();
  readonly #limits = new Map<number, { limit: number }>();
  readonly #scratch = new Uint32Array(2);

  constructor(registers: RegisterFile, ring: CommandRing, errors: GlobalErrors) {
    this.#registers = registers;
    this.#ring = ring;
    this.#errors = errors;
    const id = (register: string, field: string): number => registers.field(register, field);
    this.#offered = id("SMMU_IDR1", "ECMDQ") === 1;
    this.#pages = 2 ** Math.min(id("SMMU_IDR6", "CMDQ_CONTROL_PAGE_LOG2NUMP"), MAX_LG2);
    this.#queuesLg2 = Math.min(id("SMMU_IDR6", "CMDQ_CONTROL_PAGE_LOG2NUMQ"), MAX_LG2);
    const vatos = id("SMMU_IDR0", "VATOS") === 1 ? id("SMMU_IDR2", "BA_VATOS") + 1 : 0;
    this.#first = VATOS_PAGE + vatos * CONTROL_PAGE_BYTES;
  }

  /** Whether the word at an offset from page 0 is of these queues. */
  has(offset: number): boolean {
    if (!this.#offered) return false;
    const inList = offset - CONTROL_PAGE_FIRST;
    const inPages = offset - this.#first;
    return (
      (inList >= 0 && inList < this.#pages * CONTROL_PAGE_STRIDE) ||
      (inPages >= 0 && inPages < this.#pages * CONTROL_PAGE_BYTES)
    );
  }

  /** Read 32 bits at an offset that {@link has}. */
  read32(offset: number): number {
    if (offset < this.#first) return this.#readPage(offset - CONTROL_PAGE_FIRST);
    const { queue, word } = this.#at(offset);
    return word < QUEUE_WORDS ? (this.#queues.get(queue)?.[word] ?? 0) : 0;
  }

  /** Write 32 bits at an offset that {@link has}. */
  write32(offset: number, value: number): void {
    if (offset < this.#first) return;
    const { queue, word } = this.#at(offset);
    if (word >= QUEUE_WORDS) return;
    let words = this.#queues.get(queue);
    if (words === undefined) {
      words = new Uint32Array(QUEUE_WORDS);
      this.#queues.set(queue, words);
    }
    const on = cons.ENACK.get(words, CONS) === 1;
    if (word === PROD) this.#writeProd(queue, words, value);
    // BASE and CONS may change while the queue is off only (§6.3.107, §6.3.109).
    else if (!on && word === CONS) this.#writeCons(words, value);
    else if (!on) words[word] = value & (word === BASE ? BASE_MASK[0]! : BASE_MASK[1]!);
  }

  /** Most commands that one run of a queue carries out; 0 holds it. Null for a number beyond the last. */
  limitOf(queue: number): { limit: number } | null {
    if (!this.#offered || queue >= this.#pages << this.#queuesLg2) return null;
    const known = this.#limits.get(queue) ?? { limit: Infinity };
    this.#limits.set(queue, known);
    return known;
  }

  /** Have a queue carry out what waits in it. */
  run(queue: number): void {
    const words = this.#queues.get(queue);
    if (words !== undefined) this.#run(queue, words);
  }

  snapshot(): EnhancedQueuesImage {
    return new Map([...this.#queues].map(([queue, words]) => [queue, words.slice()]));
  }

  restore(image: EnhancedQueuesImage): void {
    this.#queues = new Map([...image].map(([queue, words]) => [queue, words.slice()]));
  }

  /** Take the registers into a digest. */
  digest(into: Digest): void {
    for (const queue of [...this.#queues.keys()].sort((a, b) => a - b))
      into.word(queue).words(this.#queues.get(queue)!);
  }

  /** EN takes effect at once; the write then has the queue looked at (§3.5.6.2). */
  #writeProd(queue: number, words: Uint32Array, value: number): void {
    const given = this.#scratch;
    given[0] = value;
    prod.WR.set(words, PROD, prod.WR.get(given, 0) & this.#indexMask(words));
    prod.ERRACK.set(words, PROD, prod.ERRACK.get(given, 0));
    prod.EN.set(words, PROD, prod.EN.get(given, 0));
    cons.ENACK.set(words, CONS, prod.EN.get(given, 0));
    this.#run(queue, words);
  }

  /** Everything but ENACK is software's while the queue is off. */
  #writeCons(words: Uint32Array, value: number): void {
    const given = this.#scratch;
    given[0] = value;
    cons.RD.set(words, CONS, cons.RD.get(given, 0) & this.#indexMask(words));
    cons.ERR.set(words, CONS, cons.ERR.get(given, 0));
    cons.ERR_REASON.set(words, CONS, cons.ERR_REASON.get(given, 0));
  }

  /** Carry out commands, unless the queue is off, the SMMU out of service, or an error of it is not acknowledged (§3.5.6.3). */
  #run(queue: number, words: Uint32Array): void {
    if (this.#errors.outOfService || cons.ENACK.get(words, CONS) === 0) return;
    if (cons.ERR.get(words, CONS) !== prod.ERRACK.get(words, PROD)) return;
    const sizeLg2 = commandQueueSize(this.#registers.words, words[BASE]!);
    const [from, to] = [cons.RD.get(words, CONS), prod.WR.get(words, PROD)];
    const most = this.#limits.get(queue)?.limit;
    cons.RD.set(words, CONS, this.#ring.consume(words[BASE + 1]!, words[BASE]!, sizeLg2, from, to, most));
    const { error } = this.#ring;
    if (error <= Cerror.NONE) return;
    cons.ERR_REASON.set(words, CONS, error);
    cons.ERR.set(words, CONS, 1 - cons.ERR.get(words, CONS));
    this.#errors.activate(GlobalError.CMDQP_ERR);
  }

  #indexMask(words: Uint32Array): number {
    return (2 << commandQueueSize(this.#registers.words, words[BASE]!)) - 1;
  }

  /** Number of a queue over all pages, and of the word within its registers. */
  #at(offset: number): { queue: number; word: number } {
    const inPages = offset - this.#first;
    const spacing = CONTROL_PAGE_BYTES / 2 ** this.#queuesLg2;
    return { queue: Math.floor(inPages / spacing), word: (inPages % spacing) >>> 2 };
  }

  /** BASE, CFG and STATUS of a control page. */
  #readPage(inList: number): number {
    const page = Math.floor(inList / CONTROL_PAGE_STRIDE);
    const words = this.#scratch.fill(0);
    switch ((inList % CONTROL_PAGE_STRIDE) >>> 2) {
      case 0:
      case 1: {
        const at = this.#first + page * CONTROL_PAGE_BYTES;
        SMMU_CMDQ_CONTROL_PAGE_BASE.f.CMDQ_CONTROL_PAGE_PRESET.set(words, 0, 1);
        SMMU_CMDQ_CONTROL_PAGE_BASE.f.CMDQGS.set(words, 0, 1);
        SMMU_CMDQ_CONTROL_PAGE_BASE.f.ADDR.set(words, 0, at / CONTROL_PAGE_BYTES);
        return words[(inList >>> 2) & 1]!;
      }
      case 2:
        SMMU_CMDQ_CONTROL_PAGE_CFG.f.EN.set(words, 0, 1);
        return words[0]!;
      case 3:
        SMMU_CMDQ_CONTROL_PAGE_STATUS.f.ENACK.set(words, 0, 1);
        return words[0]!;
      default:
        return 0;
    }
  }
}

/** Bits of SMMU_ECMDQ_BASE that are stored. */
const BASE_MASK = new Uint32Array(2);
SMMU_ECMDQ_BASE.f.LOG2SIZE.set(BASE_MASK, 0, 0xffffffff);
SMMU_ECMDQ_BASE.f.ADDR.set(BASE_MASK, 0, 0xffffffff, 0xffffffff);
SMMU_ECMDQ_BASE.f.RA.set(BASE_MASK, 0, 1);
