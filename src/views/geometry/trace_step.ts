/**
 * One record of a translation's trace, taken apart for drawing. Geometry works on these plain values and never on the
 * binary records, so that it depends on no layout.
 */

import type { StageSummary, StructureKind } from "../../protocol/engine.ts";

/** What a step is about; the names are those of the trace's record kinds. */
export type StepKind = Exclude<StructureKind, "S1 descriptor" | "S2 descriptor"> | "Descriptor" | "Output" | "Check";

/** Which part of a translation a step belongs to. */
export type StepPhase = "config" | "table" | "output";

/** How a step turned out. */
export type StepVerdict = "next" | "done" | "fault" | "unknown";

/** Which kind of cache stood in for an access; `none` where memory was accessed or nothing had to be. */
export type StepHit = "none" | "config" | "walk" | "tlb";

/** A rule of an architecture that stops an access. */
export interface StepReason {
  readonly id: string;
  readonly text: string;
  readonly section: string;
  /** The field it is about, empty for none. */
  readonly field: string;
}

/** A record of the trace. */
export interface TraceStep {
  /** Number of the record in its trace, from 0. */
  readonly record: number;
  readonly kind: StepKind;
  readonly phase: StepPhase;
  readonly stage: 0 | 1 | 2;
  /** Level as the architecture numbers it, and levels above that of the smallest pages; of a descriptor only. */
  readonly level: number;
  readonly height: number;
  readonly verdict: StepVerdict;
  /** What it is, in words: "Stage 2 level 1 descriptor". */
  readonly name: string;
  /** The rule that ended it, null for none. */
  readonly why: StepReason | null;
  /** Ordinal of this memory access in the translation from 1, 0 where nothing was accessed. */
  readonly access: number;
  /** Stage-1 access it belongs to, from 0; the final address has the next number. */
  readonly row: number;
  /** A descriptor that maps memory: a block or page, whatever became of the access. */
  readonly leaf: boolean;
  readonly contiguous: boolean;
  /** A check for write permission was part of it. */
  readonly write: boolean;
  /** log2 of bytes: what a leaf maps, or what one entry of the next table spans. */
  readonly sizeLg2: number;
  /** Index of the entry in its table. */
  readonly entry: number;
  /** Address being translated: IOVA at stage 1, IPA at stage 2. */
  readonly input: bigint;
  /** Address of what was read as its owner names it: an IPA where stage 2 lies beneath. */
  readonly at: bigint;
  /** Physical address read. */
  readonly pa: bigint;
  /** Bytes of the structure read; 0 where nothing was. */
  readonly bytes: number;
  /** The 64 bits read. */
  readonly value: bigint;
  /** Address this leads to. */
  readonly out: bigint;
  /** Bit 0 read, 1 write, 2 execute. */
  readonly permissions: number;
  readonly hit: StepHit;
  /** What the hardware changes in the descriptor after this: bit 0 sets the access flag, bit 1 marks it dirty. */
  readonly update: number;
}

/** What geometry needs to know of a stage. */
export interface StageShape extends Pick<StageSummary, "granuleLg2" | "inputBits" | "levels"> {
  /** Height of the root table: levels above that of the smallest pages. */
  readonly startHeight: number;
}

/** Bits of input address below the index of a table at `height`: log2 of the bytes one of its entries spans. */
export function levelShift(height: number, granuleLg2: number): number {
  return granuleLg2 + height * (granuleLg2 - 3);
}

/** Whether the step has to do with a translation table for the address itself, not for configuration. */
export function isTableStep(s: TraceStep): boolean {
  return s.kind === "Descriptor" && s.phase !== "config";
}
