/**
 * A kernel's own memory: pages for tables, queues and structures, zeroed when they are handed out. Each write is noted.
 */
import { encodeFields, type FieldNumbers, setFields } from "../base/encode.ts";
import type { Layout } from "../base/layout.ts";
import type { TableStore } from "../pagetable/build.ts";
import { type Notes, UNNOTED } from "./notes.ts";
import type { PageAllocator } from "./page_allocator.ts";
import type { KernelMemory } from "./platform.ts";

export class OwnMemory implements TableStore {
  hi = 0;
  lo = 0;
  readonly pages: PageAllocator;
  /** Takes note of what the kernel that this memory is of does. */
  readonly notes: Notes;
  readonly #memory: KernelMemory;

  constructor(memory: KernelMemory, pages: PageAllocator, notes: Notes = UNNOTED) {
    this.#memory = memory;
    this.pages = pages;
    this.notes = notes;
  }

  /** The same memory for a part of the kernel whose deeds are noted in a way of their own. */
  noted(notes: Notes): OwnMemory {
    return new OwnMemory(this.#memory, this.pages, notes);
  }

  /** Zeroed memory of at least `bytes` bytes, aligned to its size. @returns null when there is none left */
  allocate(bytes: number): number | null {
    const at = this.pages.allocate(bytes);
    if (at === null) return null;
    const memory = this.#memory;
    // Pages come back as they were left; a kernel hands them out zeroed.
    if (memory.isZero(at, bytes)) return at;
    for (let word = at; word < at + bytes; word += 8) {
      memory.read(word);
      if ((memory.hi | memory.lo) !== 0) memory.write(word, 0, 0);
    }
    return at;
  }

  release(at: number, bytes: number): void {
    this.pages.release(at, bytes);
  }

  read(at: number): void {
    this.#memory.read(at);
    this.hi = this.#memory.hi;
    this.lo = this.#memory.lo;
  }

  isZero(at: number, bytes: number): boolean {
    return this.#memory.isZero(at, bytes);
  }

  write(at: number, hi: number, lo: number, about = "table entry"): void {
    this.notes.note("memory write", about, at, hi, lo);
    this.#memory.write(at, hi, lo);
  }

  /** The 32-bit words of a structure. */
  readWords(at: number, layout: Layout): Uint32Array {
    const words = new Uint32Array(layout.bits / 32);
    for (let i = 0; i < words.length; i += 2) {
      this.read(at + 4 * i);
      [words[i], words[i + 1]] = [this.lo, this.hi];
    }
    return words;
  }

  /** Write a structure's words, 64 bits at a time, from the highest to the lowest: the first word says it is valid. */
  writeWords(at: number, words: Uint32Array, about: string): void {
    for (let i = words.length - 2; i >= 0; i -= 2) this.write(at + 4 * i, words[i + 1]!, words[i]!, about);
  }

  /** Write the same structure `count` times, one behind the other, as one deed. */
  fill(at: number, layout: Layout, fields: FieldNumbers, count: number): void {
    const words = encodeFields(layout, fields);
    this.notes.during(
      "memory write",
      `${layout.name}, ${count} times`,
      () => {
        for (let i = 0; i < (count * words.length) / 2; i++) {
          const word = (2 * i) % words.length;
          this.#memory.write(at + 8 * i, words[word + 1]!, words[word]!);
        }
      },
      at,
    );
  }

  /** Write a structure put together from fields, the others zero, as {@link writeWords} does. */
  writeFields(at: number, layout: Layout, fields: FieldNumbers, about: string = layout.name): void {
    this.writeWords(at, encodeFields(layout, fields), about);
  }

  /** Change fields of a structure in place, writing only the 64-bit words that change. */
  update(at: number, layout: Layout, fields: FieldNumbers, about: string = layout.name): void {
    const before = this.readWords(at, layout);
    const after = before.slice();
    setFields(layout, after, fields);
    for (let i = after.length - 2; i >= 0; i -= 2) {
      if (after[i] === before[i] && after[i + 1] === before[i + 1]) continue;
      this.write(at + 4 * i, after[i + 1]!, after[i]!, about);
    }
  }
}
