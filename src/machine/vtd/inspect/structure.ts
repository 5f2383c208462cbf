/** A structure of a VT-d unit for the inspector: its bits, the rules it breaks, reserved bits that are set. */
import { type PagingLevel, pagingEntryLayout } from "../../../arch/vtd/paging_entries.ts";
import { PASID_DIRECTORY_ENTRY, PASID_TABLE_ENTRY } from "../../../arch/vtd/pasid_entries.ts";
import { R, REASONS } from "../../../arch/vtd/reasons.ts";
import { CONTEXT_ENTRY, ROOT_ENTRY, SM_CONTEXT_ENTRY, SM_ROOT_ENTRY } from "../../../arch/vtd/root_context.ts";
import type { Layout } from "../../../base/layout.ts";
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

/** How a structure is read, and which rules it has to keep. */
interface Reading {
  readonly layout: Layout;
  readonly rules: readonly EntryRule[];
}

/** The configuration structure that a query names; null for a paging entry. */
function configurationReading(query: StructureQuery, scalable: boolean): Reading | null {
  switch (query.kind) {
    case "RootEntry": {
      const half = (query.sid & 0x80) === 0 ? LOWER_ROOT_RULES : UPPER_ROOT_RULES;
      return scalable ? { layout: SM_ROOT_ENTRY, rules: half } : { layout: ROOT_ENTRY, rules: ROOT_RULES };
    }
    case "ContextEntry":
      return scalable
        ? { layout: SM_CONTEXT_ENTRY, rules: SM_CONTEXT_RULES }
        : { layout: CONTEXT_ENTRY, rules: CONTEXT_RULES };
    case "PasidDirectoryEntry":
      return { layout: PASID_DIRECTORY_ENTRY, rules: DIRECTORY_RULES };
    case "PasidEntry":
      return { layout: PASID_TABLE_ENTRY, rules: PASID_RULES };
    default:
      return null;
  }
}

/** Answer a query about the structure at `query.pa`. */
export function inspectStructure(
  unit: VtdUnit,
  query: StructureQuery,
): Pick<StructureAnswer, "words" | "lint" | "wide"> {
  const { caps, state } = unit.remapper;
  const scalable = state.ttm === Ttm.Scalable;
  const reading = configurationReading(query, scalable);
  const wide = scalable && (query.kind === "RootEntry" || query.kind === "ContextEntry");
  const words = readWords(unit.memory, query.pa, (reading?.layout.bits ?? 64) / 8);
  if (words === null) return { words, lint: [], wide };
  const broken = reading === null ? pagingRules(unit, query, words) : allBroken(reading.rules, words, caps);
  const lint = broken.map((reason) => brokenRule(REASONS, reason));
  const layout = reading?.layout ?? pagingLayout(query, words);
  return { words, lint: lint.length > 0 ? lint : reservedBits(layout, words), wide };
}

const PS = 1 << 7;

function pagingLayout(query: StructureQuery, words: Uint32Array): Layout {
  const level = Math.max(1, Math.min(5, query.level)) as PagingLevel;
  return pagingEntryLayout(query.kind === "S1 descriptor" ? 1 : 2, level, (words[0]! & PS) !== 0);
}

/** An entry that a walk would refuse as reserved. */
function pagingRules(unit: VtdUnit, query: StructureQuery, words: Uint32Array): number[] {
  const { config } = contextOf(unit, query.sid, null);
  const first = query.kind === "S1 descriptor";
  const root = first ? config.fs : config.ss;
  const level = Math.max(1, Math.min(5, query.level)) - 1;
  if (root.fmt === null || level > root.level) return [];
  const [lo, hi] = [words[0]! | 0, words[1]! | 0];
  const kind = root.fmt.kindOf(lo, hi, level);
  const tooFar = kind !== Kind.Empty && (hi & root.fmt.oaHiMask & root.beyondHi) !== 0;
  if (kind !== Kind.Reserved && !tooFar) return [];
  return [first ? R.SFS_3 : config.scalable ? R.SSS_3 : R.LSS_2];
}
