/**
 * The producer's side of a VT-d unit's invalidation queue, as Linux's driver has it. VT-d §6.5.2.
 */
import { descriptorByName } from "../../../arch/vtd/commands.ts";
import { encodeFields, type FieldNumbers } from "../../../base/encode.ts";
import type { OwnMemory } from "../../../kernel/own_memory.ts";
import type { KernelRegisters } from "../../../kernel/registers.ts";

/** Pages of the queue: one. */
const QUEUE_BYTES = 4096;
/** What a wait descriptor writes when everything before it is done. */
const DONE = 2;

export class InvalidationProducer {
  readonly #registers: KernelRegisters;
  readonly #memory: OwnMemory;
  readonly #base: number;
  readonly #bytes: number;
  /** Where waits write their status. */
  readonly #status: number;
  #tail = 0;
  #unpublished = 0;

  private constructor(
    registers: KernelRegisters,
    memory: OwnMemory,
    place: { readonly base: number; readonly bytes: number; readonly status: number },
  ) {
    this.#registers = registers;
    this.#memory = memory;
    this.#base = place.base;
    this.#bytes = place.bytes;
    this.#status = place.status;
  }

  /** Make the queue and point the unit at it. @param wide descriptors of 256 bits, which scalable mode needs */
  static make(registers: KernelRegisters, memory: OwnMemory, wide: boolean): InvalidationProducer | null {
    const base = memory.allocate(QUEUE_BYTES);
    const status = memory.allocate(8);
    if (base === null || status === null) return null;
    registers.write("IQT", 0n);
    registers.writeFields("IQA", { IQA: base, QS: 0, DW: wide ? 1 : 0 });
    return new InvalidationProducer(registers, memory, { base, bytes: wide ? 32 : 16, status });
  }

  /** Queue a descriptor; the unit sees it with the next {@link publish}. */
  issue(name: string, fields: FieldNumbers): void {
    const definition = descriptorByName(name);
    if (definition === undefined) throw new Error(`no descriptor ${name}`);
    if ((this.#unpublished + 2) * this.#bytes > QUEUE_BYTES) this.publish();
    const type = { Type: definition.type & 0xf, TypeHi: definition.type >>> 4 };
    const words = encodeFields(definition.layout, { ...type, ...fields }).subarray(0, this.#bytes / 4);
    const at = this.#base + this.#tail;
    this.#memory.notes.during("command", name, () => this.#memory.writeWords(at, words, name));
    this.#tail = (this.#tail + this.#bytes) % QUEUE_BYTES;
    this.#unpublished++;
  }

  /** Tell the unit of the descriptors written so far. */
  publish(): void {
    if (this.#unpublished === 0) return;
    this.#unpublished = 0;
    // With 256-bit descriptors bit 4 of the tail is reserved; it is zero by the step.
    this.#registers.write("IQT", BigInt(this.#tail));
  }

  /** Wait until the descriptors so far are complete. @returns false when the unit stopped at one of them */
  sync(): boolean {
    return this.#memory.notes.during("sync", "wait for the invalidation queue", () => {
      this.#memory.write(this.#status, 0, 0, "wait status");
      this.issue("inv_wait_dsc", { SW: 1, FN: 1, STDATA: DONE, STADDR: this.#status });
      this.publish();
      this.#memory.read(this.#status);
      if (this.#memory.lo === DONE) return true;
      // IQE, ICE and ITE are cleared by writing ones (§11.4.7.1).
      this.#registers.writeFields("FSTS", { IQE: 1, ICE: 1, ITE: 1 });
      return false;
    });
  }
}
