/**
 * Structures of Intel VT-d taken apart for an entry: their words, and the fields that a reader asks for first.
 * VT-d specification §9.1 to §9.6 (tables), §6.5.2 (descriptors), §9.10 and §9.11 (interrupts).
 */

import { bdfOf } from "../../arch/requester_id.ts";
import { descriptorOf, RESERVED_DESCRIPTOR } from "../../arch/vtd/commands.ts";
import { IRTE_POSTED, IRTE_REMAPPED } from "../../arch/vtd/irte.ts";
import { PASID_DIRECTORY_ENTRY, PASID_TABLE_ENTRY, Pgtt } from "../../arch/vtd/pasid_entries.ts";
import { CONTEXT_ENTRY, SM_CONTEXT_ENTRY, SM_ROOT_ENTRY } from "../../arch/vtd/root_context.ts";
import type { FieldValue } from "../../base/layout.ts";
import { hex } from "../entry.ts";
import { fieldReader, fieldValues, halvesOf } from "../printed_fields.ts";
import type { VtdStructureEntry } from "./entries.ts";

type Lines = readonly [first: number, last: number];

/** Where a file says that an entry stood; keys that the text does not tell are left out. */
export interface PrintedPlace {
  readonly unit?: string;
  /** Address of the unit's root table. */
  readonly root_table?: string;
  /** Of a root entry the bus, two digits; of what stands below it "bb:dd.f". */
  readonly bus?: string;
  readonly requester?: string;
  readonly pasid?: string;
}

/** A root entry; of a legacy one the upper half is zero. */
export function rootEntry(hi: bigint, lo: bigint, lines: Lines, place: PrintedPlace = {}): VtdStructureEntry {
  const f = fieldReader(SM_ROOT_ENTRY, [lo, hi]);
  const tables = [
    f("LP") === 1n ? `lower at ${hex(f("LCTP"))}` : "",
    f("UP") === 1n ? `upper at ${hex(f("UCTP"))}` : "",
  ];
  return {
    type: "vtd-root-entry",
    hi: hex(hi),
    lo: hex(lo),
    lower_present: f("LP") === 1n,
    lower_table: hex(f("LCTP")),
    upper_present: f("UP") === 1n,
    upper_table: hex(f("UCTP")),
    ...place,
    lines,
    summary: `Root entry: context tables ${tables.filter((t) => t !== "").join(", ") || "not present"}.`,
  };
}

const TRANSLATION_TYPES = ["translated", "translated, with device TLB", "passed through", "of a reserved type"];

/** A context entry of either mode, by its low 128 bits. */
export function contextEntry(
  scalable: boolean,
  hi: bigint,
  lo: bigint,
  lines: Lines,
  place: PrintedPlace = {},
): VtdStructureEntry {
  const f = fieldReader(scalable ? SM_CONTEXT_ENTRY : CONTEXT_ENTRY, [lo, hi]);
  const common = {
    type: "vtd-context-entry",
    hi: hex(hi),
    lo: hex(lo),
    P: Number(f("P")),
    FPD: Number(f("FPD")),
    ...place,
    lines,
  } as const;
  const absent = f("P") === 0n ? "Context entry: not present." : null;
  if (scalable) {
    return {
      ...common,
      mode: "scalable",
      DTE: Number(f("DTE")),
      PASIDE: Number(f("PASIDE")),
      PRE: Number(f("PRE")),
      PDTS: Number(f("PDTS")),
      pasid_dir: hex(f("PASIDDIRPTR")),
      RID_PASID: hex(f("RID_PASID")),
      summary: absent ?? `Scalable-mode context entry: PASID directory at ${hex(f("PASIDDIRPTR"))}.`,
    };
  }
  return {
    ...common,
    mode: "legacy",
    TT: Number(f("TT")),
    table: hex(f("SSPTPTR")),
    AW: Number(f("AW")),
    levels: Number(f("AW")) + 2,
    DID: hex(f("DID")),
    summary:
      absent ??
      `Context entry: requests are ${TRANSLATION_TYPES[Number(f("TT"))]}, domain ${hex(f("DID"))}, tables at ${hex(f("SSPTPTR"))}.`,
  };
}

/** A PASID directory entry. */
export function pasidDirectoryEntry(value: bigint, lines: Lines): VtdStructureEntry {
  const f = fieldReader(PASID_DIRECTORY_ENTRY, [value]);
  return {
    type: "vtd-pasid-dir-entry",
    value: hex(value),
    P: Number(f("P")),
    FPD: Number(f("FPD")),
    table: hex(f("SMPTBLPTR")),
    lines,
    summary: `PASID directory entry: ${f("P") === 1n ? `table at ${hex(f("SMPTBLPTR"))}` : "not present"}.`,
  };
}

const PGTT_NAMES: Readonly<Record<number, string>> = {
  [Pgtt.First]: "first-stage",
  [Pgtt.Second]: "second-stage",
  [Pgtt.Nested]: "nested",
  [Pgtt.PassThrough]: "pass-through",
};

/** A PASID table entry by its first words, lowest first. */
export function pasidEntry(words: readonly bigint[], lines: Lines, place: PrintedPlace = {}): VtdStructureEntry {
  const f = fieldReader(PASID_TABLE_ENTRY, words);
  const pgtt = Number(f("PGTT"));
  const name = PGTT_NAMES[pgtt] ?? "reserved";
  return {
    type: "vtd-pasid-entry",
    val0: hex(words[0] ?? 0n),
    val1: hex(words[1] ?? 0n),
    val2: hex(words[2] ?? 0n),
    P: Number(f("P")),
    FPD: Number(f("FPD")),
    AW: Number(f("AW")),
    PGTT: pgtt,
    PGTT_name: name,
    ss_table: hex(f("SSPTPTR")),
    DID: hex(f("DID")),
    fs_table: hex(f("FSPTPTR")),
    ...place,
    lines,
    summary: f("P") === 0n ? "PASID table entry: not present." : `PASID table entry: ${name}, domain ${hex(f("DID"))}.`,
  };
}

/** An entry of the interrupt remapping table; `index` counts entries. */
export function interruptEntry(index: number, words: readonly bigint[], lines: Lines): VtdStructureEntry {
  const posted = fieldReader(IRTE_REMAPPED, words)("IM") === 1n;
  const f = fieldReader(posted ? IRTE_POSTED : IRTE_REMAPPED, words);
  // Address bits 31:6 stand in the upper half of their word.
  const descriptor = (f("PDAH") << 32n) | (f("PDAL") >> 32n);
  const target = posted
    ? { vector: hex(f("VV")), descriptor: hex(descriptor) }
    : { vector: hex(f("V")), destination: hex(f("DST")) };
  const says = posted ? `posts to the descriptor at ${hex(descriptor)}` : `goes to APIC ${hex(f("DST"))}`;
  return {
    type: "vtd-irte",
    index,
    hi: hex(words[1] ?? 0n),
    lo: hex(words[0] ?? 0n),
    P: Number(f("P")),
    mode: posted ? "posted" : "remapped",
    requester: bdfOf(Number(f("SID"))),
    ...target,
    lines,
    summary: `Interrupt ${index} of ${bdfOf(Number(f("SID")))} ${f("P") === 1n ? says : "is not present"}, vector ${target.vector}.`,
  };
}

/** What kind of invalidation a descriptor is, by its name. */
const KINDS: Readonly<Record<string, string>> = {
  cc_inv_dsc: "context-cache",
  iotlb_inv_dsc: "iotlb",
  dev_tlb_inv_dsc: "device-tlb",
  iec_inv_dsc: "interrupt-entry-cache",
  inv_wait_dsc: "wait",
  p_iotlb_inv_dsc: "pasid-iotlb",
  pc_inv_dsc: "pasid-cache",
  p_dev_tlb_inv_dsc: "pasid-device-tlb",
  page_grp_resp_dsc: "page-group-response",
};

/** A slot that was never written has type 0, which no descriptor has. */
const isEmpty = (fields: ReadonlyMap<string, FieldValue>): boolean =>
  fields.get("Type")?.value === 0n && fields.get("TypeHi")?.value === 0n;

/** Operands worth telling, by field; those that a descriptor lacks are left out. */
const OPERANDS: Readonly<Record<string, string>> = {
  DID: "did",
  SID: "sid",
  PASID: "pasid",
  ADDR: "addr",
  AM: "am",
  IH: "ih",
  IIDX: "index",
  IM: "index_mask",
};

function waitKeys(fields: ReadonlyMap<string, FieldValue>): Record<string, unknown> {
  const value = (name: string): bigint => fields.get(name)?.value ?? 0n;
  const keys = { interrupt: value("IF") === 1n, status_write: value("SW") === 1n, fence: value("FN") === 1n };
  return value("SW") === 0n ? keys : { ...keys, status_data: hex(value("STDATA")), status_addr: hex(value("STADDR")) };
}

/** A descriptor of the invalidation queue; `where` is "head", "prior" or its index. */
export function descriptorEntry(where: string, words: readonly bigint[], lines: Lines): VtdStructureEntry {
  const definition = descriptorOf(halvesOf(words, RESERVED_DESCRIPTOR.bits));
  const fields = fieldValues(definition?.layout ?? RESERVED_DESCRIPTOR, words);
  const kind = KINDS[definition?.name ?? ""] ?? (isEmpty(fields) ? "none" : "reserved");
  const granularity = fields.get("G")?.meaning?.split(" ")[0];
  const operands = Object.entries(OPERANDS).flatMap(([name, key]) => {
    const field = fields.get(name);
    return field === undefined ? [] : [[key, hex(field.value)] as const];
  });
  return {
    type: "vtd-qi-desc",
    where,
    qw0: hex(words[0] ?? 0n),
    qw1: hex(words[1] ?? 0n),
    kind,
    ...(granularity === undefined ? {} : { granularity }),
    ...(kind === "wait" ? waitKeys(fields) : Object.fromEntries(operands)),
    lines,
    summary: `Descriptor ${where}: ${definition === undefined ? `${kind}, which the architecture does not define` : definition.about.replace(/\.$/, "")}.`,
  };
}
