/** A kernel's side of an AMD IOMMU's command buffer. 48882 §2.4; Linux 7.2, drivers/iommu/amd/iommu.c. */
import { COMMAND_WORDS, encodeCommand } from "../../arch/amdvi/commands.ts";
import type { FieldNumbers } from "../../base/encode.ts";
import type { OwnMemory } from "../own_memory.ts";
import type { KernelRegisters } from "../registers.ts";
import { RingProducer } from "../ring_producer.ts";

/** A command: its name, and its fields besides the opcode. */
export interface Command {
  readonly name: string;
  readonly fields: FieldNumbers;
}

const ENTRY = 4 * COMMAND_WORDS;
/** log2 of the entries: 512, two pages. */
const ENTRIES_LG2 = 9;

export class CommandBuffer {
  readonly #memory: OwnMemory;
  readonly #ring: RingProducer;
  /** Where COMPLETION_WAIT stores; each wait stores a number of its own. */
  readonly #semaphore: number;
  #waits = 0;

  private constructor(memory: OwnMemory, ring: RingProducer, semaphore: number) {
    this.#memory = memory;
    this.#ring = ring;
    this.#semaphore = semaphore;
  }

  /** Make the buffer and tell the IOMMU; it runs once CONTROL.CmdBufEn is set. @returns null without memory */
  static make(registers: KernelRegisters, memory: OwnMemory): CommandBuffer | null {
    const base = memory.allocate(ENTRY * 2 ** ENTRIES_LG2);
    const semaphore = memory.allocate(8);
    if (base === null || semaphore === null) return null;
    registers.writeFields("CMD_BASE", { ComBase: base, ComLen: ENTRIES_LG2 });
    registers.write("CMD_HEAD", 0n);
    registers.write("CMD_TAIL", 0n);
    const ring = { base, entries: 2 ** ENTRIES_LG2, entryBytes: ENTRY, head: "CMD_HEAD", tail: "CMD_TAIL" };
    return new CommandBuffer(memory, new RingProducer(registers, memory, ring), semaphore);
  }

  /** Put commands into the buffer; the IOMMU sees them with the next {@link publish}. */
  issue(...commands: readonly Command[]): void {
    for (const { name, fields } of commands) this.#ring.put(encodeCommand(name, fields), name);
  }

  /** Tell the IOMMU of the commands written so far. */
  publish(): void {
    this.#ring.publish();
  }

  /** Wait until the commands so far are done. @returns false when the IOMMU stopped at one of them */
  sync(): boolean {
    return this.#memory.notes.during("sync", "wait for COMPLETION_WAIT", () => {
      const data = ++this.#waits;
      this.issue({ name: "COMPLETION_WAIT", fields: { S: 1, StoreAddress: this.#semaphore, StoreData: data } });
      this.publish();
      this.#memory.read(this.#semaphore);
      return this.#memory.lo >>> 0 === data;
    });
  }
}
