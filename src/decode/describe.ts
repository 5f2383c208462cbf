/**
 * Every entry in brief, whatever its architecture.
 */
import { describeAmdvi } from "./amdvi/describe.ts";
import { type EntryDescription, PLAIN } from "./description.ts";
import type { DecodedEntry } from "./entry.ts";
import { describeSmmuv3 } from "./smmuv3/describe.ts";
import { describeVtd } from "./vtd/describe.ts";

/** Describe an entry. */
export function describeEntry(e: DecodedEntry): EntryDescription {
  if (e.type === "suppressed") return { ...PLAIN, weight: "missing", name: `${e.count} messages suppressed` };
  if (e.type === "refuse") return { ...PLAIN, weight: "foreign", name: "Not an IOMMU event" };
  return describeSmmuv3(e) ?? describeVtd(e) ?? describeAmdvi(e) ?? { ...PLAIN, weight: "structure", name: e.type };
}
