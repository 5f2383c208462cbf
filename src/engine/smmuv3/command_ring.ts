/**
 * Commands in a circular buffer in memory, read and carried out in order (IHI 0070 §3.5.1, §4.1.2): what the Command
 * queue and the enhanced ones have in common.
 */
import { MemoryStatus, type PhysicalMemory } from "../memory/physical_memory.ts";
import { Cerror } from "./commands/command.ts";
import { COMMAND_WORDS_LG2, type CommandProcessor } from "./commands/processor.ts";

/** In place of a {@link Cerror}: the command lies in memory that the session does not hold. */
const WAIT = -1;

/** log2 of the bytes of a command. */
const BYTES_LG2 = COMMAND_WORDS_LG2 + 2;
const PAGE_BYTES = 4096;
/** Bits [55:32] of an address. */
const ADDRESS_HI = 0x00ffffff;

export class CommandRing {
  /** Why the last {@link consume} stopped before the end: a {@link Cerror} or {@link WAIT}; NONE where it did not. */
  error: number = Cerror.NONE;
  readonly #memory: PhysicalMemory;
  readonly #processor: CommandProcessor;
  readonly #command = new Int32Array(1 << COMMAND_WORDS_LG2);

  constructor(memory: PhysicalMemory, processor: CommandProcessor) {
    this.#memory = memory;
    this.#processor = processor;
  }

  /**
   * Carry out commands from one index up to another, wrap flags included, until one fails or has to be waited for.
   * @param baseHi and `baseLo`: the base register; bits that are no address are left out, and the size aligns it
   * @param sizeLg2 log2 of the entries, at most MAX_QUEUE_LG2
   * @param most how many to carry out at most
   * @returns the index after the last command that was carried out
   */
  consume(baseHi: number, baseLo: number, sizeLg2: number, from: number, to: number, most = Infinity): number {
    this.error = Cerror.NONE;
    const wrapMask = (2 << sizeLg2) - 1;
    let index = from & wrapMask;
    const waiting = (to - index) & wrapMask;
    // CHOICE(inconsistent-indexes): nothing is consumed while the indexes are inconsistent (§3.5.1 allows it).
    if (waiting > 1 << sizeLg2) return index;
    const end = (index + Math.min(waiting, most)) & wrapMask;
    const hi = baseHi & ADDRESS_HI;
    const base = baseLo & (-1 << Math.max(5, sizeLg2 + BYTES_LG2));
    while (index !== end && this.error === Cerror.NONE) {
      const slot = index & (wrapMask >>> 1);
      const lo = (base + (slot << BYTES_LG2)) | 0;
      const frame = this.#memory.wholeFrame(hi, lo);
      // Many commands lie in one page: the page is looked up once for as many as there are.
      const inPage = (lo & (PAGE_BYTES - 1)) >>> BYTES_LG2;
      const alike = Math.min((PAGE_BYTES >>> BYTES_LG2) - inPage, (1 << sizeLg2) - slot);
      const done =
        frame === 0
          ? this.#single(hi, lo)
          : this.#run((frame << 10) + (inPage << COMMAND_WORDS_LG2), Math.min((end - index) & wrapMask, alike));
      index = (index + done) & wrapMask;
    }
    return index;
  }

  /** Carry out up to `count` commands that lie in one page. @returns how many */
  #run(first: number, count: number): number {
    const done = this.#processor.run(this.#memory, first, count);
    this.error = this.#processor.error;
    return done;
  }

  /** One command in a page that is not wholly known. @returns 1, or 0 where it failed or has to be waited for */
  #single(hi: number, lo: number): number {
    const command = this.#command;
    for (let word = 0; word < command.length; word += 2) {
      const status = this.#memory.read64(hi, (lo + 4 * word) >>> 0);
      if (status !== MemoryStatus.Ok) {
        this.error = status === MemoryStatus.Abort ? Cerror.ABT : WAIT;
        return 0;
      }
      command[word] = this.#memory.lo;
      command[word + 1] = this.#memory.hi;
    }
    this.error = this.#processor.execute(command, 0);
    return this.error === Cerror.NONE ? 1 : 0;
  }
}
