/** A kernel's device table. 48882 §2.2.2; Linux 7.2, drivers/iommu/amd/init.c. */
import { DTE, DTE_BYTES } from "../../arch/amdvi/dte.ts";
import { encodeFields, type FieldNumbers } from "../../base/encode.ts";
import type { OwnMemory } from "../own_memory.ts";
import type { KernelRegisters } from "../registers.ts";

/** DeviceIDs of a PCI segment. */
const DEVICES = 0x10000;
const PAGE = 4096;

/** An entry that lets nothing pass; one with V at 0 lets everything pass. */
export const BLOCKED: FieldNumbers = { V: 1, TV: 1 };

export class DeviceTable {
  readonly #memory: OwnMemory;
  readonly #base: number;

  private constructor(memory: OwnMemory, base: number) {
    this.#memory = memory;
    this.#base = base;
  }

  /**
   * Make the table, every device blocked, and tell the IOMMU. CHOICE(amd-device-table): each of several IOMMUs has one, as
   * where each is of a PCI segment of its own; Linux has those of a segment share one.
   * @returns null without memory
   */
  static make(registers: KernelRegisters, memory: OwnMemory): DeviceTable | null {
    const base = memory.allocate(DEVICES * DTE_BYTES);
    if (base === null) return null;
    memory.fill(base, DTE, BLOCKED, DEVICES);
    registers.writeFields("DEVTAB_BASE", { DevTabBase: base, Size: (DEVICES * DTE_BYTES) / PAGE - 1 });
    return new DeviceTable(memory, base);
  }

  /** Words of a device's entry. */
  read(sid: number): Uint32Array {
    return this.#memory.readWords(this.#at(sid), DTE);
  }

  /** Write a device's entry, put together from fields. */
  write(sid: number, fields: FieldNumbers): void {
    this.writeWords(sid, encodeFields(DTE, fields));
  }

  /** Write a device's entry. */
  writeWords(sid: number, words: Uint32Array): void {
    this.#memory.writeWords(this.#at(sid), words, DTE.name);
  }

  #at(sid: number): number {
    return this.#base + DTE_BYTES * sid;
  }
}
