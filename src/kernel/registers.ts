/**
 * Registers of an IOMMU by name, as a kernel reads and writes them, each access noted.
 */

import { encodeFields, type FieldNumbers } from "../base/encode.ts";
import { high, join, low } from "../base/halves.ts";
import type { FieldAccess, Layout } from "../base/layout.ts";
import type { Notes } from "./notes.ts";
import type { RegisterPages } from "./platform.ts";

/** Where a register is and what it looks like; 32 or 64 bits. */
export interface KnownRegister {
  readonly offset: number;
  readonly layout: Layout;
}

export class KernelRegisters {
  readonly #pages: RegisterPages;
  readonly #notes: Notes;
  readonly #find: (name: string) => KnownRegister | undefined;
  readonly #found = new Map<string, KnownRegister>();

  /** @param find a register by the specification's name */
  constructor(pages: RegisterPages, notes: Notes, find: (name: string) => KnownRegister | undefined) {
    this.#pages = pages;
    this.#notes = notes;
    this.#find = find;
  }

  read(name: string): bigint {
    const { offset, layout } = this.#known(name);
    const value = this.#pages.read(offset, layout.bits === 64 ? 8 : 4);
    this.#note(name, offset, value);
    return value;
  }

  write(name: string, value: bigint): void {
    const { offset, layout } = this.#known(name);
    this.#write(name, offset, value, layout.bits === 64 ? 8 : 4);
  }

  /** Read one 32-bit word of a register of any size. */
  readWord(name: string, word: number): bigint {
    const offset = this.#known(name).offset + 4 * word;
    const value = this.#pages.read(offset, 4);
    this.#note(name, offset, value);
    return value;
  }

  /** Write one 32-bit word of a register of any size. */
  writeWord(name: string, word: number, value: bigint): void {
    const offset = this.#known(name).offset + 4 * word;
    this.#write(name, offset, value, 4);
  }

  /** Write a register put together from fields, the others zero. */
  writeFields(name: string, fields: FieldNumbers): void {
    const words = encodeFields(this.#known(name).layout, fields);
    this.write(name, join(words[1] ?? 0, words[0]!));
  }

  /** Read a register's fields of at most 32 bits: one access, however many are asked for. */
  fields<const Name extends string>(register: string, ...names: readonly Name[]): Readonly<Record<Name, number>> {
    const value = this.read(register);
    const words = Uint32Array.of(low(value), high(value));
    const access = this.#known(register).layout.f as Readonly<Record<string, FieldAccess>>;
    return Object.fromEntries(names.map((name) => [name, access[name]!.get(words, 0)])) as Record<Name, number>;
  }

  /** Read one field of at most 32 bits. */
  field(register: string, name: string): number {
    return this.fields(register, name)[name]!;
  }

  #note(name: string, offset: number, value: bigint): void {
    this.#notes.note("register read", name, offset, high(value), low(value));
  }

  #write(name: string, offset: number, value: bigint, width: 4 | 8): void {
    const act = () => this.#pages.write(offset, value, width);
    this.#notes.during("register write", name, act, offset, high(value), low(value));
  }

  #known(name: string): KnownRegister {
    const known = this.#found.get(name) ?? this.#find(name);
    if (known === undefined) throw new Error(`no register ${name}`);
    this.#found.set(name, known);
    return known;
  }
}
