/**
 * The producer's side of an SMMUv3's Command queue, as Linux's driver has it. IHI 0070 §3.5, §4, §7.1.
 */
import { commandByName } from "../../../arch/smmuv3/commands.ts";
import { CERROR } from "../../../arch/smmuv3/control_registers.ts";
import { encodeFields, type FieldNumbers } from "../../../base/encode.ts";
import type { Journal } from "../../journal.ts";
import type { OwnMemory } from "../kernel_memory.ts";
import type { KernelRegisters } from "../kernel_registers.ts";

const ENTRY = 16;
/** CMDQ_CONS: RD with its wrap bit, and ERR. */
const INDEX = 0xfffff;
const ERR = 0x7f;

export class CommandProducer {
  readonly log2Size: number;
  readonly base: number;
  readonly #registers: KernelRegisters;
  readonly #memory: OwnMemory;
  readonly #journal: Journal;
  /** Write index with its wrap bit. */
  #prod = 0;
  /** Commands written since PROD was. */
  #unpublished = 0;

  constructor(registers: KernelRegisters, memory: OwnMemory, journal: Journal, base: number, log2Size: number) {
    this.#registers = registers;
    this.#memory = memory;
    this.#journal = journal;
    this.base = base;
    this.log2Size = log2Size;
  }

  /** Queue a command; the SMMU sees it with the next {@link publish}. Publishes by itself when the queue is full. */
  issue(name: string, fields: FieldNumbers): void {
    const definition = commandByName(name);
    if (definition === undefined) throw new Error(`no command ${name}`);
    const entries = 2 ** this.log2Size;
    if (this.#unpublished === entries) this.publish();
    const words = encodeFields(definition.layout, { Opcode: definition.opcode, ...fields });
    const at = this.base + ENTRY * (this.#prod % entries);
    this.#journal.during("guest", "command", definition.name, () =>
      this.#memory.writeWords(words, at, definition.name),
    );
    this.#prod = (this.#prod + 1) % (2 * entries);
    this.#unpublished++;
  }

  /** Tell the SMMU of the commands written so far. */
  publish(): void {
    if (this.#unpublished === 0) return;
    this.#unpublished = 0;
    this.#registers.write("CMDQ_PROD", BigInt(this.#prod));
  }

  /**
   * Wait until the commands so far have taken effect. A command that the SMMU refuses is put out of its way, as Linux does.
   * @returns names of the errors met, such as CERROR_ILL
   */
  sync(): string[] {
    return this.#journal.during("guest", "sync", "wait for the Command queue", () => {
      this.issue("CMD_SYNC", { CS: 2 });
      this.publish();
      const errors: string[] = [];
      // A queue holds so many commands at most, and each can stop it once.
      for (let left = 2 ** this.log2Size; left > 0; left--) {
        const cons = Number(this.#registers.read("CMDQ_CONS"));
        if ((cons & INDEX) === this.#prod || ((cons >>> 24) & ERR) === 0) break;
        errors.push(CERROR[(cons >>> 24) & ERR] ?? "an unknown error");
        this.#skip(cons & INDEX);
      }
      return errors;
    });
  }

  /** Put a CMD_SYNC over the command that stopped the queue, and acknowledge the error (§7.1). */
  #skip(index: number): void {
    const definition = commandByName("CMD_SYNC")!;
    const words = encodeFields(definition.layout, { Opcode: definition.opcode });
    this.#memory.writeWords(words, this.base + ENTRY * (index % 2 ** this.log2Size), "CMD_SYNC over a refused command");
    this.#registers.write("GERRORN", this.#registers.read("GERROR"));
  }
}
