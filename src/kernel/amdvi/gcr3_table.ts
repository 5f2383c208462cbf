/** A device's guest CR3 table of one level: PASIDs below 512. 48882 §2.2.6.3. */
import { gcr3Root } from "../../arch/amdvi/dte.ts";
import { GCR3_ENTRY } from "../../arch/amdvi/gcr3.ts";
import type { FieldNumbers } from "../../base/encode.ts";
import type { OwnMemory } from "../own_memory.ts";

/** PASIDs of such a table. */
export const GCR3_PASIDS = 512;
const ENTRY_BYTES = GCR3_ENTRY.bits / 8;
const BYTES = ENTRY_BYTES * GCR3_PASIDS;

export class Gcr3Table {
  readonly #memory: OwnMemory;
  readonly #base: number;

  private constructor(memory: OwnMemory, base: number) {
    this.#memory = memory;
    this.#base = base;
  }

  /** @returns null without memory */
  static make(memory: OwnMemory): Gcr3Table | null {
    const base = memory.allocate(BYTES);
    return base === null ? null : new Gcr3Table(memory, base);
  }

  /** Fields of a device table entry that lead to this table. */
  get root(): FieldNumbers {
    return gcr3Root(this.#base);
  }

  /** Send the requests of a PASID through tables; null takes them away. */
  set(pasid: number, root: number | null): void {
    const fields = root === null ? {} : { V: 1, Address: root };
    this.#memory.writeFields(this.#base + ENTRY_BYTES * pasid, GCR3_ENTRY, fields);
  }

  /** Give the table back; nothing leads to it. */
  release(): void {
    this.#memory.release(this.#base, BYTES);
  }
}
