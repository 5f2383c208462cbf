/**
 * A register file as a table: what software reads, what its writes change, and who is told (any architecture's).
 *
 * A register is a layout at an offset. What a write does to it is said by field: stored, cleared where 1 is written,
 * seen by nobody but the hook, or nothing at all; and fields may keep their value while another field is set. The table
 * is compiled into one rule for each 32-bit word, and only declared words take room. Which registers and fields an
 * implementation has is settled before: the table is made from its capabilities.
 */
import type { Digest } from "../../base/digest.ts";
import { type FieldAccess, type Layout, locate } from "../../base/layout.ts";

/** What a write by software does to the bits of a field. */
export type WriteEffect =
  /** Nothing: the bits are the hardware's. */
  | "RO"
  /** They take the value written. */
  | "RW"
  /** Those where 1 is written are cleared. */
  | "W1C"
  /** Only the hook sees them; they read as zero. */
  | "WO";

/** A field of a register, "PMEN.EPM". */
type FieldPath = `${string}.${string}`;

/** What is special about one field. */
export interface FieldRule {
  readonly write?: WriteEffect;
  /** Bits [31:0] of its value at reset; 0 where absent. */
  readonly reset?: number;
  /** Bits of the register from this one up do not exist in the field. */
  readonly below?: number;
  /** Writes change nothing while one of these fields of one bit is set. */
  readonly lockedBy?: readonly FieldPath[];
}

/** One register. */
export interface RegisterEntry {
  /** The specification's name. */
  readonly name: string;
  /** Byte offset, a multiple of 4. */
  readonly offset: number;
  /** A multiple of 32 bits. Reserved fields read as zero and ignore writes. */
  readonly layout: Layout;
  /** What a write does to fields that say nothing else. */
  readonly write: WriteEffect;
  readonly fields?: Readonly<Record<string, FieldRule>>;
  /** As {@link FieldRule.lockedBy}, for every field. */
  readonly lockedBy?: readonly FieldPath[];
}

/** One bit of a register: index of its word in {@link RegisterFile.words}, and a mask. */
export interface RegisterBit {
  readonly at: number;
  readonly mask: number;
}

/** A saved state; only meaningful to files made from the same table. */
export type RegisterImage = Uint32Array;

/** Told after a write by software; `written` is the word as it was written, fields that are not stored included. */
export type WriteHook = (written: number) => void;

const NOWHERE = -1;

export class RegisterFile {
  /** The declared words, in order of the table. Hardware reads and changes them in place. */
  readonly words: Uint32Array;
  readonly entries: readonly RegisterEntry[];
  /** Told the index of each word that software wrote, before the word's own hook. */
  readonly watchers: ((at: number) => void)[] = [];
  /** The value that {@link read} read. */
  hi = 0;
  lo = 0;
  readonly #first = new Map<string, { readonly at: number; readonly entry: RegisterEntry }>();
  /** Index of the word at each multiple of 4, or NOWHERE. */
  readonly #places: Int32Array;
  readonly #rules: WordRule[] = [];
  readonly #hooks: (WriteHook | null)[];
  readonly #reset: Uint32Array;

  /** @throws when two registers overlap or share a name, or a rule names what is not there: a mistake in the table */
  constructor(table: readonly RegisterEntry[]) {
    this.entries = table;
    const span = table.reduce((end, entry) => Math.max(end, entry.offset + entry.layout.bits / 8), 0);
    this.#places = new Int32Array(span / 4).fill(NOWHERE);
    let count = 0;
    for (const entry of table) {
      if (this.#first.has(entry.name)) throw new Error(`register ${entry.name} is declared twice`);
      this.#first.set(entry.name, { at: count, entry });
      for (let word = 0; word < entry.layout.bits / 32; word++) {
        const place = entry.offset / 4 + word;
        if (this.#places[place] !== NOWHERE) throw new Error(`register ${entry.name} overlaps another`);
        this.#places[place] = count++;
      }
    }
    this.words = new Uint32Array(count);
    for (const entry of table) {
      for (let word = 0; word < entry.layout.bits / 32; word++) this.#rules.push(this.#compile(entry, word));
      for (const [field, { reset = 0 }] of Object.entries(entry.fields ?? {})) this.set(entry.name, field, reset);
    }
    this.#hooks = this.#rules.map(() => null);
    this.#reset = this.words.slice();
  }

  /** Whether a register of this name is in the table. */
  has(name: string): boolean {
    return this.#first.has(name);
  }

  /** Index in {@link words} of a register's first word. */
  at(name: string): number {
    return this.#find(name).at;
  }

  /** Where a field of one bit is, for hot code. */
  bit(name: string, field: string): RegisterBit {
    const { at, entry } = this.#find(name);
    const { word, shift } = locate(entry.layout, field);
    return { at: at + word, mask: 1 << shift };
  }

  /** Bits [31:0] of a field. */
  get(name: string, field: string): number {
    const { at, entry } = this.#find(name);
    return access(entry, field).get(this.words, at);
  }

  /** Set a field as the hardware does, past what software may write. */
  set(name: string, field: string, lo: number, hi = 0): void {
    const { at, entry } = this.#find(name);
    access(entry, field).set(this.words, at, lo, hi);
  }

  /** Set the first 64 bits (or 32) of a register as the hardware does: capabilities, a captured state. */
  load(name: string, hi: number, lo: number): void {
    const { at, entry } = this.#find(name);
    this.words[at] = lo;
    if (entry.layout.bits > 32) this.words[at + 1] = hi;
    for (const changed of this.watchers) changed(at);
  }

  /** Call `hook` after each write by software to a word of a register; a word has one hook. */
  onWrite(name: string, word: number, hook: WriteHook): void {
    this.#hooks[this.at(name) + word] = hook;
  }

  /**
   * Read 4 or 8 bytes at a byte offset, into {@link hi} and {@link lo}. Where nothing is declared zeros are read.
   * CHOICE(illegal-access): other sizes, and offsets that are not a multiple of the size, read as zero.
   */
  read(offset: number, bytes: number): void {
    const legal = isLegal(offset, bytes);
    this.lo = legal ? this.#read32(offset) : 0;
    this.hi = legal && bytes === 8 ? this.#read32(offset + 4) : 0;
  }

  /**
   * Write 4 or 8 bytes. Of eight bytes both halves are stored, lower first, before any hook is told of either.
   * CHOICE(illegal-access): writes of other sizes, or not aligned to their size, are ignored.
   */
  write(offset: number, bytes: number, hi: number, lo: number): void {
    if (!isLegal(offset, bytes)) return;
    const first = this.#place(offset);
    const second = bytes === 8 ? this.#place(offset + 4) : NOWHERE;
    if (first !== NOWHERE) this.#store(first, lo);
    if (second !== NOWHERE) this.#store(second, hi);
    if (first !== NOWHERE) this.#hooks[first]?.(lo);
    if (second !== NOWHERE) this.#hooks[second]?.(hi);
  }

  /** Back to the values at reset; what {@link load} set is gone too. */
  reset(): void {
    this.restore(this.#reset);
  }

  snapshot(): RegisterImage {
    return this.words.slice();
  }

  restore(image: RegisterImage): void {
    this.words.set(image);
    for (let at = 0; at < image.length; at++) for (const changed of this.watchers) changed(at);
  }

  digest(into: Digest): void {
    into.words(this.words);
  }

  #read32(offset: number): number {
    const at = this.#place(offset);
    return at === NOWHERE ? 0 : this.words[at]!;
  }

  #place(offset: number): number {
    return this.#places[offset >>> 2] ?? NOWHERE;
  }

  #store(at: number, value: number): void {
    const { words } = this;
    const { stored, cleared, locks } = this.#rules[at]!;
    let open = -1;
    for (const lock of locks) if ((words[lock.at]! & lock.bit) !== 0) open &= ~lock.mask;
    const mask = stored & open;
    words[at] = ((words[at]! & ~mask) | (value & mask)) & ~(value & cleared & open);
    for (const changed of this.watchers) changed(at);
  }

  #find(name: string): { readonly at: number; readonly entry: RegisterEntry } {
    const found = this.#first.get(name);
    if (found === undefined) throw new Error(`no register ${name}`);
    return found;
  }

  #compile(entry: RegisterEntry, word: number): WordRule {
    let stored = 0;
    let cleared = 0;
    const locks: Lock[] = [];
    for (const { name, form, lo } of entry.layout.fields) {
      if (form === "reserved") continue;
      const rule = entry.fields?.[name] ?? {};
      const effect = rule.write ?? entry.write;
      const mask = maskOf(entry, name, word, rule.below === undefined ? 64 : rule.below - lo);
      if (effect === "RW") stored |= mask;
      if (effect === "W1C") cleared |= mask;
      if (mask === 0) continue;
      for (const path of [...(entry.lockedBy ?? []), ...(rule.lockedBy ?? [])]) {
        const [register, field] = path.split(".") as [string, string];
        const lock = this.bit(register, field);
        locks.push({ at: lock.at, bit: lock.mask, mask });
      }
    }
    return { stored, cleared, locks };
  }
}

/** What a write does to one word. */
interface WordRule {
  readonly stored: number;
  readonly cleared: number;
  readonly locks: readonly Lock[];
}

/** Bits of `mask` stay as they are while the word at `at` has `bit`. */
interface Lock {
  readonly at: number;
  readonly bit: number;
  readonly mask: number;
}

const isLegal = (offset: number, bytes: number): boolean =>
  (bytes === 4 || bytes === 8) && offset >= 0 && offset % bytes === 0;

function access(entry: RegisterEntry, field: string): FieldAccess {
  const found = (entry.layout.f as Readonly<Record<string, FieldAccess>>)[field];
  if (found === undefined) throw new Error(`no field ${entry.name}.${field}`);
  return found;
}

/** The low `bits` bits of a field, as a mask of one word of its register. */
function maskOf(entry: RegisterEntry, field: string, word: number, bits: number): number {
  const ones = (n: number): number => (n <= 0 ? 0 : n >= 32 ? 0xffffffff : 2 ** n - 1);
  const words = new Uint32Array(entry.layout.bits / 32);
  access(entry, field).set(words, 0, ones(bits), ones(bits - 32));
  return words[word]! | 0;
}
