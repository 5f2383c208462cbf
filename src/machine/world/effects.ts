/**
 * What software wrote to memory and registers during an action, in order: enough to do the action again without the
 * software. Hardware's own writes are left out, as they follow from the others.
 *
 * Effects are runs of 32-bit words, packed into pages that the effects of many actions share. Each starts with a word
 * that says what it is, a second with the low half of an address, then:
 * - a word of memory: its high and low half;
 * - a run of bytes: their number, then the bytes, filled up to whole words;
 * - a register: the high and low half of what was written.
 */
import { fromHalves, highHalf, lowHalf } from "../../base/address.ts";
import { high, join, low } from "../../base/halves.ts";
import type { MemoryTap } from "../../engine/memory/physical_memory.ts";
import type { RegisterPages } from "../../kernel/platform.ts";
import type { Machine } from "../machine.ts";
import type { RegisterBlock } from "../unit.ts";

/** The effects of one action: `words[from]` up to `words[to]`. */
export interface Effects {
  readonly words: Int32Array<ArrayBuffer>;
  readonly from: number;
  readonly to: number;
}

/** Bits [31:28] of the first word. */
const What = { Word: 0, Run: 1, Register: 2 } as const;
const WHAT_AT = 28;
/** Of a register: 64 bits are written; the block it is of, 0 for the unit's own. */
const WIDE = 1 << 27;
const BLOCK_AT = 20;
const BLOCKS = 0x7f;
/** Of memory: bits [51:32] of the address. */
const HIGH = 0xfffff;

/** Words of a page. */
const PAGE = 1 << 14;

/** An action without effects. */
export const NO_EFFECTS: Effects = { words: new Int32Array(0), from: 0, to: 0 };

export class EffectRecorder implements MemoryTap {
  readonly #machine: Machine;
  #page = new Int32Array(PAGE);
  #from = 0;
  #to = 0;

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  /** Let software act, and note what it writes. */
  record(act: () => void): Effects {
    this.#from = this.#to;
    const { memory } = this.#machine;
    memory.tap = this;
    try {
      act();
    } finally {
      memory.tap = null;
    }
    return this.#from === this.#to ? NO_EFFECTS : { words: this.#page, from: this.#from, to: this.#to };
  }

  /**
   * Write a register for software: what the hardware does about it is the hardware's.
   * @param block of registers besides the unit's own; null for those
   */
  writeRegister(offset: number, value: bigint, width: 4 | 8, block: string | null = null): void {
    const { memory, unit } = this.#machine;
    const noting = memory.tap;
    const number = block === null ? 0 : 1 + Object.keys(unit.blocks ?? {}).indexOf(block);
    if (noting !== null) {
      const head = (What.Register << WHAT_AT) | (width === 8 ? WIDE : 0) | (number << BLOCK_AT);
      this.#put(head, offset, high(value), low(value));
    }
    memory.tap = null;
    try {
      blockOf(this.#machine, number)?.write(offset, value, width);
    } finally {
      memory.tap = noting;
    }
  }

  word(at: number, hi: number, lo: number): void {
    this.#put((What.Word << WHAT_AT) | highHalf(at), lowHalf(at), hi, lo);
  }

  run(at: number, bytes: Uint8Array): void {
    const words = Math.ceil(bytes.length / 4);
    this.#reserve(3 + words);
    this.#page[this.#to++] = (What.Run << WHAT_AT) | highHalf(at);
    this.#page[this.#to++] = lowHalf(at);
    this.#page[this.#to++] = bytes.length;
    new Uint8Array(this.#page.buffer).set(bytes, 4 * this.#to);
    this.#to += words;
  }

  #put(head: number, at: number, hi: number, lo: number): void {
    this.#reserve(4);
    const page = this.#page;
    page[this.#to++] = head;
    page[this.#to++] = at;
    page[this.#to++] = hi;
    page[this.#to++] = lo;
  }

  /** Make room; what does not fit takes what its action has written so far to a page of its own. */
  #reserve(words: number): void {
    if (this.#to + words <= this.#page.length) return;
    const written = this.#page.subarray(this.#from, this.#to);
    this.#page = new Int32Array(Math.max(PAGE, 2 * (written.length + words)));
    this.#page.set(written);
    this.#from = 0;
    this.#to = written.length;
  }
}

/** Registers of a block as software reaches them, null for the unit's own; null where there is none. */
export function registerPages({ unit }: Machine, recorder: EffectRecorder, block: string | null): RegisterPages | null {
  const pages = block === null ? unit : unit.blocks?.[block];
  if (pages === undefined) return null;
  return {
    read: (offset, width) => pages.read(offset, width),
    write: (offset, value, width) => recorder.writeRegister(offset, value, width, block),
  };
}

/** A block of registers by its place among the unit's, from 1; 0 for the unit's own. */
const blockOf = ({ unit }: Machine, number: number): RegisterBlock | undefined =>
  number === 0 ? unit : Object.values(unit.blocks ?? {})[number - 1];

/** Told of what software wrote, in order. */
interface EffectReader extends MemoryTap {
  /** @param block as in {@link blockOf} */
  register(block: number, offset: number, value: bigint, width: 4 | 8): void;
}

function readEffects({ words, from, to }: Effects, reader: EffectReader): void {
  for (let i = from; i < to; ) {
    const [head, lo, first] = [words[i]!, words[i + 1]!, words[i + 2]!];
    const what = head >>> WHAT_AT;
    i += 3;
    if (what === What.Word) reader.word(fromHalves(head & HIGH, lo), first, words[i++]!);
    else if (what === What.Register) {
      reader.register((head >>> BLOCK_AT) & BLOCKS, lo, join(first, words[i++]!), (head & WIDE) === 0 ? 4 : 8);
    } else {
      reader.run(fromHalves(head & HIGH, lo), new Uint8Array(words.buffer, 4 * i, first));
      i += Math.ceil(first / 4);
    }
  }
}

/** Do again what software did. */
export function replay(machine: Machine, effects: Effects): void {
  const { memory } = machine;
  readEffects(effects, {
    word: (at, hi, lo) => void memory.write64(highHalf(at), lowHalf(at), hi, lo),
    run: (at, bytes) => void memory.writeBytes(at, bytes),
    register: (block, offset, value, width) => blockOf(machine, block)?.write(offset, value, width),
  });
}

/** Tell a tap of the memory that software wrote. */
export const tellWrites = (effects: Effects, tap: MemoryTap): void =>
  readEffects(effects, { word: (...word) => tap.word(...word), run: (...run) => tap.run(...run), register: () => {} });
