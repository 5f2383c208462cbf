/** Intel VT-d as a machine is made of it. */
import { PASID_TABLE_ENTRY } from "../../arch/vtd/pasid_entries.ts";
import { ROOT_ENTRY, SM_CONTEXT_ENTRY } from "../../arch/vtd/root_context.ts";
import { CACHE_NAMES, EVERY_CACHE } from "../../engine/vtd/caches/options.ts";
import { PRESETS } from "../../engine/vtd/presets.ts";
import { TraceKind } from "../../protocol/trace.ts";
import { choicesOf, namesFault } from "../description.ts";
import type { Architecture } from "../unit.ts";
import { CACHE_TITLES } from "./inspect/caches.ts";
import { VTD_OPTIONS } from "./options.ts";
import { VtdUnit } from "./vtd_unit.ts";

/** Registers that say what the unit offers, where no preset does. */
const REQUIRED = ["CAP", "ECAP"] as const;

const CHOICES = choicesOf(PRESETS, CACHE_NAMES, CACHE_TITLES, EVERY_CACHE, VTD_OPTIONS);

export const VTD: Architecture<VtdUnit> = {
  arch: "vtd",
  make: (description, memory) => new VtdUnit(description, memory),
  choices: CHOICES,
  check: (description) => {
    const { preset, registers } = description;
    const missing = preset === undefined ? REQUIRED.find((name) => registers[name] === undefined) : undefined;
    if (missing === undefined) return namesFault(description, CHOICES);
    return { place: `registers.${missing}`, detail: "The register is missing: without it the unit offers nothing." };
  },
  lookupRegisters: ["VER", "CAP", "ECAP", "GSTS", "RTADDR", "PMEN", "PLMBASE", "PLMLIMIT", "PHMBASE", "PHMLIMIT"],
  // Context entries of legacy mode have half as many bytes; what lies behind one is its neighbour.
  structureBytes: {
    [TraceKind.RootEntry]: ROOT_ENTRY.bits / 8,
    [TraceKind.ContextEntry]: SM_CONTEXT_ENTRY.bits / 8,
    [TraceKind.PasidEntry]: PASID_TABLE_ENTRY.bits / 8,
  },
};
