/**
 * What views and readers need to know of an architecture, in one shape for all of them: its words, and how its
 * structures and records are laid out.
 */
import type { Layout, Words } from "../base/layout.ts";
import type { ArchitectureWords } from "./architecture_words.ts";

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

/** A record that the architecture posts, read by its words. */
interface RecordFacts {
  readonly layout: Layout;
  /** Where the specification describes it. */
  readonly section: string;
}

/** One architecture. */
export interface ArchitectureFacts extends ArchitectureWords {
  /** By the names that traces and queries have for them. */
  readonly structures: Readonly<Record<string, StructureFacts>>;
  /** What it calls a record of its event queue: "event", "fault record". */
  readonly recordTitle: string;
  readonly recordOf: (words: Words) => RecordFacts;
}
