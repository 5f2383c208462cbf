/**
 * The command buffer as its registers have it: CMD_BASE, CMD_HEAD, CMD_TAIL and STATUS.CmdBufRun. 48882 revision 3.10,
 * MMIO offsets 0008h, 2000h, 2008h, 2020h.
 */
import type { RegisterFile } from "../common/register_file.ts";
import type { BufferState } from "./command_buffer.ts";

/** Reads and moves the registers of a command buffer. */
export class BufferRegisters implements BufferState {
  readonly #registers: RegisterFile;

  constructor(registers: RegisterFile) {
    this.#registers = registers;
  }

  get running(): boolean {
    return this.#registers.get("STATUS", "CmdBufRun") !== 0;
  }

  set running(on: boolean) {
    this.#registers.set("STATUS", "CmdBufRun", on ? 1 : 0);
  }

  get head(): number {
    return this.#word("CMD_HEAD");
  }

  set head(offset: number) {
    this.#registers.words[this.#registers.at("CMD_HEAD")] = offset;
  }

  get tail(): number {
    return this.#word("CMD_TAIL");
  }

  get baseHi(): number {
    return this.#registers.words[this.#registers.at("CMD_BASE") + 1]! & 0xfffff;
  }

  get baseLo(): number {
    return this.#word("CMD_BASE") & ~0xfff;
  }

  get entriesLg2(): number {
    return this.#registers.get("CMD_BASE", "ComLen");
  }

  /** A new base makes the buffer empty. */
  empty(): void {
    this.head = 0;
    this.#registers.words[this.#registers.at("CMD_TAIL")] = 0;
  }

  #word(name: string): number {
    return this.#registers.words[this.#registers.at(name)]!;
  }
}
