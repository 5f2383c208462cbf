/**
 * The trace of a translation: one fixed-size record for each thing the IOMMU read or decided.
 *
 * Records are 64 bytes, declared as a layout like any other structure, and travel between the engine
 * and a view as one transferred `Uint32Array`; a view decodes only the records it shows.
 */
import { field, layout } from "../base/layout.ts";

/** What a record is about. */
export const TraceKind = {
  /** A memory access to a configuration structure. */
  L1STD: 0,
  STE: 1,
  L1CD: 2,
  CD: 3,
  /** A memory access to a translation table descriptor. */
  Descriptor: 4,
  /** The address a finished translation gives; not an access. */
  Output: 5,
  /** A check that failed before any access was made for it; not an access. */
  Check: 6,
  /** Configuration structures of Intel VT-d. */
  RootEntry: 7,
  ContextEntry: 8,
  PasidDirectoryEntry: 9,
  PasidEntry: 10,
  /** Configuration structures of AMD-Vi. */
  DTE: 11,
  GCR3: 12,
  /** An interrupt remapping table entry, of either. */
  IRTE: 13,
  /** The Virtual Machine Structure of an SMMUv3. */
  VMS: 14,
} as const;
export type TraceKind = (typeof TraceKind)[keyof typeof TraceKind];

/** Which part of a translation a record belongs to. */
export const TracePhase = {
  /** Stream table, STE, CD tables, CD, and stage 2 walked on behalf of them. */
  Config: 0,
  /** A stage-1 table access (row `row`), and stage 2 walked on behalf of it. */
  Table: 1,
  /** The final address: stage 2 walked for the output of stage 1 (or for the input where stage 1 is off). */
  Output: 2,
} as const;
export type TracePhase = (typeof TracePhase)[keyof typeof TracePhase];

/** How the record turned out. */
export const TraceVerdict = {
  /** Points to the next table or structure. */
  Next: 0,
  /** Ends its stage: a block or page, a usable STE or CD, an output address. */
  Done: 1,
  /** Ends the translation with a fault; `reason` says why. */
  Fault: 2,
  /** Ends the translation because the session does not hold the memory at `pa`. */
  Unknown: 3,
} as const;
export type TraceVerdict = (typeof TraceVerdict)[keyof typeof TraceVerdict];

/** 32-bit words of one record. */
export const TRACE_WORDS = 16;

/** Which kind of cache stood in for an access. Such a record has no ordinal, for there was no access. */
export const TraceHit = {
  None: 0,
  /** A configuration cache: the record is the cached structure. */
  Config: 1,
  /** A walk cache: the record is the table descriptor that led to the cached table; `pa` and `value` are not kept. */
  Walk: 2,
  /** A TLB: the record is a cached leaf descriptor, or the output of the whole translation. */
  Tlb: 3,
} as const;
export type TraceHit = (typeof TraceHit)[keyof typeof TraceHit];

/** The record. Addresses and values are two words each, low half first. */
export const TRACE = layout("Trace record", "Nestwalk protocol/trace", 32 * TRACE_WORDS, [
  field("kind", 3, 0, "TraceKind"),
  field("phase", 5, 4, "TracePhase"),
  field("stage", 7, 6, "1 or 2 for a translation table descriptor, 0 otherwise"),
  field("level", 11, 8, "translation level as the architecture numbers it, plus 1"),
  field("verdict", 15, 12, "TraceVerdict"),
  field("reason", 31, 16, "why: index into the architecture's list of reasons, 0 for none"),
  field("access", 47, 32, "ordinal of this memory access in the translation, from 1; 0 for no access"),
  field("row", 55, 48, "stage-1 access this belongs to, from 0; the final address has the next number"),
  field("contiguous", 56, 56, "the descriptor has its Contiguous bit set"),
  field("write", 57, 57, "a check for write permission was part of this record"),
  field(
    "sizeLg2",
    63,
    58,
    "Verdict Done of a descriptor: log2 of the bytes it maps; Next: log2 of the bytes one entry of the next table spans",
  ),
  field("index", 95, 64, "index of the entry in its table"),
  field("span", 127, 96, "the action in which this happened"),
  field("input", 191, 128, "the address being translated at this stage: IOVA at stage 1, IPA at stage 2"),
  field("at", 255, 192, "address of the structure as its owner names it: an IPA where stage 2 lies beneath"),
  field("pa", 319, 256, "physical address read"),
  field("value", 383, 320, "the 64 bits read (the first 64 of a larger structure)"),
  field("out", 447, 384, "address this leads to: next table, context pointer, output address of the stage"),
  field("permissions", 451, 448, "bit 0 read, 1 write, 2 execute: what this leaf, with the levels above it, allows"),
  field("update", 453, 452, "what hardware changes in the descriptor after this: bit 0 sets AF, bit 1 marks it dirty"),
  field("hit", 455, 454, "TraceHit: a cache stood in for the access; `pa` and `value` are those of when it was made"),
  field("_511_456", 511, 456, "zero"),
]);

/** A 64-bit field of a record as an exact integer. */
export function traceAddress(
  name: "input" | "at" | "pa" | "value" | "out",
  words: Uint32Array,
  record: number,
): bigint {
  const at = record * TRACE_WORDS;
  return (BigInt(TRACE.f[name].getHi(words, at)) << 32n) | BigInt(TRACE.f[name].get(words, at));
}
