/**
 * Registers of an IOMMU by name, as a kernel reads and writes them, each access noted.
 */

import { encodeFields, type FieldNumbers, setFields } from "../base/encode.ts";
import { high, join, low } from "../base/halves.ts";
import type { FieldAccess, Layout, Words } from "../base/layout.ts";
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
  /** The register that fields are taken from. */
  readonly #words = new Uint32Array(2);

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

  /** Change fields of a register, the others staying as they are read. */
  update(name: string, fields: FieldNumbers): void {
    const value = this.read(name);
    const words = Uint32Array.of(low(value), high(value));
    setFields(this.#known(name).layout, words, fields);
    this.write(name, join(words[1]!, words[0]!));
  }

  /** Read a register's fields of at most 32 bits: one access, however many are asked for. */
  fields<const Name extends string>(register: string, ...names: readonly Name[]): Readonly<Record<Name, number>> {
    const words = this.#take(register);
    const values: Record<string, number> = {};
    for (const name of names) values[name] = this.#access(register, name).get(words, 0);
    return values as Record<Name, number>;
  }

  /** Reader of fields of registers that never change: each register is read once, when it is first asked for. */
  constant(): (register: string, name: string) => number {
    const values = new Map<string, Words>();
    return (register, name) => {
      const words = values.get(register) ?? wordsOf(this.read(register));
      values.set(register, words);
      return this.#access(register, name).get(words, 0);
    };
  }

  /** Read one field of at most 32 bits. */
  field(register: string, name: string): number {
    return this.#access(register, name).get(this.#take(register), 0);
  }

  /** Read a register into {@link #words}. */
  #take(register: string): Words {
    const value = this.read(register);
    this.#words[0] = low(value);
    this.#words[1] = high(value);
    return this.#words;
  }

  #access(register: string, name: string): FieldAccess {
    return (this.#known(register).layout.f as Readonly<Record<string, FieldAccess>>)[name]!;
  }

  #note(name: string, offset: number, value: bigint): void {
    this.#notes.note("register read", name, offset, high(value), low(value));
  }

  #write(name: string, offset: number, value: bigint, width: 4 | 8): void {
    const act = () => this.#pages.write(offset, value, width);
    this.#notes.during("register write", name, act, offset, high(value), low(value));
  }

  #known(name: string): KnownRegister {
    const found = this.#found.get(name);
    if (found !== undefined) return found;
    const known = this.#find(name);
    if (known === undefined) throw new Error(`no register ${name}`);
    this.#found.set(name, known);
    return known;
  }
}

const wordsOf = (value: bigint): Words => Uint32Array.of(low(value), high(value));
