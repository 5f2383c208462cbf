/** The words of Intel VT-d. */
import type { ArchitectureWords, EntryKind } from "../architecture_words.ts";
import { pagingEntryName, pagingLevel } from "./paging_names.ts";
import { REASONS } from "./reasons.ts";

/** Bit 7 of a paging entry above the last level: it maps a page. */
const PS = 1 << 7;
const PRESENT = 1;
const READ_WRITE = 3;
const LAST_PAGE_LEVEL = 3;

/** An entry of the second stage is there when it allows reading or writing; it has no present bit (§9.8). */
function entryKind(stage: 1 | 2, level: number, lo: number): EntryKind {
  if ((lo & (stage === 1 ? PRESENT : READ_WRITE)) === 0) return "invalid";
  if (level <= 1) return "page";
  return level <= LAST_PAGE_LEVEL && (lo & PS) !== 0 ? "block" : "table";
}

export const VTD_WORDS: ArchitectureWords = {
  name: "Intel VT-d",
  reasons: REASONS,
  structureBytes: { RootEntry: 16, ContextEntry: 32, PasidDirectoryEntry: 8, PasidEntry: 64, IRTE: 16 },
  stageNames: ["First stage", "Second stage"],
  fromLeaf: (level) => level - 1,
  levelAt: (fromLeaf) => fromLeaf + 1,
  levelName: (stage, level) => pagingEntryName(stage, pagingLevel(level)),
  levelShort: (stage, level) => pagingEntryName(stage, pagingLevel(level)).slice(3),
  entryNoun: "entry",
  entryKind,
  requester: "SID",
  context: "PASID",
};
