/**
 * Registers of an SMMUv3 by name, each access noted.
 */
import { type RegisterDefinition, registerByName } from "../../../arch/smmuv3/registers.ts";
import { encodeFields, type FieldNumbers } from "../../../base/encode.ts";
import type { FieldAccess } from "../../../base/layout.ts";
import type { Journal } from "../../journal.ts";
import type { RegisterPages } from "../../platform.ts";

function definitionOf(name: string): RegisterDefinition {
  const definition = registerByName(name);
  if (definition === undefined) throw new Error(`no register ${name}`);
  return definition;
}

export class SmmuRegisters {
  readonly #pages: RegisterPages;
  readonly #journal: Journal;

  constructor(pages: RegisterPages, journal: Journal) {
    this.#pages = pages;
    this.#journal = journal;
  }

  read(name: string): bigint {
    const { offset, widthBytes } = definitionOf(name);
    const value = this.#pages.read(offset, widthBytes);
    this.#journal.note("guest", "register read", name, BigInt(offset), value);
    return value;
  }

  write(name: string, value: bigint): void {
    const { offset, widthBytes } = definitionOf(name);
    this.#journal.during(
      "guest",
      "register write",
      name,
      () => this.#pages.write(offset, value, widthBytes),
      BigInt(offset),
      value,
    );
  }

  /** Write a register put together from fields, the others zero. */
  writeFields(name: string, fields: FieldNumbers): void {
    const words = encodeFields(definitionOf(name).layout, fields);
    this.write(name, (BigInt(words[1] ?? 0) << 32n) | BigInt(words[0]!));
  }

  /** A field of at most 32 bits. */
  field(register: string, field: string): number {
    const value = this.read(register);
    const words = Uint32Array.of(Number(value & 0xffff_ffffn), Number(value >> 32n));
    const access = definitionOf(register).layout.f as Readonly<Record<string, FieldAccess>>;
    return access[field]!.get(words, 0);
  }
}
