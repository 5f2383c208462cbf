/**
 * Two states side by side: of the open session after some step, or of another that was opened beside it. What differs is
 * told part by part; the same request is walked on both.
 */
import type { Result, SessionSummary, StructureQuery, WalkAnswer } from "./engine.ts";
import type { Access, SessionDocument } from "./machine.ts";

/** Which state stands on a side. */
export interface SideQuery {
  /** The open session, or the one that was opened beside it. */
  readonly of: "session" | "beside";
  /** Actions applied, from 0. */
  readonly step: number;
}

/** What a field says on a side. */
interface FieldSide {
  readonly value: bigint;
  readonly meaning: string | null;
}

/** A field that differs; null on the side that has no such field. */
export interface FieldDifference {
  readonly name: string;
  readonly about: string;
  readonly left: FieldSide | null;
  readonly right: FieldSide | null;
}

/** Something that differs. It was added where the left has none of it, removed where the right has none. */
export interface DifferenceRow {
  /** Which one: a register, a structure and how it is reached, a range of addresses, an entry. */
  readonly what: string;
  /** What it comes to, in short; null on the side that has none of it. */
  readonly left: string | null;
  readonly right: string | null;
  readonly fields: readonly FieldDifference[];
  /** Structures: where each stands. */
  readonly places?: readonly [StructureQuery | null, StructureQuery | null];
  /** Ranges: a request to its first address. */
  readonly access?: Access;
}

/** Parts of a state that are compared, in the order in which they are told. */
export const COMPARED_PARTS = {
  registers: "Registers",
  structures: "Structures",
  leaves: "Translations",
  caches: "Cached entries",
  queues: "Queues",
  software: "Software",
} as const;
export type ComparedPartId = keyof typeof COMPARED_PARTS;

/** What differs of one part. */
export interface ComparedPart {
  readonly id: ComparedPartId;
  /** Why it is not compared, as sentences; absent where it is. */
  readonly why?: string;
  /** How many of it are alike, and how many differ; ranges that follow on each other and differ alike are one row. */
  readonly alike: number;
  readonly differing: number;
  /** At most {@link MAX_DIFFERENCES}. */
  readonly rows: readonly DifferenceRow[];
}

/** Most rows of one part. */
export const MAX_DIFFERENCES = 4096;

/** Two states, and the walk of one request on each. */
export interface ComparisonAnswer {
  /** Digests of the whole states; equal ones leave nothing to be told. */
  readonly digests: readonly [string, string];
  /** Between two architectures, some parts are not compared. */
  readonly parts: readonly ComparedPart[];
  readonly walks: readonly [WalkAnswer, WalkAnswer] | null;
}

/** Calls that compare. */
export interface ComparisonApi {
  /** Open a document beside the session, in place of one that was there. On an error that one stays. */
  openBeside(document: SessionDocument): Promise<Result<SessionSummary>>;
  /**
   * Compare two states; looking changes neither.
   * @param access to walk on both, null for none
   */
  compare(left: SideQuery, right: SideQuery, access: Access | null): Promise<Result<ComparisonAnswer>>;
}
