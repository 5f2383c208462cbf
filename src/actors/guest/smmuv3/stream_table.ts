/**
 * A kernel's Stream table: two levels where the SMMU offers them, else linear; and its STEs. IHI 0070 §5.1, §5.2, §3.21.3.
 */
import { L1STD, STE } from "../../../arch/smmuv3/ste.ts";
import { encodeFields, type FieldNumbers } from "../../../base/encode.ts";
import type { OwnMemory } from "../../../kernel/own_memory.ts";
import type { KernelRegisters } from "../../../kernel/registers.ts";

/** StreamID bits that index the second level: tables of 256 STEs, 16 KiB. */
const SPLIT = 8;
const STE_BYTES = STE.bits / 8;
const L1STD_BYTES = L1STD.bits / 8;
/** Most first-level entries: log2; wider StreamIDs are out of reach, as in Linux. */
const MOST_L1_LG2 = 17;
/** Most StreamID bits of a linear table here: 64 KiB of STEs. */
const LINEAR_BITS = 10;

export class StreamTable {
  readonly #memory: OwnMemory;
  readonly #twoLevels: boolean;
  readonly #log2Size: number;
  readonly #base: number;
  readonly #leaves = new Map<number, number>();

  private constructor(memory: OwnMemory, twoLevels: boolean, log2Size: number, base: number) {
    this.#memory = memory;
    this.#twoLevels = twoLevels;
    this.#log2Size = log2Size;
    this.#base = base;
  }

  /** Make the table that the SMMU's registers call for and tell the SMMU. @returns null without memory */
  static make(memory: OwnMemory, registers: KernelRegisters): StreamTable | null {
    const bits = registers.field("IDR1", "SIDSIZE");
    const twoLevels = registers.field("IDR0", "ST_LEVEL") === 1 && bits > SPLIT;
    const log2Size = Math.min(bits, twoLevels ? SPLIT + MOST_L1_LG2 : LINEAR_BITS);
    const bytes = twoLevels ? L1STD_BYTES * 2 ** (log2Size - SPLIT) : STE_BYTES * 2 ** log2Size;
    const base = memory.allocate(bytes);
    if (base === null) return null;
    registers.writeFields("STRTAB_BASE", { ADDR: base, RA: 1 });
    registers.writeFields("STRTAB_BASE_CFG", { LOG2SIZE: log2Size, ...(twoLevels ? { FMT: 1, SPLIT } : {}) });
    return new StreamTable(memory, twoLevels, log2Size, base);
  }

  /** Where the STE of a stream stands; null where the table cannot have one. The second level is made as needed. */
  place(sid: number): number | null {
    if (sid >= 2 ** this.#log2Size) return null;
    if (!this.#twoLevels) return this.#base + STE_BYTES * sid;
    const index = Math.floor(sid / 2 ** SPLIT);
    let leaf = this.#leaves.get(index);
    if (leaf === undefined) {
      const made = this.#memory.allocate(STE_BYTES * 2 ** SPLIT);
      if (made === null) return null;
      leaf = made;
      this.#leaves.set(index, leaf);
      const words = encodeFields(L1STD, { Span: SPLIT + 1, L2Ptr: leaf });
      this.#memory.writeWords(this.#base + L1STD_BYTES * index, words, "L1STD");
    }
    return leaf + STE_BYTES * (sid % 2 ** SPLIT);
  }

  /**
   * Put a new STE in the place of what is there, through an invalid one where it was valid.
   * @param invalidate told after each write that the SMMU must not miss
   */
  replace(at: number, fields: FieldNumbers, invalidate: () => void): void {
    const words = encodeFields(STE, fields);
    if ((this.#memory.readWords(at, STE)[0]! & 1) === 1) {
      this.#memory.update(at, STE, { V: 0 }, "STE");
      invalidate();
    }
    this.#memory.writeWords(at, words, "STE");
    invalidate();
  }
}
