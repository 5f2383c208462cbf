/** Intel VT-d in the shape that every architecture has for views and readers. */
import type { ArchitectureFacts } from "../architecture_facts.ts";
import { FRCD } from "./fault_record.ts";
import { IRTE_POSTED, IRTE_REMAPPED } from "./irte.ts";
import { pagingEntryLayout } from "./paging_entries.ts";
import { pagingLevel } from "./paging_names.ts";
import { PASID_DIRECTORY_ENTRY, PASID_TABLE_ENTRY } from "./pasid_entries.ts";
import { CONTEXT_ENTRY, ROOT_ENTRY, SM_CONTEXT_ENTRY, SM_ROOT_ENTRY } from "./root_context.ts";
import { VTD_WORDS } from "./words.ts";

/** Bit 7 of a paging entry above the last level: it maps a page. */
const PS = 1 << 7;
/** Bit 15 of an IRTE: posted. */
const IM = 1 << 15;

const paging = (stage: 1 | 2): ArchitectureFacts["structures"][string] => ({
  title: `${stage === 1 ? "first" : "second"}-stage paging entry`,
  layoutOf: ({ level }, words) => pagingEntryLayout(stage, pagingLevel(level), ((words[0] ?? 0) & PS) !== 0),
});

export const VTD_FACTS: ArchitectureFacts = {
  ...VTD_WORDS,
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
  recordTitle: "fault record",
  recordOf: () => ({ layout: FRCD, section: FRCD.section }),
};
