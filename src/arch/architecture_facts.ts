/**
 * What views and readers need to know of an architecture, in one shape for all of them: its reasons, how its structures
 * and records are laid out, what its levels are called.
 */
import type { Layout, Words } from "../base/layout.ts";
import type { Reason } from "./reason.ts";

/** Which of the forms a structure has. */
interface StructureForm {
  /** Level of a translation table entry, as the architecture numbers it; 0 for other structures. */
  readonly level: number;
  /** log2 of the smallest page of its tables. */
  readonly granuleLg2: number;
  /** Of two forms, the larger. */
  readonly wide: boolean;
}

/** A kind of structure. */
export interface StructureFacts {
  /** Such as "stream table entry". */
  readonly title: string;
  /** The layout of what stands in `words`, lowest 32 bits first; it may depend on them. */
  readonly layoutOf: (form: StructureForm, words: Words) => Layout;
}

/** What a translation table entry is, by its own bits alone. */
export type EntryKind = "invalid" | "table" | "block" | "page";

/** A record that the architecture posts, read by its words. */
interface RecordFacts {
  readonly layout: Layout;
  /** Where the specification describes it. */
  readonly section: string;
}

/** One architecture. */
export interface ArchitectureFacts {
  /** Such as "Arm SMMUv3". */
  readonly name: string;
  /** Index 0 is "nothing is wrong"; traces and answers carry indexes. */
  readonly reasons: readonly Reason[];
  /** By the names that traces and queries have for them. */
  readonly structures: Readonly<Record<string, StructureFacts>>;
  /** What the two stages are called, the outer one first. */
  readonly stageNames: readonly [string, string];
  /** Levels above that of the smallest pages, from a level as the architecture numbers it. */
  readonly fromLeaf: (level: number) => number;
  /** The other way round. */
  readonly levelAt: (fromLeaf: number) => number;
  /** A level in full and in short, such as "level 2" and "L2". */
  readonly levelName: (stage: 1 | 2, level: number) => string;
  readonly levelShort: (stage: 1 | 2, level: number) => string;
  /** What an entry is; `lo` and `hi` are its halves. */
  readonly entryKind: (stage: 1 | 2, level: number, lo: number, hi: number) => EntryKind;
  /** What it calls a record of its event queue: "event", "fault record". */
  readonly recordTitle: string;
  readonly recordOf: (words: Words) => RecordFacts;
  /** What it calls the id of a requester and that of an address space within it, in short. */
  readonly requester: string;
  readonly context: string;
}
