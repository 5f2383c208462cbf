/**
 * Structures of Intel VT-d that words can be read as. VT-d specification, revision 4.1, §6.5.2, §9, §11.4.7.6.
 */
import { descriptorOf, PAGE_REQ_DSC, RESERVED_DESCRIPTOR } from "../../arch/vtd/commands.ts";
import { FRCD } from "../../arch/vtd/fault_record.ts";
import { IRTE_POSTED, IRTE_REMAPPED } from "../../arch/vtd/irte.ts";
import { pagingEntryLayout } from "../../arch/vtd/paging_entries.ts";
import { PASID_DIRECTORY_ENTRY, PASID_TABLE_ENTRY } from "../../arch/vtd/pasid_entries.ts";
import { type RegisterDefinition, registersAt } from "../../arch/vtd/registers.ts";
import { CONTEXT_ENTRY, ROOT_ENTRY, SM_CONTEXT_ENTRY, SM_ROOT_ENTRY } from "../../arch/vtd/root_context.ts";
import { fieldHex, type StructureKind } from "../structure_kind.ts";
import { reasonMeaning } from "./fault_reasons.ts";

/** Bit 15 of an IRTE: posted. */
const IM = 1 << 15;

/** Kinds of the architecture. */
export const VTD_KINDS: readonly StructureKind[] = [
  {
    id: "vtd-fault",
    name: "VT-d fault record",
    layoutOf: () => FRCD,
    summary: (_, fields) => {
      const code = Number(fields.get("FR")?.value ?? 0n);
      const why = reasonMeaning(code)?.meaning ?? "a reserved reason";
      return `A fault record: reason 0x${code.toString(16).padStart(2, "0")}, ${why}, page ${fieldHex(fields, "FI")}.`;
    },
  },
  { id: "vtd-root", name: "VT-d root entry", layoutOf: () => ROOT_ENTRY },
  { id: "vtd-sm-root", name: "VT-d scalable-mode root entry", layoutOf: () => SM_ROOT_ENTRY },
  { id: "vtd-context", name: "VT-d context entry", layoutOf: () => CONTEXT_ENTRY },
  { id: "vtd-sm-context", name: "VT-d scalable-mode context entry", layoutOf: () => SM_CONTEXT_ENTRY },
  { id: "vtd-pasid-dir", name: "VT-d PASID directory entry", layoutOf: () => PASID_DIRECTORY_ENTRY },
  { id: "vtd-pasid", name: "VT-d PASID table entry", layoutOf: () => PASID_TABLE_ENTRY },
  { id: "vtd-fs-pte", name: "VT-d first-stage page entry", layoutOf: () => pagingEntryLayout(1, 1, true) },
  { id: "vtd-ss-pte", name: "VT-d second-stage page entry", layoutOf: () => pagingEntryLayout(2, 1, true) },
  {
    id: "vtd-descriptor",
    name: "VT-d invalidation descriptor",
    layoutOf: (words) => descriptorOf(words)?.layout ?? RESERVED_DESCRIPTOR,
  },
  { id: "vtd-page-request", name: "VT-d page request", layoutOf: () => PAGE_REQ_DSC },
  { id: "vtd-irte", name: "VT-d IRTE", layoutOf: ([lo = 0]) => ((lo & IM) === 0 ? IRTE_REMAPPED : IRTE_POSTED) },
];

/** Where the specification's figures have the registers that capabilities place: only names count here. */
const ANY_PLACE = { iro: 0x50, fro: 0x22, nfr: 0 };

const byName = new Map(
  registersAt(ANY_PLACE.iro, ANY_PLACE.fro, ANY_PLACE.nfr, () => true).map((register) => [register.name, register]),
);

/** A register by name; undefined for a name that the architecture does not have. */
export const vtdRegister = (name: string): RegisterDefinition | undefined => byName.get(name);
