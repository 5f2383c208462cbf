/** A structure of an AMD IOMMU for the inspector: its bits, the rules it breaks, reserved bits that are set. */
import { DTE_BYTES } from "../../../arch/amdvi/dte.ts";
import { AMDVI_FACTS } from "../../../arch/amdvi/facts.ts";
import { GCR3_ENTRY } from "../../../arch/amdvi/gcr3.ts";
import { R, REASONS } from "../../../arch/amdvi/reasons.ts";
import { dteBrokenRules } from "../../../engine/amdvi/dte_rules.ts";
import type { StructureAnswer, StructureQuery } from "../../../protocol/engine.ts";
import { brokenRule, readWords, reservedBits } from "../../inspect/structure_words.ts";
import type { AmdviUnit } from "../amdvi_unit.ts";

/** Bytes of the larger interrupt table entries. */
const WIDE_IRTE_BYTES = 16;

/** Answer a query about the structure at `query.pa`. */
export function inspectStructure(
  unit: AmdviUnit,
  query: StructureQuery,
): Pick<StructureAnswer, "words" | "lint" | "wide"> {
  const wide = query.kind === "IRTE" && unit.translator.controls.gaEn;
  const words = readWords(unit.memory, query.pa, query.kind === "DTE" ? DTE_BYTES : wide ? WIDE_IRTE_BYTES : 8);
  if (words === null) return { words, lint: [], wide };
  const broken = brokenRules(unit, query, words).map((reason) => brokenRule(REASONS, reason));
  const layout = AMDVI_FACTS.structures[query.kind]?.layoutOf({ ...query, wide }, words);
  // Reserved bits of a device table entry are rules of their own.
  const reserved = layout === undefined || query.kind === "DTE" ? [] : reservedBits(layout, words);
  return { words, lint: [...broken, ...reserved], wide };
}

function brokenRules(unit: AmdviUnit, query: StructureQuery, words: Uint32Array): readonly number[] {
  if (query.kind === "DTE") return dteBrokenRules(words, unit.translator);
  return query.kind === "GCR3" && GCR3_ENTRY.f.V.get(words, 0) === 0 ? [R.GCR3_V] : [];
}
