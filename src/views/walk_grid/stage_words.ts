/** Stages, levels and table entries as the architecture calls them, in as many letters as there is room for. */
import { WORDS } from "../../arch/words.ts";
import type { Arch } from "../../protocol/machine.ts";
import type { Wording } from "../geometry/walk_layout.ts";

/** A stage: "Stage 1", or "S1" where words are short. */
export function stageWords(arch: Arch, stage: 1 | 2, wording: Wording): string {
  return wording === "full" ? WORDS[arch].stageNames[stage - 1]! : `S${stage}`;
}

/** The tables at a height of a stage: "Stage 2 L1", "S2 L1" or "L1". */
export function levelWords(arch: Arch, stage: 1 | 2, height: number, wording: Wording): string {
  const level = levelShort(arch, stage, height);
  return wording === "small" ? level : `${stageWords(arch, stage, wording)} ${level}`;
}

/** The tables at a height, in short: "L1". */
export function levelShort(arch: Arch, stage: 1 | 2, height: number): string {
  const words = WORDS[arch];
  return words.levelShort(stage, words.levelAt(height));
}

/** Configuration structures with long names, in short. */
const SHORT_STRUCTURES: Readonly<Record<string, string>> = {
  RootEntry: "Root",
  ContextEntry: "Context",
  PasidDirectoryEntry: "PASID dir",
  PasidEntry: "PASID",
};

/** A configuration structure by its kind, in a word or two. */
export const structureShort = (kind: string): string => SHORT_STRUCTURES[kind] ?? kind;

/** What an entry of a table is: "descriptor", "entry". */
export function entryNoun(arch: Arch): string {
  return WORDS[arch].entryNoun;
}
