/**
 * Structures of AMD-Vi that words can be read as. AMD IOMMU specification 48882, revision 3.10, §2.2, §2.4 to §2.6.
 */
import { commandOf } from "../../arch/amdvi/commands.ts";
import { DTE } from "../../arch/amdvi/dte.ts";
import { eventByCode } from "../../arch/amdvi/events.ts";
import { GCR3_ENTRY } from "../../arch/amdvi/gcr3.ts";
import { guestEntryLayout } from "../../arch/amdvi/guest_entries.ts";
import { hostEntryLayout } from "../../arch/amdvi/host_entries.ts";
import { IRTE, IRTE_128, IRTE_GUEST } from "../../arch/amdvi/irte.ts";
import { PAGE_SERVICE_REQUEST } from "../../arch/amdvi/ppr.ts";
import { registerByName } from "../../arch/amdvi/registers.ts";
import { field, type Layout, layout } from "../../base/layout.ts";
import { fieldHex, type StructureKind } from "../structure_kind.ts";

const reserved = (name: string, section: string) =>
  layout(name, section, 128, [
    field("_59_0", 59, 0, "not defined for this code"),
    field("Code", 63, 60, "code"),
    field("_127_64", 127, 64, "not defined for this code"),
  ]);

const RESERVED_EVENT = reserved("Reserved event", "48882 §2.5");
const RESERVED_COMMAND = reserved("Reserved command", "48882 §2.4");

/** Kinds of the architecture. */
export const AMDVI_KINDS: readonly StructureKind[] = [
  {
    id: "amd-dte",
    name: "AMD device table entry",
    layoutOf: () => DTE,
    summary: (_, fields) =>
      fields.get("V")?.value === 0n
        ? "The entry is not valid: requests pass untranslated."
        : `The entry is valid: ${fields.get("Mode")?.meaning}, host tables at ${fieldHex(fields, "HostPageTableRootPtr")}, domain ${fieldHex(fields, "DomainID")}.`,
  },
  {
    id: "amd-event",
    name: "AMD event log record",
    layoutOf: (words) => eventByCode(RESERVED_EVENT.f.Code.get(words, 0))?.layout ?? RESERVED_EVENT,
    summary: (read) => `An event log record: ${read.name}.`,
  },
  {
    id: "amd-command",
    name: "AMD command",
    layoutOf: (words) => commandOf(words)?.layout ?? RESERVED_COMMAND,
    summary: (read) => `A command: ${read.name}.`,
  },
  { id: "amd-host-entry", name: "AMD host page table entry", layoutOf: ([lo = 0]) => hostEntryLayout(lo) },
  { id: "amd-guest-entry", name: "AMD guest page table entry", layoutOf: ([lo = 0]) => guestEntryLayout(lo, 1) },
  { id: "amd-gcr3", name: "AMD GCR3 table entry", layoutOf: () => GCR3_ENTRY },
  { id: "amd-ppr", name: "AMD page request record", layoutOf: () => PAGE_SERVICE_REQUEST },
  { id: "amd-irte", name: "AMD IRTE, 32 bits", layoutOf: () => IRTE },
  {
    id: "amd-irte-128",
    name: "AMD IRTE, 128 bits",
    layoutOf: (words) => (IRTE_128.f.GuestMode.get(words, 0) === 1 ? IRTE_GUEST : IRTE_128),
  },
];

/** Layout of a register by name; null for a name that the architecture does not have. */
export const amdviRegisterLayout = (name: string): Layout | null => registerByName(name)?.layout ?? null;
