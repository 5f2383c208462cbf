/**
 * Entries of AMD-Vi: what `decode` finds in the words of Linux and Xen. Keys as in ../entry.ts.
 */
import type { EntryBase } from "../entry.ts";

/** An event log record as a kernel prints it. */
export interface AmdEventEntry extends EntryBase {
  readonly type: "amd-event";
  readonly event: string;
  /** Event code; null for a name without one. */
  readonly code: string | null;
  readonly segment?: string | null;
  /** "bb:dd.f"; null where the paste does not tell. */
  readonly device?: string | null;
  readonly domain?: string | null;
  readonly pasid?: string | null;
  /** Address of the request, or of the command where the event is about one. */
  readonly address: string | null;
  /** Four digits: bits [59:48] of the record. */
  readonly flags?: string | null;
  readonly bits?: Readonly<Record<string, number>>;
  readonly request?: "memory" | "translation" | "interrupt";
  readonly access?: "read" | "write" | null;
  readonly cause?: string | null;
  readonly request_type?: number;
  readonly meaning?: string;
  readonly tag?: string;
  readonly incomplete?: true;
}

/** A device table entry: fields under the specification's names. */
export interface AmdDteEntry extends EntryBase {
  readonly type: "amd-dte";
  readonly [key: string]: unknown;
}

/** Software waited for COMPLETION_WAIT in vain. */
export interface AmdTimeoutEntry extends EntryBase {
  readonly type: "amd-completion-wait-timeout";
}

/** Every entry of AMD-Vi. */
export type AmdEntry = AmdEventEntry | AmdDteEntry | AmdTimeoutEntry;
