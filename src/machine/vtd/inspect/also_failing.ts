/**
 * What else would have stopped a request after the check that did: further rules that the same structure breaks. For
 * those who mend one thing and want to know whether that is all.
 */
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
import type { RequestConfig } from "../../../engine/vtd/request_config.ts";
import type { Translation } from "../../../engine/vtd/translation.ts";
import type { VtdUnit } from "../vtd_unit.ts";

type StructureOf = (config: RequestConfig) => Uint32Array;

const STRUCTURES: readonly (readonly [rules: readonly EntryRule[], words: StructureOf])[] = [
  [ROOT_RULES, (config) => config.root],
  [LOWER_ROOT_RULES, (config) => config.root],
  [UPPER_ROOT_RULES, (config) => config.root],
  [CONTEXT_RULES, (config) => config.context],
  [SM_CONTEXT_RULES, (config) => config.context],
  [DIRECTORY_RULES, (config) => config.directory],
  [PASID_RULES, (config) => config.entry],
];

/** Reasons, in the order of the checks, that would have ended the request too; `t` is how it ended. */
export function alsoFailing(unit: VtdUnit, t: Translation, config: RequestConfig): number[] {
  const found = STRUCTURES.find(([rules]) => rules.some((rule) => rule.reason === t.reason));
  if (found === undefined) return [];
  const [rules, wordsOf] = found;
  return allBroken(rules, wordsOf(config), unit.remapper.caps).filter((reason) => reason !== t.reason);
}
