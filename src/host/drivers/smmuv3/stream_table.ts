/**
 * The kernel's Stream table and the order in which it changes an entry. IHI 0070 §5.1, §5.2, §3.21.3; the order is that
 * of Linux 7.2, drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c (arm_smmu_write_entry).
 *
 * An entry is changed without a gap where one 64-bit word holds every bit that differs and that cannot be written before
 * because the old entry uses it; otherwise through an invalid entry.
 */
import { L1STD, STE } from "../../../arch/smmuv3/ste.ts";
import { encodeFields, type FieldNumbers } from "../../../base/encode.ts";
import type { OwnMemory } from "../../../kernel/own_memory.ts";
import type { KernelRegisters } from "../../../kernel/registers.ts";

const STE_BYTES = STE.bits / 8;
const STE_WORDS = STE.bits / 32;
const L1STD_BYTES = L1STD.bits / 8;
/** StreamID bits that index the second level. */
const SPLIT = 8;
/** Most StreamID bits that index the first level: 1 MiB. */
const LEVEL_1_BITS = 17;
/** Most StreamID bits of a linear table. */
const LINEAR_BITS = 10;

const ALL = 0xffffffff;
const fieldsMask = (names: readonly string[]): Uint32Array =>
  encodeFields(STE, Object.fromEntries(names.map((name) => [name, maskOf(name)])));

/** A value with every bit of a field set; addresses in place. */
function maskOf(name: string): number {
  const d = STE.fields.find((f) => f.name === name)!;
  const width = d.hi - d.lo + 1;
  return d.form === "address" ? (2 ** width - 1) * 2 ** (d.lo & 63) : 2 ** width - 1;
}

const USED_ALWAYS = fieldsMask(["V"]);
const USED_VALID = fieldsMask(["Config"]);
const USED_BYPASS = fieldsMask(["SHCFG"]);
const USED_STAGE_1 = fieldsMask([
  "S1Fmt",
  "S1ContextPtr",
  "S1CDMax",
  "S1DSS",
  "S1CIR",
  "S1COR",
  "S1CSH",
  "S1STALLD",
  "STRW",
  "EATS",
  "MEV",
  "SHCFG",
]);
const USED_STAGE_2 = fieldsMask(["EATS", "SHCFG", "S2FWB", "S2VMID"]);

const STAGE_1 = 1;
const STAGE_2 = 2;
const TRANSLATES = 4;

/** Bits of an entry that the SMMU looks at. */
function usedBits(ste: Uint32Array): Uint32Array {
  const used = USED_ALWAYS.slice();
  const also = (mask: Uint32Array): void => {
    for (let i = 0; i < STE_WORDS; i++) used[i]! |= mask[i]!;
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
    used.fill(ALL, 4, 8);
  }
  return used;
}

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
    const bits = registers.field("SMMU_IDR1", "SIDSIZE");
    const twoLevels = registers.field("SMMU_IDR0", "ST_LEVEL") === 1 && bits > SPLIT;
    const log2Size = Math.min(bits, twoLevels ? LEVEL_1_BITS + SPLIT : LINEAR_BITS);
    const base = memory.allocate(twoLevels ? L1STD_BYTES * 2 ** (log2Size - SPLIT) : STE_BYTES * 2 ** log2Size);
    if (base === null) return null;
    registers.writeFields("SMMU_STRTAB_BASE", { ADDR: base, RA: 1 });
    registers.writeFields("SMMU_STRTAB_BASE_CFG", { LOG2SIZE: log2Size, ...(twoLevels ? { FMT: 1, SPLIT } : {}) });
    return new StreamTable(memory, twoLevels, log2Size, base);
  }

  /** Where the entry of a stream stands; null where the table has none. The second level is made as needed. */
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
   * Put an entry in the place of what is there.
   * @param sync makes the SMMU see the entry as it is now, before the next step
   */
  replace(at: number, fields: FieldNumbers, sync: () => void): void {
    const target = encodeFields(STE, fields);
    const now = this.#memory.readWords(at, STE);
    const [usedNow, usedThen] = [usedBits(now), usedBits(target)];
    // Bits nobody looks at yet come first, then the one word that matters, then what is no longer looked at goes.
    const ready = target.map((word, i) => (word & ~usedNow[i]!) | (now[i]! & usedNow[i]!));
    const critical = differingWords(ready, target, usedThen);
    if (critical.length <= 1) {
      this.#write(at, now, ready, sync);
      const switched = ready.map((word, i) => (critical.includes(i >>> 1) ? target[i]! : word));
      this.#write(at, ready, switched, sync);
      this.#write(at, switched, target, sync);
      return;
    }
    const invalid = now.map((word, i) => (i < 2 ? 0 : word));
    this.#write(at, now, invalid, sync);
    const filled = target.map((word, i) => (i < 2 ? 0 : word));
    this.#write(at, invalid, filled, sync);
    this.#write(at, filled, target, sync);
  }

  #write(at: number, from: Uint32Array, to: Uint32Array, sync: () => void): void {
    let changed = false;
    for (let i = 0; i < STE_WORDS; i += 2) {
      if (from[i] === to[i] && from[i + 1] === to[i + 1]) continue;
      this.#memory.write(at + 4 * i, to[i + 1]!, to[i]!);
      changed = true;
    }
    if (changed) sync();
  }
}

/** 64-bit words in which a bit that the target uses is not yet as it will be. */
function differingWords(ready: Uint32Array, target: Uint32Array, used: Uint32Array): number[] {
  const words: number[] = [];
  for (let i = 0; i < STE_WORDS; i += 2) {
    const differs = ((ready[i]! ^ target[i]!) & used[i]!) | ((ready[i + 1]! ^ target[i + 1]!) & used[i + 1]!);
    if (differs !== 0) words.push(i >>> 1);
  }
  return words;
}
