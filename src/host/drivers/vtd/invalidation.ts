/**
 * The kernel's side of a VT-d unit's invalidation queue. VT-d §6.5.2; what becomes of a descriptor that the unit refuses
 * as in Linux 7.2, drivers/iommu/intel/dmar.c (qi_submit_sync).
 */
import { descriptorByName } from "../../../arch/vtd/commands.ts";
import { encodeFields, type FieldNumbers } from "../../../base/encode.ts";
import type { OwnMemory } from "../../../kernel/own_memory.ts";
import type { KernelRegisters } from "../../../kernel/registers.ts";

/** A descriptor by name. */
export interface Descriptor {
  readonly name: string;
  readonly fields: FieldNumbers;
}

const WIDE_BYTES = 32;
const NARROW_BYTES = 16;
/** log2 of the queue's pages. */
const PAGES_LG2 = 1;
const QUEUE_BYTES = 4096 * 2 ** PAGES_LG2;
/** FSTS.IQE, ICE and ITE, written to clear. */
const QUEUE_ERRORS = 0x70n;
/** Types have bits [3:0] in one place and [6:4] in another. */
const LOW_TYPE = 0xf;

function wordsOf({ name, fields }: Descriptor): Uint32Array {
  const definition = descriptorByName(name);
  if (definition === undefined) throw new Error(`no descriptor ${name}`);
  return encodeFields(definition.layout, {
    Type: definition.type & LOW_TYPE,
    TypeHi: definition.type >>> 4,
    ...fields,
  });
}

export class InvalidationQueue {
  readonly #registers: KernelRegisters;
  readonly #memory: OwnMemory;
  readonly #base: number;
  readonly #bytes: number;
  readonly #status: number;
  #tail = 0;

  private constructor(registers: KernelRegisters, memory: OwnMemory, base: number, bytes: number, status: number) {
    this.#registers = registers;
    this.#memory = memory;
    this.#base = base;
    this.#bytes = bytes;
    this.#status = status;
  }

  /** Make the queue and tell the unit; it runs once GCMD.QIE is set. @returns null without memory */
  static make(registers: KernelRegisters, memory: OwnMemory, wide: boolean): InvalidationQueue | null {
    const base = memory.allocate(QUEUE_BYTES);
    const status = memory.allocate(8);
    if (base === null || status === null) return null;
    registers.write("IQT", 0n);
    registers.writeFields("IQA", { IQA: base, QS: PAGES_LG2, DW: wide ? 1 : 0 });
    return new InvalidationQueue(registers, memory, base, wide ? WIDE_BYTES : NARROW_BYTES, status);
  }

  /** Run descriptors, each followed by a wait. A refused one is replaced by another wait, and is lost. */
  run(descriptors: readonly Descriptor[]): void {
    for (const descriptor of descriptors) {
      this.#put(wordsOf(descriptor));
      this.#put(this.#wait());
      this.#registers.write("IQT", BigInt(this.#tail));
      this.#repair();
    }
  }

  #wait(): Uint32Array {
    return wordsOf({ name: "inv_wait_dsc", fields: { SW: 1, STDATA: 1, STADDR: this.#status } });
  }

  #put(words: Uint32Array): void {
    this.#memory.writeWords(this.#base + this.#tail, words.subarray(0, this.#bytes / 4), "descriptor");
    this.#tail = (this.#tail + this.#bytes) % QUEUE_BYTES;
  }

  #repair(): void {
    const errors = this.#registers.read("FSTS") & QUEUE_ERRORS;
    if (errors === 0n) return;
    const head = Number(this.#registers.read("IQH"));
    this.#memory.writeWords(this.#base + head, this.#wait().subarray(0, this.#bytes / 4), "inv_wait_dsc");
    this.#registers.write("FSTS", errors);
  }
}
