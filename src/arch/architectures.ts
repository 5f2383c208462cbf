/** Every architecture by the name that documents have for it: the one table in which views look things up. */
import { AMDVI_FACTS } from "./amdvi/facts.ts";
import type { ArchitectureFacts } from "./architecture_facts.ts";
import { SMMUV3_FACTS } from "./smmuv3/facts.ts";
import { VTD_FACTS } from "./vtd/facts.ts";

export const ARCHITECTURES = {
  smmuv3: SMMUV3_FACTS,
  vtd: VTD_FACTS,
  amdvi: AMDVI_FACTS,
} as const satisfies Readonly<Record<string, ArchitectureFacts>>;
