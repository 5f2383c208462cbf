/**
 * A kernel's side of a VT-d unit's invalidation queue. VT-d §6.5.2; what becomes of a descriptor that the unit refuses is
 * as in Linux 7.2, drivers/iommu/intel/dmar.c (qi_submit_sync).
 */
import { encodeDescriptor } from "../../arch/vtd/commands.ts";
import type { FieldNumbers } from "../../base/encode.ts";
import type { OwnMemory } from "../own_memory.ts";
import type { KernelRegisters } from "../registers.ts";
import { RingProducer } from "../ring_producer.ts";

/** A descriptor: its name, and its fields besides the type. */
export interface Descriptor {
  readonly name: string;
  readonly fields: FieldNumbers;
}

const ENTRIES = 256;
const PAGE = 4096;
/** What a wait descriptor writes when everything before it is done. */
const DONE = 2;
const WAIT = "inv_wait_dsc";

export class InvalidationQueue {
  readonly #registers: KernelRegisters;
  readonly #memory: OwnMemory;
  readonly #ring: RingProducer;
  /** Where waits write their status. */
  readonly #status: number;

  private constructor(registers: KernelRegisters, memory: OwnMemory, ring: RingProducer, status: number) {
    this.#registers = registers;
    this.#memory = memory;
    this.#ring = ring;
    this.#status = status;
  }

  /**
   * Make the queue and tell the unit; it runs once GCMD.QIE is set.
   * @param wide descriptors of 256 bits, which scalable mode needs
   * @returns null without memory
   */
  static make(registers: KernelRegisters, memory: OwnMemory, wide: boolean): InvalidationQueue | null {
    const entryBytes = wide ? 32 : 16;
    const base = memory.allocate(ENTRIES * entryBytes);
    const status = memory.allocate(8);
    if (base === null || status === null) return null;
    registers.write("IQT", 0n);
    registers.writeFields("IQA", { IQA: base, QS: Math.log2((ENTRIES * entryBytes) / PAGE), DW: wide ? 1 : 0 });
    const ring = { base, entries: ENTRIES, entryBytes, head: "IQH", tail: "IQT" };
    return new InvalidationQueue(registers, memory, new RingProducer(registers, memory, ring), status);
  }

  /** Queue descriptors; the unit sees them with the next {@link publish}. */
  issue(...descriptors: readonly Descriptor[]): void {
    for (const { name, fields } of descriptors) this.#ring.put(encodeDescriptor(name, fields), name);
  }

  /** Tell the unit of the descriptors written so far. */
  publish(): void {
    this.#ring.publish();
  }

  /** Wait until the descriptors so far are complete. @returns false when the unit refused one, or does not go on */
  sync(): boolean {
    return this.#memory.notes.during("sync", "wait for the invalidation queue", () => {
      this.#memory.write(this.#status, 0, 0, "wait status");
      this.issue(this.#wait);
      this.publish();
      if (this.#done()) return true;
      for (let left = ENTRIES; left > 0 && this.#mend() && !this.#done(); left--);
      return false;
    });
  }

  get #wait(): Descriptor {
    return { name: WAIT, fields: { SW: 1, STDATA: DONE, STADDR: this.#status } };
  }

  #done(): boolean {
    this.#memory.read(this.#status);
    return this.#memory.lo === DONE;
  }

  /**
   * Have the unit go on behind an error: a descriptor that it refused becomes a wait, and is lost.
   * CHOICE(invalidation-timeout): a device that did not answer is given up; Linux asks again as long as it is there.
   * @returns false where there is no error
   */
  #mend(): boolean {
    const { IQE, ICE, ITE } = this.#registers.fields("FSTS", "IQE", "ICE", "ITE");
    if ((IQE | ICE | ITE) === 0) return false;
    if (IQE === 1) this.#ring.replace(this.#ring.head(), encodeDescriptor(WAIT, this.#wait.fields), WAIT);
    // Cleared by writing ones (§11.4).
    this.#registers.writeFields("FSTS", { IQE, ICE, ITE });
    // The wait was given up together with what timed out.
    if (ITE === 1) this.issue(this.#wait);
    this.publish();
    return true;
  }
}
