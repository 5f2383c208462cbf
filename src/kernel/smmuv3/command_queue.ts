/**
 * The producer's side of a Command queue: the SMMU's own, or one of an extension with other registers.
 * IHI 0070 §3.5, §4, §7.1; what becomes of a command that the SMMU refuses as in Linux 7.2,
 * drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c (__arm_smmu_cmdq_skip_err).
 */
import { commandByName, commandOf, RESERVED_COMMAND } from "../../arch/smmuv3/commands.ts";
import { CERROR } from "../../arch/smmuv3/control_registers.ts";
import { encodeFields, type FieldNumbers } from "../../base/encode.ts";
import type { OwnMemory } from "../own_memory.ts";
import type { KernelRegisters } from "../registers.ts";

const ENTRY = RESERVED_COMMAND.bits / 8;
/** log2 of the commands of a queue, where the SMMU takes that many. */
const MOST_LG2 = 8;

/** What Linux says when the end of a queue is not reached in time. */
const TIMEOUT = "CMD_SYNC timeout";

/** A command as four 32-bit words. */
export type CommandWords = Uint32Array;

/** A command by name, with these operands. */
export function command(name: string, operands: FieldNumbers = {}): CommandWords {
  const definition = commandByName(name);
  if (definition === undefined) throw new Error(`no command ${name}`);
  return encodeFields(definition.layout, { Opcode: definition.opcode, ...operands });
}

/** A Command queue as software reaches it. */
export interface QueueDoor {
  /** Names of its registers. */
  readonly base: string;
  readonly prod: string;
  readonly cons: string;
  readonly error: string;
  readonly acknowledge: string;
  /** Names of the codes of its errors. */
  readonly errors: Readonly<Record<number, string>>;
  /** The signal that its CMD_SYNCs take. */
  readonly CS: number;
}

/** The SMMU's own queue; a CMD_SYNC sends an event to the processor. */
const OWN_QUEUE: QueueDoor = {
  base: "CMDQ_BASE",
  prod: "CMDQ_PROD",
  cons: "CMDQ_CONS",
  error: "GERROR",
  acknowledge: "GERRORN",
  errors: CERROR,
  CS: 2,
};

export class CommandQueue {
  readonly #registers: KernelRegisters;
  readonly #memory: OwnMemory;
  readonly #door: QueueDoor;
  readonly #base: number;
  readonly #entries: number;
  /** Write index, and the one that was written to PROD last, with their wrap bits. */
  #prod = 0;
  #published = 0;
  /** Read index as it was last seen. */
  #cons = 0;
  /** Errors met since somebody waited. */
  #errors: string[] = [];
  readonly #wait: CommandWords;

  private constructor(registers: KernelRegisters, memory: OwnMemory, door: QueueDoor, base: number, entries: number) {
    this.#registers = registers;
    this.#memory = memory;
    this.#door = door;
    this.#base = base;
    this.#entries = entries;
    this.#wait = command("CMD_SYNC", { CS: door.CS });
  }

  /**
   * Make a queue and tell the hardware; it runs once it is enabled.
   * @param log2Most log2 of the most commands that the hardware takes
   * @returns null without memory
   */
  static make(
    registers: KernelRegisters,
    memory: OwnMemory,
    log2Most: number,
    door: QueueDoor = OWN_QUEUE,
  ): CommandQueue | null {
    const LOG2SIZE = Math.min(MOST_LG2, log2Most);
    const base = memory.allocate(ENTRY * 2 ** LOG2SIZE);
    if (base === null) return null;
    registers.writeFields(door.base, { ADDR: base, LOG2SIZE });
    registers.write(door.prod, 0n);
    registers.write(door.cons, 0n);
    return new CommandQueue(registers, memory, door, base, 2 ** LOG2SIZE);
  }

  /**
   * Queue a command; the SMMU sees it with the next {@link publish}. A full queue is waited for; while the SMMU reads
   * nothing, the command is lost.
   */
  issue(words: CommandWords): void {
    if (this.#isFull) this.#finish();
    if (this.#isFull) return;
    const about = commandOf(words)?.name ?? "unknown command";
    const at = this.#place(this.#prod);
    this.#memory.notes.during("command", about, () => this.#memory.writeWords(at, words, about));
    this.#prod = (this.#prod + 1) % (2 * this.#entries);
  }

  /** Tell the SMMU of the commands written so far. */
  publish(): void {
    if (this.#published === this.#prod) return;
    this.#published = this.#prod;
    this.#registers.write(this.#door.prod, BigInt(this.#prod));
  }

  /**
   * Wait until the commands so far have taken effect. One that the SMMU refuses is put out of its way.
   * @returns names of the errors met, such as CERROR_ILL, and a timeout where the SMMU has not come to the end
   */
  sync(): string[] {
    return this.#memory.notes.during("sync", "wait for the Command queue", () => {
      this.issue(this.#wait);
      this.#finish();
      const errors = this.#errors;
      this.#errors = [];
      return errors;
    });
  }

  /** Run commands and wait until they have taken effect. @returns as {@link sync} */
  run(commands: readonly CommandWords[]): string[] {
    for (const words of commands) this.issue(words);
    return this.sync();
  }

  /** The queue stopped with an error: put the command out of its way. */
  skipStopped(): void {
    this.#skip(this.#registers.field(this.#door.cons, "RD"));
  }

  get #isFull(): boolean {
    return this.#prod === (this.#cons + this.#entries) % (2 * this.#entries);
  }

  /** Publish, and see the queue through to its end. */
  #finish(): void {
    this.publish();
    // A queue holds so many commands at most, and each can stop it once.
    for (let left = this.#entries; left > 0; left--) {
      const { RD, ERR } = this.#registers.fields(this.#door.cons, "RD", "ERR");
      this.#cons = RD;
      if (RD === this.#prod) return;
      if (ERR === 0) break;
      this.#errors.push(this.#door.errors[ERR] ?? "an unknown error");
      this.#skip(RD);
    }
    this.#errors.push(TIMEOUT);
  }

  /** Put a CMD_SYNC over the command that stopped the queue, and acknowledge the error (§7.1). */
  #skip(index: number): void {
    this.#memory.writeWords(this.#place(index), command("CMD_SYNC"), "CMD_SYNC over a refused command");
    this.#registers.write(this.#door.acknowledge, this.#registers.read(this.#door.error));
  }

  /** Where the entry of an index stands; the wrap bit does not matter. */
  #place(index: number): number {
    return this.#base + ENTRY * (index % this.#entries);
  }
}
