/** Intel VT-d in the shape that every architecture has for views and readers. */
import type { ArchitectureFacts, EntryKind } from "../architecture_facts.ts";
import { FRCD } from "./fault_record.ts";
import { IRTE_POSTED, IRTE_REMAPPED } from "./irte.ts";
import { type PagingLevel, pagingEntryLayout, pagingEntryName } from "./paging_entries.ts";
import { PASID_DIRECTORY_ENTRY, PASID_TABLE_ENTRY } from "./pasid_entries.ts";
import { REASONS } from "./reasons.ts";
import { CONTEXT_ENTRY, ROOT_ENTRY, SM_CONTEXT_ENTRY, SM_ROOT_ENTRY } from "./root_context.ts";

/** Bit 7 of a paging entry above the last level: it maps a page. */
const PS = 1 << 7;
/** Bit 15 of an IRTE: posted. */
const IM = 1 << 15;
const PRESENT = 1;
const READ_WRITE = 3;
const LAST_PAGE_LEVEL = 3;

const pagingLevel = (level: number): PagingLevel => Math.max(1, Math.min(5, level)) as PagingLevel;

const paging = (stage: 1 | 2): ArchitectureFacts["structures"][string] => ({
  title: `${stage === 1 ? "first" : "second"}-stage paging entry`,
  layoutOf: ({ level }, words) => pagingEntryLayout(stage, pagingLevel(level), ((words[0] ?? 0) & PS) !== 0),
});

/** An entry of the second stage is there when it allows reading or writing; it has no present bit (§9.8). */
function entryKind(stage: 1 | 2, level: number, lo: number): EntryKind {
  if ((lo & (stage === 1 ? PRESENT : READ_WRITE)) === 0) return "invalid";
  if (level <= 1) return "page";
  return level <= LAST_PAGE_LEVEL && (lo & PS) !== 0 ? "block" : "table";
}

export const VTD_FACTS: ArchitectureFacts = {
  name: "Intel VT-d",
  reasons: REASONS,
  structures: {
    RootEntry: { title: "root entry", layoutOf: ({ wide }) => (wide ? SM_ROOT_ENTRY : ROOT_ENTRY) },
    ContextEntry: { title: "context entry", layoutOf: ({ wide }) => (wide ? SM_CONTEXT_ENTRY : CONTEXT_ENTRY) },
    PasidDirectoryEntry: { title: "PASID directory entry", layoutOf: () => PASID_DIRECTORY_ENTRY },
    PasidEntry: { title: "PASID table entry", layoutOf: () => PASID_TABLE_ENTRY },
    IRTE: {
      title: "interrupt remapping table entry",
      layoutOf: (_, words) => (((words[0] ?? 0) & IM) === 0 ? IRTE_REMAPPED : IRTE_POSTED),
    },
    "S1 descriptor": paging(1),
    "S2 descriptor": paging(2),
  },
  stageNames: ["First stage", "Second stage"],
  fromLeaf: (level) => level - 1,
  levelAt: (fromLeaf) => fromLeaf + 1,
  levelName: (stage, level) => pagingEntryName(stage, pagingLevel(level)),
  levelShort: (stage, level) => pagingEntryName(stage, pagingLevel(level)).slice(3),
  entryKind,
  recordTitle: "fault record",
  recordOf: () => ({ layout: FRCD, section: FRCD.section }),
  requester: "SID",
  context: "PASID",
};
