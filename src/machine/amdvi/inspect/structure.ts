/** A structure of an AMD IOMMU for the inspector: its bits, the rules it breaks, reserved bits that are set. */
import { DTE, DTE_BYTES } from "../../../arch/amdvi/dte.ts";
import { GCR3_ENTRY } from "../../../arch/amdvi/gcr3.ts";
import { guestEntryLayout } from "../../../arch/amdvi/guest_entries.ts";
import { hostEntryLayout } from "../../../arch/amdvi/host_entries.ts";
import { R, REASONS } from "../../../arch/amdvi/reasons.ts";
import type { Layout } from "../../../base/layout.ts";
import { dteBrokenRules } from "../../../engine/amdvi/dte_rules.ts";
import type { StructureAnswer, StructureQuery } from "../../../protocol/engine.ts";
import { brokenRule, readWords, reservedBits } from "../../inspect/structure_words.ts";
import type { AmdviUnit } from "../amdvi_unit.ts";

/** The layout a query's bits are read by; entries depend on their own bits. */
function layoutOf({ kind, level }: StructureQuery, lo: number): Layout {
  switch (kind) {
    case "DTE":
      return DTE;
    case "GCR3":
      return GCR3_ENTRY;
    case "S1 descriptor":
      return guestEntryLayout(lo, level);
    default:
      return hostEntryLayout(lo);
  }
}

/** Answer a query about the structure at `query.pa`. */
export function inspectStructure(
  unit: AmdviUnit,
  query: StructureQuery,
): Pick<StructureAnswer, "words" | "lint" | "wide"> {
  const words = readWords(unit.memory, query.pa, query.kind === "DTE" ? DTE_BYTES : 8);
  if (words === null) return { words, lint: [], wide: false };
  const broken = brokenRules(unit, query, words).map((reason) => brokenRule(REASONS, reason));
  // Reserved bits of a device table entry are rules of their own.
  const reserved = query.kind === "DTE" ? [] : reservedBits(layoutOf(query, words[0]!), words);
  return { words, lint: [...broken, ...reserved], wide: false };
}

function brokenRules(unit: AmdviUnit, query: StructureQuery, words: Uint32Array): readonly number[] {
  if (query.kind === "DTE") return dteBrokenRules(words, unit.translator);
  return query.kind === "GCR3" && GCR3_ENTRY.f.V.get(words, 0) === 0 ? [R.GCR3_V] : [];
}
