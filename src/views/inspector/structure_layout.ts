/**
 * Which layout explains the bits of a structure, and what to call it.
 */
import type { ArchitectureFacts, StructureFacts } from "../../arch/architecture_facts.ts";
import type { Layout } from "../../base/layout.ts";
import type { StructureQuery } from "../../protocol/engine.ts";

function structureFacts(facts: ArchitectureFacts, query: StructureQuery): StructureFacts {
  const found = facts.structures[query.kind];
  if (found === undefined) throw new Error(`${facts.name} has no ${query.kind}`);
  return found;
}

/** The stage whose tables hold the structure, or null where it is no table entry. */
export function stageOf(kind: StructureQuery["kind"]): 1 | 2 | null {
  return kind === "S1 descriptor" ? 1 : kind === "S2 descriptor" ? 2 : null;
}

/** The layout for what stands there now: bits mean what others of them say. `wide`: of two forms, the larger. */
export function structureLayout(
  facts: ArchitectureFacts,
  query: StructureQuery,
  words: Uint32Array,
  wide: boolean,
): Layout {
  const { level, granuleLg2 } = query;
  return structureFacts(facts, query).layoutOf({ level, granuleLg2, wide }, words);
}

/** A name for the head of the pane, such as "stage-1 descriptor: table, level 2". */
export function structureName(facts: ArchitectureFacts, query: StructureQuery, words: Uint32Array | null): string {
  const { title } = structureFacts(facts, query);
  const stage = stageOf(query.kind);
  if (stage === null) return title;
  const kind = words === null ? "" : `${facts.entryKind(stage, query.level, words[0] ?? 0, words[1] ?? 0)}, `;
  return `${title}: ${kind}${facts.levelName(stage, query.level)}`;
}
