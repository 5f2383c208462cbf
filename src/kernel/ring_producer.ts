/** The writing end of a ring in memory whose indexes are byte offsets from its base; one entry always stays free. */
import type { OwnMemory } from "./own_memory.ts";
import type { KernelRegisters } from "./registers.ts";

/** A ring: where it lies, and the registers of its indexes. */
interface Ring {
  readonly base: number;
  readonly entries: number;
  readonly entryBytes: number;
  readonly head: string;
  readonly tail: string;
}

export class RingProducer {
  readonly #registers: KernelRegisters;
  readonly #memory: OwnMemory;
  readonly #ring: Ring;
  readonly #bytes: number;
  #tail = 0;
  #published = 0;
  /** Where the reader was when it was last looked for. */
  #head = 0;

  /** The ring is empty, both its indexes 0. */
  constructor(registers: KernelRegisters, memory: OwnMemory, ring: Ring) {
    this.#registers = registers;
    this.#memory = memory;
    this.#ring = ring;
    this.#bytes = ring.entries * ring.entryBytes;
  }

  /**
   * Write an entry; hardware sees it with the next {@link publish}. A full ring is published and looked at again; while
   * nobody reads it, the entry is lost.
   */
  put(words: Uint32Array, about: string): void {
    const next = (this.#tail + this.#ring.entryBytes) % this.#bytes;
    if (next === this.#head) {
      this.publish();
      this.#head = this.head();
    }
    if (next === this.#head) return;
    const at = this.#tail;
    this.#memory.notes.during("command", about, () => this.replace(at, words, about));
    this.#tail = next;
  }

  /** Write over an entry, by its offset. */
  replace(offset: number, words: Uint32Array, about: string): void {
    const count = this.#ring.entryBytes / 4;
    const entry = words.length === count ? words : words.subarray(0, count);
    this.#memory.writeWords(this.#ring.base + offset, entry, about);
  }

  /** Tell hardware of the entries written so far. */
  publish(): void {
    if (this.#published === this.#tail) return;
    this.#published = this.#tail;
    this.#registers.write(this.#ring.tail, BigInt(this.#tail));
  }

  /** Where the reader is, within the ring. */
  head(): number {
    const { entryBytes, head } = this.#ring;
    return Math.floor((Number(this.#registers.read(head)) % this.#bytes) / entryBytes) * entryBytes;
  }
}
