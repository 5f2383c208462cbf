/**
 * The producer's side of an AMD IOMMU's command buffer, as Linux's driver has it. 48882 §2.4.
 */
import { COMMANDS } from "../../../arch/amdvi/commands.ts";
import { encodeFields, type FieldNumbers } from "../../../base/encode.ts";
import type { OwnMemory } from "../../../kernel/own_memory.ts";
import type { KernelRegisters } from "../../../kernel/registers.ts";

const ENTRY = 16;
/** Code 8 of the length field: 256 entries, 4 KiB. */
const LENGTH_CODE = 8;
const BYTES = ENTRY * 2 ** LENGTH_CODE;

const byName = new Map(COMMANDS.map((c) => [c.name, c]));

export class CommandProducer {
  readonly #registers: KernelRegisters;
  readonly #memory: OwnMemory;
  readonly #base: number;
  /** Where COMPLETION_WAIT stores; each wait stores a number of its own. */
  readonly #semaphore: number;
  #waits = 0;
  #tail = 0;
  #unpublished = 0;

  private constructor(registers: KernelRegisters, memory: OwnMemory, base: number, semaphore: number) {
    this.#registers = registers;
    this.#memory = memory;
    this.#base = base;
    this.#semaphore = semaphore;
  }

  /** Make the buffer and point the IOMMU at it. @returns null without memory */
  static make(registers: KernelRegisters, memory: OwnMemory): CommandProducer | null {
    const base = memory.allocate(BYTES);
    const semaphore = memory.allocate(8);
    if (base === null || semaphore === null) return null;
    registers.writeFields("CMD_BASE", { ComBase: base, ComLen: LENGTH_CODE });
    registers.write("CMD_HEAD", 0n);
    registers.write("CMD_TAIL", 0n);
    return new CommandProducer(registers, memory, base, semaphore);
  }

  /** Put a command into the buffer; the IOMMU sees it with the next {@link publish}. */
  issue(name: string, fields: FieldNumbers): void {
    const definition = byName.get(name);
    if (definition === undefined) throw new Error(`no command ${name}`);
    if ((this.#unpublished + 2) * ENTRY > BYTES) this.publish();
    const words = encodeFields(definition.layout, { Opcode: definition.opcode, ...fields });
    const at = this.#base + this.#tail;
    this.#memory.notes.during("command", name, () => this.#memory.writeWords(at, words, name));
    this.#tail = (this.#tail + ENTRY) % BYTES;
    this.#unpublished++;
  }

  /** Tell the IOMMU of the commands written so far. */
  publish(): void {
    if (this.#unpublished === 0) return;
    this.#unpublished = 0;
    this.#registers.write("CMD_TAIL", BigInt(this.#tail));
  }

  /** Wait until the commands so far are done. @returns false when the IOMMU stopped at one of them */
  sync(): boolean {
    return this.#memory.notes.during("sync", "wait for COMPLETION_WAIT", () => {
      const data = ++this.#waits;
      this.issue("COMPLETION_WAIT", { S: 1, StoreAddress: this.#semaphore, StoreData: data });
      this.publish();
      this.#memory.read(this.#semaphore);
      return this.#memory.lo >>> 0 === data;
    });
  }
}
