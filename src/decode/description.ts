/**
 * What a reader sees of an entry before its details: a name, who asked for what, the words with their layout.
 */
import type { ReadStructure } from "./structure_kind.ts";

/** How serious an entry is. */
export type EntryWeight =
  /** Something was refused or failed. */
  | "fault"
  /** Something was lost. */
  | "loss"
  /** A structure or a message that is no fault. */
  | "structure"
  /** Messages that are missing. */
  | "missing"
  /** Not of these architectures. */
  | "foreign";

/** The access of a device that an entry tells of. Addresses in bytes. */
export interface ToldAccess {
  /** StreamID or requester id. */
  readonly sid: number;
  /** SubstreamID or PASID; null for none. */
  readonly ssid: number | null;
  readonly iova: bigint;
  readonly write: boolean;
  readonly privileged: boolean;
  readonly instruction: boolean;
}

/** An entry in brief. */
export interface EntryDescription {
  readonly weight: EntryWeight;
  readonly name: string;
  /** StreamID in hexadecimal, or "bb:dd.f"; null where the entry names none. */
  readonly requester: string | null;
  readonly address: bigint | null;
  /** A few words on what is odd about it. */
  readonly remark: string;
  /** Where the record is described, as a sentence; empty for none. */
  readonly reference: string;
  /** Null where the text holds no words of it. */
  readonly structure: ReadStructure | null;
  /** Null where the entry tells of no access. */
  readonly access: ToldAccess | null;
}

/** The rest of a description that says no more than a name. */
export const PLAIN: Omit<EntryDescription, "weight" | "name"> = {
  requester: null,
  address: null,
  remark: "",
  reference: "",
  structure: null,
  access: null,
};

/** The number in a hexadecimal string; null for anything else. */
export const numberOf = (text: unknown): bigint | null =>
  typeof text === "string" && /^0x[0-9a-f]{1,16}$/i.test(text) ? BigInt(text) : null;
