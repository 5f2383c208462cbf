/** A structure of a VT-d unit for the inspector: its bits, the rules it breaks, reserved bits that are set. */
import { VTD_FACTS } from "../../../arch/vtd/facts.ts";
import { R, REASONS } from "../../../arch/vtd/reasons.ts";
import {
  allBroken,
  CONTEXT_RULES,
  DIRECTORY_RULES,
  type EntryRule,
  LOWER_ROOT_RULES,
  PASID_RULES,
  ROOT_RULES,
  SM_CONTEXT_RULES,
  UPPER_ROOT_RULES,
} from "../../../engine/vtd/entry_rules.ts";
import { Ttm } from "../../../engine/vtd/remapping_state.ts";
import { Kind } from "../../../pagetable/format.ts";
import type { StructureAnswer, StructureQuery } from "../../../protocol/engine.ts";
import { brokenRule, readWords, reservedBits } from "../../inspect/structure_words.ts";
import type { VtdUnit } from "../vtd_unit.ts";
import { contextOf } from "./context.ts";

/** Answer a query about the structure at `query.pa`; a kind that VT-d does not have has no words. */
export function inspectStructure(
  unit: VtdUnit,
  query: StructureQuery,
): Pick<StructureAnswer, "words" | "lint" | "wide"> {
  const { caps, state } = unit.remapper;
  const facts = VTD_FACTS.structures[query.kind];
  const wide = state.ttm === Ttm.Scalable && (query.kind === "RootEntry" || query.kind === "ContextEntry");
  if (facts === undefined) return { words: null, lint: [], wide };
  const form = { level: query.level, granuleLg2: query.granuleLg2, wide };
  const words = readWords(unit.memory, query.pa, facts.layoutOf(form, []).bits / 8);
  if (words === null) return { words, lint: [], wide };
  const rules = rulesOf(query, wide);
  const broken = rules === null ? pagingRules(unit, query, words) : allBroken(rules, words, caps);
  const lint = broken.map((reason) => brokenRule(REASONS, reason));
  return { words, lint: lint.length > 0 ? lint : reservedBits(facts.layoutOf(form, words), words), wide };
}

/** The rules that a structure has to keep; null for a paging entry, whose tables decide. */
function rulesOf({ kind, sid }: StructureQuery, wide: boolean): readonly EntryRule[] | null {
  switch (kind) {
    case "RootEntry":
      if (!wide) return ROOT_RULES;
      return (sid & 0x80) === 0 ? LOWER_ROOT_RULES : UPPER_ROOT_RULES;
    case "ContextEntry":
      return wide ? SM_CONTEXT_RULES : CONTEXT_RULES;
    case "PasidDirectoryEntry":
      return DIRECTORY_RULES;
    case "PasidEntry":
      return PASID_RULES;
    case "S1 descriptor":
    case "S2 descriptor":
      return null;
    default:
      return [];
  }
}

/** An entry that a walk would refuse as reserved. */
function pagingRules(unit: VtdUnit, query: StructureQuery, words: Uint32Array): number[] {
  const { config } = contextOf(unit, query.sid, null);
  const first = query.kind === "S1 descriptor";
  const root = first ? config.fs : config.ss;
  const level = VTD_FACTS.fromLeaf(query.level);
  if (root.fmt === null || level < 0 || level > root.level) return [];
  const [lo, hi] = [words[0]! | 0, words[1]! | 0];
  const kind = root.fmt.kindOf(lo, hi, level);
  const tooFar = kind !== Kind.Empty && (hi & root.fmt.oaHiMask & root.beyondHi) !== 0;
  if (kind !== Kind.Reserved && !tooFar) return [];
  return [first ? R.SFS_3 : config.scalable ? R.SSS_3 : R.LSS_2];
}
