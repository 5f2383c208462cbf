/**
 * Entries of Intel VT-d: what `decode` finds in the words of Linux, Xen and QEMU. Keys as in ../entry.ts.
 */
import type { EntryBase } from "../entry.ts";
import type { ReasonTable } from "./fault_reasons.ts";

/** A fault record, DMA or interrupt. */
export interface VtdFaultEntry extends EntryBase {
  readonly type: "vtd-fault";
  readonly fault: "dma" | "interrupt-remap";
  readonly access?: "read" | "write";
  readonly segment: string | null;
  /** "bb:dd.f"; null where it is blanked out. */
  readonly requester: string | null;
  /** Null for a request without PASID. */
  readonly pasid?: string | null;
  /** Page of a DMA fault; null where it is not in the paste. */
  readonly addr?: string | null;
  /** Interrupt index. */
  readonly index?: string | null;
  /** Fault reason with two digits; null where the paste does not tell. */
  readonly reason: string | null;
  readonly table?: ReasonTable;
  readonly meaning?: string;
  /** The paste has the words only. */
  readonly reason_from?: "text";
}

/** Fault Status Register as printed. */
export interface VtdFstsEntry extends EntryBase {
  readonly type: "vtd-fsts";
  readonly value: string;
  /** Names of the bits that are set, reserved ones left out. */
  readonly bits: readonly string[];
  /** Index of the first fault record that waits. */
  readonly fri: number;
}

/** An error of the invalidation queue. */
export interface VtdQueueErrorEntry extends EntryBase {
  readonly type: "vtd-qi-error";
  readonly error: "IQE" | "ITE" | "ICE";
  /** IQE: IQERCD's reason. */
  readonly reason?: string;
  readonly reason_valid?: boolean;
  /** ITE and ICE: the device that did not answer. */
  readonly sid?: string;
  readonly sid_valid?: boolean;
}

/** A register as debugfs prints it. */
export interface VtdRegisterEntry extends EntryBase {
  readonly type: "vtd-register";
  /** Name of the unit; null where the heading is missing. */
  readonly unit: string | null;
  /** As the specification spells it. */
  readonly name: string;
  /** Bytes from the unit's first page. */
  readonly offset: string;
  readonly value: string;
}

/** The registers of a unit together; null for what none of those printed tells. */
export interface VtdRegistersEntry extends EntryBase {
  readonly type: "vtd-registers";
  readonly unit: string | null;
  readonly base: string | null;
  /** Values by name. */
  readonly registers: Readonly<Record<string, string>>;
  readonly translating: boolean | null;
  readonly mode: "legacy" | "scalable" | "reserved" | "abort-DMA" | null;
  readonly root_table: string | null;
  readonly interrupts_remapped: boolean | null;
  readonly descriptors_waiting: number | null;
}

/** A structure in memory, its fields under the specification's names. */
export interface VtdStructureEntry extends EntryBase {
  readonly type:
    | "vtd-qi-desc"
    | "vtd-root-entry"
    | "vtd-context-entry"
    | "vtd-pasid-dir-entry"
    | "vtd-pasid-entry"
    | "vtd-irte"
    | "vtd-iq"
    | "vtd-walk"
    | "vtd-debugfs-walk";
  readonly [key: string]: unknown;
}

/** What QEMU's VT-d model says of a fault, or beside it. */
export interface QemuVtdEntry extends EntryBase {
  readonly type: "qemu-vtd-fault" | "qemu-vtd-note";
  readonly [key: string]: unknown;
}

/** A remark about several entries: registers that read as ones belong to a unit that is gone. */
export interface NoteEntry extends EntryBase {
  readonly type: "note";
  readonly all_ones: true;
}

/** Every entry of VT-d. */
export type VtdEntry =
  | VtdFaultEntry
  | VtdFstsEntry
  | VtdQueueErrorEntry
  | VtdRegisterEntry
  | VtdRegistersEntry
  | VtdStructureEntry
  | QemuVtdEntry
  | NoteEntry;
