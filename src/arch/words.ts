/** The words of every architecture by the name that documents have for it. */
import { AMDVI_WORDS } from "./amdvi/words.ts";
import type { ArchitectureWords } from "./architecture_words.ts";
import { SMMUV3_WORDS } from "./smmuv3/words.ts";
import { VTD_WORDS } from "./vtd/words.ts";

export const WORDS = {
  smmuv3: SMMUV3_WORDS,
  vtd: VTD_WORDS,
  amdvi: AMDVI_WORDS,
} as const satisfies Readonly<Record<string, ArchitectureWords>>;
