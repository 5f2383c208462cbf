/** SMMUv3 as a machine is made of it. */
import { CD } from "../../arch/smmuv3/cd.ts";
import { STE } from "../../arch/smmuv3/ste.ts";
import { VMS } from "../../arch/smmuv3/vms.ts";
import { CACHE_NAMES, EVERY_CACHE } from "../../engine/smmuv3/caches/options.ts";
import { PRESETS } from "../../engine/smmuv3/presets.ts";
import type { MachineDescription } from "../../protocol/machine.ts";
import { TraceKind } from "../../protocol/trace.ts";
import { choicesOf, type DescriptionFault, namesFault } from "../description.ts";
import type { Architecture } from "../unit.ts";
import { CACHE_TITLES } from "./inspect/caches.ts";
import { presetValues, SMMU_OPTIONS } from "./options.ts";
import { SmmuUnit } from "./smmu_unit.ts";

/** Registers that say what the SMMU offers. A case that was cut down leaves out those that are zero, but never these. */
const REQUIRED = ["IDR0", "IDR5"] as const;

const CHOICES = choicesOf(PRESETS, CACHE_NAMES, CACHE_TITLES, EVERY_CACHE, SMMU_OPTIONS);

export const SMMUV3: Architecture<SmmuUnit> = {
  arch: "smmuv3",
  make: (description, memory) => new SmmuUnit(description, memory),
  choices: CHOICES,
  check,
  lookupRegisters: ["IDR0", "IDR1", "IDR3", "IDR5", "AIDR", "CR0", "CR2", "GBPA", "STRTAB_BASE", "STRTAB_BASE_CFG"],
  structureBytes: { [TraceKind.STE]: STE.bits / 8, [TraceKind.CD]: CD.bits / 8, [TraceKind.VMS]: VMS.bits / 8 },
};

function check(description: MachineDescription): DescriptionFault | null {
  const names = namesFault(description, CHOICES);
  if (names !== null) return names;
  const registers = { ...presetValues(description), ...description.registers };
  const missing = REQUIRED.find((name) => registers[name] === undefined && registers[`SMMU_${name}`] === undefined);
  if (missing === undefined) return null;
  return {
    place: `registers.${missing}`,
    detail: "The register is missing: without it the SMMU offers nothing.",
  };
}
