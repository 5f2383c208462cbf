/** Memory that is reached in more than one way: by several contexts, or by one at several addresses. */
import type { Progress, Result } from "./engine.ts";

/** Which overlaps are looked for. */
export interface OverlapQuery {
  /** The chosen context: a stream (requester) and its substream (PASID). */
  readonly sid: number;
  readonly ssid: number | null;
  /**
   * Where addresses are taken: physical ones, after both stages, of all contexts; or what stage 1 gives, of the contexts
   * that share the chosen one's stage 2.
   */
  readonly space: "PA" | "IPA";
  /** Every overlap, not only those that the chosen context has part in. */
  readonly all: boolean;
  /** Streams whose accesses pass untranslated count too, each of which reaches everything. */
  readonly bypassing: boolean;
  /** Who reaches this address, those included, be it in one way, instead of overlaps; null for overlaps. */
  readonly at: bigint | null;
}

/** A context that was looked through. */
export interface OverlapContext {
  readonly sid: number;
  readonly ssid: number | null;
}

/** A context that reaches a range. */
export interface OverlapReach {
  /** Index into {@link OverlapAnswer.contexts}. */
  readonly context: number;
  /** Bit 0 read, 1 write, 2 execute; of all stages that were gone through, for an unprivileged access. */
  readonly permissions: number;
  /** At how many input addresses it reaches the range with these rights. */
  readonly count: number;
  /** The input addresses that reach the range's first byte, the first {@link MAX_INPUTS} of them. */
  readonly inputs: readonly bigint[];
}

/** A range of memory that the same contexts reach, each with the same rights and at as many addresses, throughout. */
export interface OverlapRow {
  readonly from: bigint;
  /** One past the last byte. */
  readonly to: bigint;
  /** By context, the first {@link MAX_REACHES}; a context that has several kinds of rights there has several. */
  readonly reaches: readonly OverlapReach[];
  /** How many contexts there are in all. */
  readonly reached: number;
}

/** Overlaps of a session's contexts, by rising address. */
export interface OverlapAnswer {
  readonly revision: number;
  readonly space: "PA" | "IPA";
  /** The chosen one first. */
  readonly contexts: readonly OverlapContext[];
  /** At most {@link MAX_OVERLAPS}; where an address was asked for, that byte alone, or none. */
  readonly rows: readonly OverlapRow[];
  /** How many ranges there are in all, and how many bytes they have together. */
  readonly ranges: number;
  readonly bytes: bigint;
  /** Not everything was looked through: there are more contexts, or leaves, than are gone over. */
  readonly truncated: boolean;
  /** Streams whose accesses pass untranslated; in the rows where these were asked for. */
  readonly bypassing: readonly number[];
  /** Input ranges of the chosen context that lead to overlaps: first address and one past the last, by rising address. */
  readonly marks: readonly (readonly [from: bigint, to: bigint])[];
}

export const MAX_OVERLAPS = 4096;
export const MAX_REACHES = 64;
export const MAX_INPUTS = 4;

/** Calls that look for overlaps. */
export interface OverlapApi {
  /** A newer question, a change of the session and {@link stopOverlaps} end the search, which is then a problem. */
  overlaps(query: OverlapQuery, report: (p: Progress) => void): Promise<Result<OverlapAnswer>>;
  stopOverlaps(): Promise<void>;
}
