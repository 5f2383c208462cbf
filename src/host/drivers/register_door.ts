/** Registers of an IOMMU by name: all that a driver reaches of it besides memory. */

import { encodeFields, type FieldNumbers } from "../../base/encode.ts";
import { high, low } from "../../base/halves.ts";
import type { FieldAccess, Layout } from "../../base/layout.ts";

/** Pages of registers. */
export interface RegisterPages {
  /** Where a register is; null for a name that there is not. */
  register(name: string): { readonly offset: number; readonly width: 4 | 8 } | null;
  read(offset: number, width: 4 | 8): bigint;
  write(offset: number, value: bigint, width: 4 | 8): void;
}

export class RegisterDoor {
  readonly #pages: RegisterPages;
  readonly #layoutOf: (name: string) => Layout | undefined;

  /** @param layoutOf gives the declared layout of a register */
  constructor(pages: RegisterPages, layoutOf: (name: string) => Layout | undefined) {
    this.#pages = pages;
    this.#layoutOf = layoutOf;
  }

  read(name: string): bigint {
    const place = this.#place(name);
    return this.#pages.read(place.offset, place.width);
  }

  write(name: string, value: bigint): void {
    const place = this.#place(name);
    this.#pages.write(place.offset, value, place.width);
  }

  /** A field of at most 32 bits. */
  field(name: string, fieldName: string): number {
    return fieldOf(this.#layout(name), this.read(name), fieldName);
  }

  /** Write a register put together from fields, the others zero. */
  writeFields(name: string, fields: FieldNumbers): void {
    const words = encodeFields(this.#layout(name), fields);
    this.write(name, (BigInt(words[1] ?? 0) << 32n) | BigInt(words[0]!));
  }

  #place(name: string): { readonly offset: number; readonly width: 4 | 8 } {
    const place = this.#pages.register(name);
    if (place === null) throw new Error(`no register ${name}`);
    return place;
  }

  #layout(name: string): Layout {
    const layout = this.#layoutOf(name);
    if (layout === undefined) throw new Error(`no layout of ${name}`);
    return layout;
  }
}

/** A field of at most 32 bits of a register's value. */
function fieldOf(layout: Layout, value: bigint, name: string): number {
  const words = Uint32Array.of(low(value), high(value));
  return (layout.f as Readonly<Record<string, FieldAccess>>)[name]!.get(words, 0);
}
