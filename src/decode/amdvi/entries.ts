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

/** A register that was asked for by its offset. */
export interface AmdRegisterEntry extends EntryBase {
  readonly type: "amd-register";
  readonly window: "mmio" | "capability";
  /** Null where this program knows none at the offset. */
  readonly name: string | null;
  /** Bytes from the start of the window. */
  readonly offset: string;
  readonly value: string;
}

/** The command buffer: slots that are read and written next. */
export interface AmdCommandBufferEntry extends EntryBase {
  readonly type: "amd-cmdbuf";
  readonly head: number;
  readonly tail: number;
  /** Commands from head to tail; null where the buffer wraps and its end is not in the paste. */
  readonly waiting: number | null;
}

/** A command. */
export interface AmdCommandEntry extends EntryBase {
  readonly type: "amd-command";
  /** Its slot, or "at fault". */
  readonly where: string;
  /** Null for a reserved opcode. */
  readonly command: string | null;
  /** Fields that are not zero. */
  readonly operands: readonly string[];
  /** Between head and tail; null where these are not known. */
  readonly waiting: boolean | null;
  readonly reserved_set: boolean;
}

/** An entry of a device's interrupt remapping table. */
export interface AmdInterruptEntry extends EntryBase {
  readonly type: "amd-irte";
  readonly device: string | null;
  readonly index: number;
  /** RemapEn. */
  readonly remapped: boolean;
  readonly format: "32 bits" | "128 bits" | "guest virtual APIC";
}

/** Every entry of AMD-Vi. */
export type AmdEntry =
  | AmdEventEntry
  | AmdDteEntry
  | AmdTimeoutEntry
  | AmdRegisterEntry
  | AmdCommandBufferEntry
  | AmdCommandEntry
  | AmdInterruptEntry;
