/** The kernel's side of an AMD IOMMU's command buffer. 48882 §2.4. */
import * as commands from "../../../arch/amdvi/commands.ts";
import { encodeFields, type FieldNumbers } from "../../../base/encode.ts";
import type { Layout } from "../../../base/layout.ts";
import type { OwnMemory } from "../../../kernel/own_memory.ts";
import type { KernelRegisters } from "../../../kernel/registers.ts";

const COMMAND_BYTES = 16;
const ENTRIES_LG2 = 9;
const BUFFER_BYTES = COMMAND_BYTES * 2 ** ENTRIES_LG2;

/** A command: its layout and fields besides the opcode. */
export interface Command {
  readonly layout: Layout;
  readonly fields: FieldNumbers;
}

const wordsOf = ({ layout, fields }: Command): Uint32Array =>
  encodeFields(layout, { Opcode: commands.Opcode[layout.name as keyof typeof commands.Opcode], ...fields });

export class CommandBuffer {
  readonly #registers: KernelRegisters;
  readonly #memory: OwnMemory;
  readonly #base: number;
  readonly #status: number;
  #tail = 0;

  private constructor(registers: KernelRegisters, memory: OwnMemory, base: number, status: number) {
    this.#registers = registers;
    this.#memory = memory;
    this.#base = base;
    this.#status = status;
  }

  /** Make the buffer and tell the IOMMU; it runs once CONTROL.CmdBufEn is set. @returns null without memory */
  static make(registers: KernelRegisters, memory: OwnMemory): CommandBuffer | null {
    const base = memory.allocate(BUFFER_BYTES);
    const status = memory.allocate(8);
    if (base === null || status === null) return null;
    registers.writeFields("CMD_BASE", { ComBase: base, ComLen: ENTRIES_LG2 });
    registers.write("CMD_HEAD", 0n);
    registers.write("CMD_TAIL", 0n);
    return new CommandBuffer(registers, memory, base, status);
  }

  /** Run commands and wait until they are complete. */
  run(some: readonly Command[]): void {
    const wait = { layout: commands.COMPLETION_WAIT, fields: { S: 1, StoreAddress: this.#status, StoreData: 1 } };
    for (const command of [...some, wait]) {
      this.#memory.writeWords(this.#base + this.#tail, wordsOf(command), command.layout.name);
      this.#tail = (this.#tail + COMMAND_BYTES) % BUFFER_BYTES;
      this.#registers.write("CMD_TAIL", BigInt(this.#tail));
    }
  }
}
