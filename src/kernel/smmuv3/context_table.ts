/**
 * The context descriptors of a stream: a linear table with one for each SubstreamID. IHI 0070 §5.4, §3.21.3.
 */
import { CD } from "../../arch/smmuv3/cd.ts";
import { encodeFields, type FieldNumbers } from "../../base/encode.ts";
import type { OwnMemory } from "../own_memory.ts";
import { type EntryKind, replaceEntry } from "./entry_writer.ts";

const CD_BYTES = CD.bits / 8;
/** Encodings of granules in TG0, by log2 of their bytes. */
export const TG0: Readonly<Record<number, number>> = { 12: 0, 14: 2, 16: 1 };
/** Normal memory, write-back, for AttrIndx 0; Device-nGnRE for 1. */
const MAIR0 = 0x04ff;
const INNER_SHAREABLE = 3;
const WRITE_BACK = 1;

const INVALID = new Uint32Array(CD.bits / 32);
const USED_INVALID = encodeFields(CD, { V: 1 });
const USED_VALID = new Uint32Array(CD.bits / 32).fill(0xffffffff);

const ENTRY: EntryKind = {
  layout: CD,
  usedBits: (words) => (CD.f.V.get(words, 0) === 0 ? USED_INVALID : USED_VALID),
};

/** Stage 1 tables that a context leads to. */
export interface Context {
  readonly asid: number;
  /** Address of the root table. */
  readonly root: number;
  readonly inputBits: number;
  readonly granuleLg2: number;
  /** Code of the size of output addresses: IDR5.OAS. */
  readonly outputSize: number;
  /** Transactions that fault wait for the kernel. */
  readonly stalls: boolean;
  /** The tables are a process's, and what processors broadcast of them is meant for the SMMU, too; absent: they are not. */
  readonly shared?: boolean;
  /** How MPAM labels transactions, where the STE leaves that to contexts; absent: 0 both. */
  readonly partition?: { readonly partid: number; readonly pmg: number };
}

export class ContextTable {
  readonly base: number;
  /** log2 of the contexts: S1CDMax. */
  readonly log2Size: number;
  readonly #memory: OwnMemory;

  private constructor(memory: OwnMemory, base: number, log2Size: number) {
    this.#memory = memory;
    this.base = base;
    this.log2Size = log2Size;
  }

  /** @returns null without memory */
  static make(memory: OwnMemory, log2Size: number): ContextTable | null {
    const base = memory.allocate(CD_BYTES * 2 ** log2Size);
    return base === null ? null : new ContextTable(memory, base, log2Size);
  }

  /** Fields of an STE that lead to this table: accesses without a SubstreamID use context 0. */
  get steFields(): FieldNumbers {
    const substreams = this.log2Size > 0 ? { S1CDMax: this.log2Size, S1DSS: 2 } : {};
    const walks = { S1CIR: WRITE_BACK, S1COR: WRITE_BACK, S1CSH: INNER_SHAREABLE };
    return { S1ContextPtr: this.base, ...substreams, ...walks };
  }

  /** Put a context in the place of what is there. @param sync as for {@link replaceEntry} */
  set(index: number, context: Context, sync: () => void): void {
    const fields = {
      V: 1,
      T0SZ: 64 - context.inputBits,
      TG0: TG0[context.granuleLg2]!,
      IR0: WRITE_BACK,
      OR0: WRITE_BACK,
      SH0: INNER_SHAREABLE,
      EPD1: 1,
      IPS: context.outputSize,
      AA64: 1,
      R: 1,
      A: 1,
      S: context.stalls ? 1 : 0,
      ASET: context.shared === true ? 0 : 1,
      ASID: context.asid,
      TTB0: context.root,
      MAIR0,
      PARTID: context.partition?.partid ?? 0,
      PMG: context.partition?.pmg ?? 0,
    };
    this.#replace(index, encodeFields(CD, fields), sync);
  }

  /** Take a context away; nothing happens where there is none. */
  clear(index: number, sync: () => void): void {
    this.#replace(index, INVALID, sync);
  }

  #replace(index: number, words: Uint32Array, sync: () => void): void {
    replaceEntry(this.#memory, this.base + CD_BYTES * index, ENTRY, words, sync);
  }
}
