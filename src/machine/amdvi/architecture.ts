/** AMD-Vi as a machine is made of it. */
import { DTE_BYTES } from "../../arch/amdvi/dte.ts";
import { CACHE_NAMES, EVERY_CACHE } from "../../engine/amdvi/caches/options.ts";
import { PRESETS } from "../../engine/amdvi/presets.ts";
import type { MachineDescription } from "../../protocol/machine.ts";
import { TraceKind } from "../../protocol/trace.ts";
import { choicesOf, type DescriptionFault, namesFault } from "../description.ts";
import type { Architecture } from "../unit.ts";
import { AmdviUnit } from "./amdvi_unit.ts";
import { CACHE_TITLES } from "./inspect/caches.ts";
import { AMDVI_OPTIONS } from "./options.ts";

const SEGMENTS = Array.from({ length: 7 }, (_, i) => `DEVTAB_BASE_${i + 1}`);

const CHOICES = choicesOf(PRESETS, CACHE_NAMES, CACHE_TITLES, EVERY_CACHE, AMDVI_OPTIONS);

export const AMDVI: Architecture<AmdviUnit> = {
  arch: "amdvi",
  make: (description, memory) => new AmdviUnit(description, memory),
  choices: CHOICES,
  check,
  lookupRegisters: ["EFR", "EFR2", "CONTROL", "DEVTAB_BASE", ...SEGMENTS, "EXCL_BASE", "EXCL_LIMIT"],
  structureBytes: { [TraceKind.DTE]: DTE_BYTES },
};

function check(description: MachineDescription): DescriptionFault | null {
  const names = namesFault(description, CHOICES);
  if (names !== null || description.preset !== undefined || description.registers.EFR !== undefined) return names;
  return { place: "registers.EFR", detail: "The register is missing: without it the IOMMU offers nothing." };
}
