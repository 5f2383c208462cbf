/**
 * Which layout explains the bits of a structure, and what to call it.
 */
import { CD, L1CD } from "../../arch/smmuv3/cd.ts";
import { descriptorKind, descriptorLayout, type GranuleLg2 } from "../../arch/smmuv3/descriptors.ts";
import { L1STD, STE } from "../../arch/smmuv3/ste.ts";
import type { Layout } from "../../base/layout.ts";
import type { StructureQuery } from "../../protocol/engine.ts";

/** Bits of each kind of structure. */
export function structureBits(kind: StructureQuery["kind"]): number {
  return kind === "STE" || kind === "CD" ? 512 : 64;
}

/** The layout for what stands there now: bits of a descriptor mean what its type says. `wide`: 52-bit descriptors. */
export function structureLayout(query: StructureQuery, words: Uint32Array, wide: boolean): Layout {
  switch (query.kind) {
    case "L1STD":
      return L1STD;
    case "STE":
      return STE;
    case "L1CD":
      return L1CD;
    case "CD":
      return CD;
    default: {
      const stage = query.kind === "S1 descriptor" ? 1 : 2;
      return descriptorLayout(stage, descriptorKind(words[0] ?? 0, query.level), granule(query.granuleLg2), wide);
    }
  }
}

function granule(lg2: number): GranuleLg2 {
  return lg2 === 14 || lg2 === 16 ? lg2 : 12;
}

/** A name for the head of the pane, such as "stage-1 table descriptor, level 2". */
export function structureName(query: StructureQuery, words: Uint32Array | null): string {
  switch (query.kind) {
    case "L1STD":
      return "level-1 stream table descriptor";
    case "STE":
      return "stream table entry";
    case "L1CD":
      return "level-1 context descriptor";
    case "CD":
      return "context descriptor";
    default: {
      const kind = words === null ? "" : `${descriptorKind(words[0] ?? 0, query.level)} `;
      return `stage-${query.kind === "S1 descriptor" ? 1 : 2} ${kind}descriptor, level ${query.level}`;
    }
  }
}
