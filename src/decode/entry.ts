/**
 * What a paste is decoded to. Entries are plain JSON; keys are those of the log corpus (snake case), so that the
 * page, the command line and the conformance player speak of the same thing.
 *
 * `null` means: not in the paste, or the record does not define it. Numbers are lower-case hexadecimal strings with
 * 0x and no leading zeros, except event numbers and register values, which keep the width of their field.
 */

import type { AmdEntry } from "./amdvi/entries.ts";
import type { VtdEntry } from "./vtd/entries.ts";

/** What every entry has besides its own keys. */
export interface EntryBase {
  /** First and last source line, from 1. */
  readonly lines: readonly [first: number, last: number];
  /** One sentence in plain words. */
  readonly summary: string;
  /** Raw 64-bit words, lowest first, 16 digits each; an unreadable digit is "?". */
  readonly words?: readonly string[];
}

type Direction = "read" | "write";

/** An SMMUv3 event record, from its words, from decoded lines, or from both. */
export interface Smmuv3EventEntry extends EntryBase {
  readonly type: "smmuv3-event";
  /** Event number, "0x10"; null where only an unknown name was printed. */
  readonly event: string | null;
  /** Name in IHI 0070 §7.3; null for a reserved number. */
  readonly name: string | null;
  /** The event number, for `eventByNumber`. */
  readonly record: number | null;
  readonly sid: string | null;
  readonly ssv: boolean | null;
  readonly ssid: string | null;
  readonly stall?: boolean | null;
  readonly stag?: string | null;
  readonly rnw?: Direction | null;
  readonly ind?: "data" | "instruction" | null;
  readonly pnu?: "privileged" | "unprivileged" | null;
  readonly s2?: boolean | null;
  readonly class?: string | null;
  readonly input_addr?: string | null;
  readonly ipa?: string | null;
  readonly fetch_addr?: string | null;
  /** IMPLEMENTATION DEFINED cause. */
  readonly reason?: string | null;
  readonly gpcf?: boolean | null;
  /** F_PERMISSION with CLASS TT: direction of the descriptor access. */
  readonly ttrnw?: Direction | null;
  /** E_PAGE_REQUEST: bytes of the range and the accesses expected. */
  readonly span_bytes?: string | null;
  readonly expected_access?: readonly string[] | null;
  /** What the words hold in fields that mean nothing in this record. */
  readonly ipa_field_unknown?: string;
  readonly stag_field_unused?: string;
  readonly ssid_field_unknown?: string;
  /** "bit N" of the 256, or "word N", that are set though the record defines nothing there. */
  readonly set_outside_defined_fields?: readonly string[];
  /** The device a kernel named. */
  readonly client?: string;
  readonly from?: "decoded lines only" | "hex words";
  readonly incomplete?: true;
  readonly no_words?: true;
  readonly empty_record?: true;
  /** Digits of the words are blanked out. */
  readonly blanked?: true;
  /** What the kernel printed in words contradicts the record. */
  readonly text_disagrees?: true;
  /** The kernel prints no further events of this stream. */
  readonly auto_suppressed?: true;
}

/** A Command queue error. */
export interface Smmuv3CmdqEntry extends EntryBase {
  readonly type: "smmuv3-cmdq";
  /** SMMU_CMDQ_CONS as printed, 8 digits. */
  readonly cons: string | null;
  readonly err: number | null;
  readonly err_name: string | null;
  /** Bits [19:0]: the read index with its wrap bit. */
  readonly rd_with_wrap: string | null;
  /** Name of the skipped command, where its words were printed. */
  readonly command?: string | null;
  readonly opcode?: string;
  readonly text_disagrees?: true;
}

/** A Command queue that did not move on in time. */
interface Smmuv3CmdqTimeoutEntry extends EntryBase {
  readonly type: "smmuv3-cmdq-timeout";
  readonly at: string | null;
  readonly hwprod: string | null;
  readonly hwcons: string | null;
  /** Producer minus consumer; null where the indexes have wrapped, as the queue's size is not known. */
  readonly outstanding: string | null;
}

/** Active global errors. */
interface Smmuv3GerrorEntry extends EntryBase {
  readonly type: "smmuv3-gerror";
  readonly active: string | null;
  readonly bits: readonly string[];
}

/** The Event or PRI queue was full and records were lost. */
interface Smmuv3OverflowEntry extends EntryBase {
  readonly type: "smmuv3-evtq-overflow" | "smmuv3-priq-overflow";
}

/** Prints dropped by a rate limit. */
export interface SuppressedEntry extends EntryBase {
  readonly type: "suppressed";
  readonly count: number;
}

/** A line of QEMU's SMMUv3 trace, or a few that belong together. */
export interface QemuSmmuv3TraceEntry extends EntryBase {
  readonly type: "qemu-smmuv3-trace";
  readonly event: string;
  readonly [key: string]: unknown;
}

/** No event of the architectures this program knows. */
export interface RefuseEntry extends EntryBase {
  readonly type: "refuse";
  /** What it is instead. */
  readonly what: string;
}

export type DecodedEntry =
  | Smmuv3EventEntry
  | Smmuv3CmdqEntry
  | Smmuv3CmdqTimeoutEntry
  | Smmuv3GerrorEntry
  | Smmuv3OverflowEntry
  | SuppressedEntry
  | QemuSmmuv3TraceEntry
  | VtdEntry
  | AmdEntry
  | RefuseEntry;

/** A number as the corpus writes it. */
export const hex = (value: bigint | number): string => `0x${value.toString(16)}`;

/** A register value that keeps its width in digits. */
export const hexWide = (value: bigint | number, digits: number): string =>
  `0x${value.toString(16).padStart(digits, "0")}`;

/**
 * The raw words of an entry as the 32-bit words that layouts read; unreadable digits and words that were cut off
 * read as 0. `bits` is the size of the structure.
 */
export function layoutWords(words: readonly string[], bits: number): Uint32Array {
  const out = new Uint32Array(bits / 32);
  for (let i = 0; i < words.length && 2 * i + 1 < out.length; i++) {
    const digits = words[i]!.replace(/^0x/, "").replaceAll("?", "0").padStart(16, "0");
    out[2 * i] = Number.parseInt(digits.slice(8), 16);
    out[2 * i + 1] = Number.parseInt(digits.slice(0, 8), 16);
  }
  return out;
}
