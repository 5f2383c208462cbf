/**
 * The Command queue of the Non-secure programming interface (IHI 0070 §4.1, §7.1, §6.3.26 to §6.3.28).
 */
import { SMMU_IDR1 } from "../../arch/smmuv3/id_registers.ts";
import { SMMU_CMDQ_BASE, SMMU_CMDQ_CONS, SMMU_CMDQ_PROD } from "../../arch/smmuv3/queue_registers.ts";
import { locate } from "../../base/layout.ts";
import type { CommandRing } from "./command_ring.ts";
import { Cerror } from "./commands/command.ts";
import { GlobalError, type GlobalErrors } from "./global_errors.ts";
import { MAX_QUEUE_LG2, type RegisterFile, registerBit, registerIndex } from "./register_file.ts";

const ENABLE = registerBit("SMMU_CR0", "CMDQEN");
const BASE = registerIndex("SMMU_CMDQ_BASE");
const PROD = registerIndex("SMMU_CMDQ_PROD");
const CONS = registerIndex("SMMU_CMDQ_CONS");
const IDR1 = registerIndex("SMMU_IDR1");
const LOG2SIZE = locate(SMMU_CMDQ_BASE, "LOG2SIZE");
const CMDQS = locate(SMMU_IDR1, "CMDQS");
const RD = locate(SMMU_CMDQ_CONS, "RD");
const ERR = locate(SMMU_CMDQ_CONS, "ERR");
const WR = locate(SMMU_CMDQ_PROD, "WR");

/** Effective log2 of the entries of a queue: its LOG2SIZE, capped by IDR1.CMDQS (§6.3.26). */
export function commandQueueSize(registers: Uint32Array, base: number): number {
  const offered = (registers[IDR1]! >>> CMDQS.shift) & CMDQS.mask;
  return Math.min((base >>> LOG2SIZE.shift) & LOG2SIZE.mask, offered, MAX_QUEUE_LG2);
}

export class CommandQueue {
  /** Most commands that one {@link run} carries out; 0 holds the queue. */
  limit = Infinity;
  readonly #words: Uint32Array;
  readonly #ring: CommandRing;
  readonly #errors: GlobalErrors;

  constructor(registers: RegisterFile, ring: CommandRing, errors: GlobalErrors) {
    this.#words = registers.words;
    this.#ring = ring;
    this.#errors = errors;
  }

  /**
   * Carry out commands until the queue is empty, off, or a command fails (§4.1.2). A command in memory that the session
   * does not hold is waited for: the index stays, and no error is raised.
   */
  run(): void {
    const words = this.#words;
    if ((words[ENABLE.at]! & ENABLE.mask) === 0 || this.#errors.outOfService) return;
    if ((this.#errors.active & GlobalError.CMDQ_ERR) !== 0) return;
    const base = words[BASE]!;
    const from = (words[CONS]! >>> RD.shift) & RD.mask;
    const to = (words[PROD]! >>> WR.shift) & WR.mask;
    const size = commandQueueSize(words, base);
    const index = this.#ring.consume(words[BASE + 1]!, base, size, from, to, this.limit);
    words[CONS] = (words[CONS]! & ~(RD.mask << RD.shift)) | (index << RD.shift);
    const { error } = this.#ring;
    if (error <= Cerror.NONE) return;
    // The index stays at the command; the reason is visible before the global error is (§7.1).
    words[CONS] = (words[CONS]! & ~(ERR.mask << ERR.shift)) | (error << ERR.shift);
    this.#errors.activate(GlobalError.CMDQ_ERR);
  }
}
