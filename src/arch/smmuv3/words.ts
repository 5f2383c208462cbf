/** The words of Arm SMMUv3. */
import type { ArchitectureWords } from "../architecture_words.ts";
import { descriptorKind } from "./descriptor_kind.ts";
import { REASONS } from "./reasons.ts";

export const SMMUV3_WORDS: ArchitectureWords = {
  name: "Arm SMMUv3",
  reasons: REASONS,
  structureBytes: { L1STD: 8, STE: 64, L1CD: 8, CD: 64, VMS: 64 },
  stageNames: ["Stage 1", "Stage 2"],
  fromLeaf: (level) => 3 - level,
  levelAt: (fromLeaf) => 3 - fromLeaf,
  levelName: (_stage, level) => `level ${level}`,
  levelShort: (_stage, level) => `L${level}`,
  entryNoun: "descriptor",
  entryKind: (_stage, level, lo) => descriptorKind(lo, level),
  requester: "SID",
  context: "SSID",
};
