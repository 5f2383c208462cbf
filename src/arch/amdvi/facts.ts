/** AMD-Vi in the shape that every architecture has for views and readers. */
import { layout as declare, field } from "../../base/layout.ts";
import type { ArchitectureFacts, EntryKind } from "../architecture_facts.ts";
import { DTE } from "./dte.ts";
import { eventOf } from "./events.ts";
import { GCR3_ENTRY } from "./gcr3.ts";
import { guestEntryLayout } from "./guest_entries.ts";
import { hostEntryLayout } from "./host_entries.ts";
import { IRTE, IRTE_128 } from "./irte.ts";
import { REASONS } from "./reasons.ts";

const PRESENT = 1;
/** Bit 7 of a guest entry above the last level: it maps a page. */
const PS = 1 << 7;
/** Next level codes of a host entry: a page, and a page whose size is in its address. */
const DEFAULT_PAGE = 0;
const SIZED_PAGE = 7;

const RESERVED_RECORD = declare("Reserved event", "48882 §2.5", 128, [
  field("_59_0", 59, 0, "not defined for this code"),
  field("EventCode", 63, 60, "code of the event"),
  field("_127_64", 127, 64, "not defined for this code"),
]);

function entryKind(stage: 1 | 2, level: number, lo: number): EntryKind {
  if ((lo & PRESENT) === 0) return "invalid";
  if (stage === 1) return level <= 1 ? "page" : (lo & PS) === 0 ? "table" : "block";
  const next = (lo >>> 9) & 7;
  return next === DEFAULT_PAGE || next === SIZED_PAGE ? (level <= 1 ? "page" : "block") : "table";
}

export const AMDVI_FACTS: ArchitectureFacts = {
  name: "AMD-Vi",
  reasons: REASONS,
  structures: {
    DTE: { title: "device table entry", layoutOf: () => DTE },
    GCR3: { title: "GCR3 table entry", layoutOf: () => GCR3_ENTRY },
    IRTE: { title: "interrupt remapping table entry", layoutOf: ({ wide }) => (wide ? IRTE_128 : IRTE) },
    "S1 descriptor": {
      title: "guest page table entry",
      layoutOf: ({ level }, words) => guestEntryLayout(words[0] ?? 0, level),
    },
    "S2 descriptor": { title: "host page table entry", layoutOf: (_, words) => hostEntryLayout(words[0] ?? 0) },
  },
  stageNames: ["Guest tables", "Host tables"],
  fromLeaf: (level) => level - 1,
  levelAt: (fromLeaf) => fromLeaf + 1,
  levelName: (_stage, level) => `level ${level}`,
  levelShort: (_stage, level) => `L${level}`,
  entryKind,
  recordTitle: "event",
  recordOf: (words) => {
    const layout = eventOf(words)?.layout ?? RESERVED_RECORD;
    return { layout, section: layout.section };
  },
  requester: "DeviceID",
  context: "PASID",
};
