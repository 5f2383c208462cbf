/**
 * A kernel's Stream table: two levels where the SMMU offers them, else linear. IHI 0070 §5.1, §5.2.
 */
import { L1STD, STAGE_1_FIELDS, STE } from "../../arch/smmuv3/ste.ts";
import { encodeFields, type FieldNumbers } from "../../base/encode.ts";
import type { OwnMemory } from "../own_memory.ts";
import type { KernelRegisters } from "../registers.ts";
import { type EntryKind, fieldsMask, replaceEntry } from "./entry_writer.ts";

const STE_BYTES = STE.bits / 8;
const L1STD_BYTES = L1STD.bits / 8;
/** StreamID bits that index the second level: tables of 256 STEs, 16 KiB. */
const SPLIT = 8;
/** Most StreamID bits that index the first level: 1 MiB. Wider StreamIDs are out of reach, as in Linux. */
const LEVEL_1_BITS = 17;
/** Most StreamID bits of a linear table: 64 KiB of STEs. */
const LINEAR_BITS = 10;

const mask = (...names: string[]): Uint32Array => fieldsMask(STE, names);
const USED_ALWAYS = mask("V");
const USED_VALID = mask("Config");
const USED_BYPASS = mask("SHCFG", "PARTID", "PMG");
const USED_STAGE_1 = mask(...STAGE_1_FIELDS, "S1MPAM", "STRW", "EATS", "MEV", "SHCFG");
const USED_STAGE_2 = mask("EATS", "SHCFG", "S2FWB", "S2VMID", "VMSPtr");

/** Bits of Config. */
const STAGE_1 = 1;
const STAGE_2 = 2;
const TRANSLATES = 4;

const ENTRY: EntryKind = {
  layout: STE,
  usedBits(ste) {
    const used = USED_ALWAYS.slice();
    const also = (bits: Uint32Array): void => {
      for (let i = 0; i < used.length; i++) used[i]! |= bits[i]!;
    };
    if (STE.f.V.get(ste, 0) === 0) return used;
    also(USED_VALID);
    const config = STE.f.Config.get(ste, 0);
    if ((config & TRANSLATES) === 0) return used;
    also(USED_BYPASS);
    if ((config & STAGE_1) !== 0) also(USED_STAGE_1);
    if ((config & STAGE_2) !== 0) {
      also(USED_STAGE_2);
      // The words of stage 2 are used as a whole.
      used.fill(0xffffffff, 4, 8);
    }
    return used;
  },
};

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
  static make(registers: KernelRegisters, memory: OwnMemory): StreamTable | null {
    const bits = registers.field("IDR1", "SIDSIZE");
    const twoLevels = registers.field("IDR0", "ST_LEVEL") === 1 && bits > SPLIT;
    const log2Size = Math.min(bits, twoLevels ? LEVEL_1_BITS + SPLIT : LINEAR_BITS);
    const base = memory.allocate(twoLevels ? L1STD_BYTES * 2 ** (log2Size - SPLIT) : STE_BYTES * 2 ** log2Size);
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
      this.#memory.writeFields(this.#base + L1STD_BYTES * index, L1STD, { Span: SPLIT + 1, L2Ptr: leaf });
    }
    return leaf + STE_BYTES * (sid % 2 ** SPLIT);
  }

  /**
   * Put an STE in the place of what is there.
   * @param sync makes the SMMU see the entry as it is now, before the next step
   */
  replace(at: number, fields: FieldNumbers, sync: () => void): void {
    replaceEntry(this.#memory, at, ENTRY, encodeFields(STE, fields), sync);
  }
}
