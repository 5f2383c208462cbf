/**
 * The producer's side of an SMMUv3's Command queue, as Linux's driver has it. IHI 0070 §3.5, §4, §7.1.
 */
import { commandByName } from "../../../arch/smmuv3/commands.ts";
import { CERROR } from "../../../arch/smmuv3/control_registers.ts";
import { encodeFields, type FieldNumbers } from "../../../base/encode.ts";
import type { OwnMemory } from "../../../kernel/own_memory.ts";
import type { KernelRegisters } from "../../../kernel/registers.ts";

const ENTRY = 16;
/** CMDQ_CONS: RD with its wrap bit, and ERR. */
const INDEX = 0xfffff;
const ERR = 0x7f;

/** A Command queue as software reaches it: names of its registers, codes of its errors, the signal its CMD_SYNCs take. */
export interface QueueDoor {
  readonly prod: string;
  readonly cons: string;
  readonly error: string;
  readonly acknowledge: string;
  readonly errors: Readonly<Record<number, string>>;
  readonly CS: number;
}

/** The SMMU's own queue; a CMD_SYNC sends an event to the processor. */
const OWN_QUEUE: QueueDoor = {
  prod: "CMDQ_PROD",
  cons: "CMDQ_CONS",
  error: "GERROR",
  acknowledge: "GERRORN",
  errors: CERROR,
  CS: 2,
};

export class CommandProducer {
  readonly log2Size: number;
  readonly base: number;
  readonly #registers: KernelRegisters;
  readonly #memory: OwnMemory;
  readonly #door: QueueDoor;
  /** Write index with its wrap bit. */
  #prod = 0;
  /** Commands written since PROD was. */
  #unpublished = 0;

  constructor(
    registers: KernelRegisters,
    memory: OwnMemory,
    place: { readonly base: number; readonly log2Size: number },
    door: QueueDoor = OWN_QUEUE,
  ) {
    this.#registers = registers;
    this.#memory = memory;
    this.base = place.base;
    this.log2Size = place.log2Size;
    this.#door = door;
  }

  /** Queue a command; the SMMU sees it with the next {@link publish}. Publishes by itself when the queue is full. */
  issue(name: string, fields: FieldNumbers): void {
    const definition = commandByName(name);
    if (definition === undefined) throw new Error(`no command ${name}`);
    const entries = 2 ** this.log2Size;
    if (this.#unpublished === entries) this.publish();
    const words = encodeFields(definition.layout, { Opcode: definition.opcode, ...fields });
    const at = this.base + ENTRY * (this.#prod % entries);
    this.#memory.notes.during("command", definition.name, () => this.#memory.writeWords(at, words, definition.name));
    this.#prod = (this.#prod + 1) % (2 * entries);
    this.#unpublished++;
  }

  /** Tell the SMMU of the commands written so far. */
  publish(): void {
    if (this.#unpublished === 0) return;
    this.#unpublished = 0;
    this.#registers.write(this.#door.prod, BigInt(this.#prod));
  }

  /**
   * Wait until the commands so far have taken effect. A command that the SMMU refuses is put out of its way, as Linux does.
   * @returns names of the errors met, such as CERROR_ILL
   */
  sync(): string[] {
    return this.#memory.notes.during("sync", "wait for the Command queue", () => {
      this.issue("CMD_SYNC", { CS: this.#door.CS });
      this.publish();
      const errors: string[] = [];
      // A queue holds so many commands at most, and each can stop it once.
      for (let left = 2 ** this.log2Size; left > 0; left--) {
        const cons = Number(this.#registers.read(this.#door.cons));
        const error = (cons >>> 24) & ERR;
        if ((cons & INDEX) === this.#prod || error === 0) break;
        errors.push(this.#door.errors[error] ?? "an unknown error");
        this.#skip(cons & INDEX);
      }
      return errors;
    });
  }

  /** The queue stopped with an error: put the command out of its way. */
  skipStopped(): void {
    this.#skip(Number(this.#registers.read(this.#door.cons)) & INDEX);
  }

  /** Put a CMD_SYNC over the command that stopped the queue, and acknowledge the error (§7.1). */
  #skip(index: number): void {
    const definition = commandByName("CMD_SYNC")!;
    const words = encodeFields(definition.layout, { Opcode: definition.opcode });
    this.#memory.writeWords(this.base + ENTRY * (index % 2 ** this.log2Size), words, "CMD_SYNC over a refused command");
    this.#registers.write(this.#door.acknowledge, this.#registers.read(this.#door.error));
  }
}
