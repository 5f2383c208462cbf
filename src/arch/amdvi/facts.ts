/** AMD-Vi in the shape that every architecture has for views and readers. */
import { layout as declare, field } from "../../base/layout.ts";
import type { ArchitectureFacts } from "../architecture_facts.ts";
import { DTE } from "./dte.ts";
import { eventOf } from "./events.ts";
import { GCR3_ENTRY } from "./gcr3.ts";
import { guestEntryLayout } from "./guest_entries.ts";
import { hostEntryLayout } from "./host_entries.ts";
import { IRTE, IRTE_128 } from "./irte.ts";
import { AMDVI_WORDS } from "./words.ts";

const RESERVED_RECORD = declare("Reserved event", "48882 §2.5", 128, [
  field("_59_0", 59, 0, "not defined for this code"),
  field("EventCode", 63, 60, "code of the event"),
  field("_127_64", 127, 64, "not defined for this code"),
]);

export const AMDVI_FACTS: ArchitectureFacts = {
  ...AMDVI_WORDS,
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
  recordTitle: "event",
  recordOf: (words) => {
    const layout = eventOf(words)?.layout ?? RESERVED_RECORD;
    return { layout, section: layout.section };
  },
};
