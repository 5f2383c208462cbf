/** The words of AMD-Vi. */
import type { ArchitectureWords, EntryKind } from "../architecture_words.ts";
import { REASONS } from "./reasons.ts";

const PRESENT = 1;
/** Bit 7 of a guest entry above the last level: it maps a page. */
const PS = 1 << 7;
/** Next level codes of a host entry: a page, and a page whose size is in its address. */
const DEFAULT_PAGE = 0;
const SIZED_PAGE = 7;

function entryKind(stage: 1 | 2, level: number, lo: number): EntryKind {
  if ((lo & PRESENT) === 0) return "invalid";
  if (stage === 1) return level <= 1 ? "page" : (lo & PS) === 0 ? "table" : "block";
  const next = (lo >>> 9) & 7;
  return next === DEFAULT_PAGE || next === SIZED_PAGE ? (level <= 1 ? "page" : "block") : "table";
}

export const AMDVI_WORDS: ArchitectureWords = {
  name: "AMD-Vi",
  reasons: REASONS,
  structureBytes: { DTE: 32, GCR3: 8, IRTE: 16 },
  stageNames: ["Guest tables", "Host tables"],
  fromLeaf: (level) => level - 1,
  levelAt: (fromLeaf) => fromLeaf + 1,
  levelName: (_stage, level) => `level ${level}`,
  levelShort: (_stage, level) => `L${level}`,
  entryNoun: "entry",
  entryKind,
  requester: "DeviceID",
  context: "PASID",
};
