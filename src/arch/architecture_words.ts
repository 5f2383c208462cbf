/**
 * What an architecture calls things, in one shape for all of them, and what little of its structures a walk can be drawn
 * by. How structures and records are laid out is in its facts, which know these words too.
 */
import type { Reason } from "./reason.ts";

/** What a translation table entry is, by its own bits alone. */
export type EntryKind = "invalid" | "table" | "block" | "page";

export interface ArchitectureWords {
  /** Such as "Arm SMMUv3". */
  readonly name: string;
  /** Index 0 is "nothing is wrong"; traces and answers carry indexes. */
  readonly reasons: readonly Reason[];
  /** Sizes of its configuration structures, of two forms that of the larger, by the names that traces have for them. */
  readonly structureBytes: Readonly<Record<string, number>>;
  /** What the two stages are called, the outer one first. */
  readonly stageNames: readonly [string, string];
  /** Levels above that of the smallest pages, from a level as the architecture numbers it. */
  readonly fromLeaf: (level: number) => number;
  /** The other way round. */
  readonly levelAt: (fromLeaf: number) => number;
  /** A level in full and in short, such as "level 2" and "L2". */
  readonly levelName: (stage: 1 | 2, level: number) => string;
  readonly levelShort: (stage: 1 | 2, level: number) => string;
  /** What it calls an entry of its translation tables. */
  readonly entryNoun: "descriptor" | "entry";
  /** What an entry is; `lo` and `hi` are its halves. */
  readonly entryKind: (stage: 1 | 2, level: number, lo: number, hi: number) => EntryKind;
  /** What it calls the id of a requester and that of an address space within it, in short. */
  readonly requester: string;
  readonly context: string;
}
