/** A structure of an SMMUv3 for the inspector: its bits, the rules it breaks, reserved bits that are set. */
import { CD, L1CD } from "../../../arch/smmuv3/cd.ts";
import { descriptorKind } from "../../../arch/smmuv3/descriptor_kind.ts";
import { descriptorLayout, type GranuleLg2 } from "../../../arch/smmuv3/descriptors.ts";
import { R, REASONS } from "../../../arch/smmuv3/reasons.ts";
import { L1STD, STE } from "../../../arch/smmuv3/ste.ts";
import { VMS } from "../../../arch/smmuv3/vms.ts";
import type { Layout } from "../../../base/layout.ts";
import { cdBrokenRules } from "../../../engine/smmuv3/cd_rules.ts";
import { steBrokenRules } from "../../../engine/smmuv3/ste_rules.ts";
import { readStreamTable, spanReason } from "../../../engine/smmuv3/stream_table.ts";
import type { StructureAnswer, StructureQuery } from "../../../protocol/engine.ts";
import { brokenRule, readWords, reservedBits } from "../../inspect/structure_words.ts";
import type { SmmuUnit } from "../smmu_unit.ts";
import { contextOf } from "./context.ts";

/** The layout a query's bits are read by; descriptors depend on their own bits. */
function layoutOf(query: StructureQuery, lo: number, wide: boolean): Layout {
  switch (query.kind) {
    case "L1STD":
      return L1STD;
    case "STE":
      return STE;
    case "L1CD":
      return L1CD;
    case "CD":
      return CD;
    case "VMS":
      return VMS;
    default: {
      const granule = ([12, 14, 16] as const).find((g) => g === query.granuleLg2) ?? (12 satisfies GranuleLg2);
      return descriptorLayout(query.kind === "S1 descriptor" ? 1 : 2, descriptorKind(lo, query.level), granule, wide);
    }
  }
}

/** Structures of 64 bytes. */
const LARGE: ReadonlySet<StructureQuery["kind"]> = new Set(["STE", "CD", "VMS"]);

/** Answer a query about the structure at `query.pa`. */
export function inspectStructure(
  unit: SmmuUnit,
  query: StructureQuery,
): Pick<StructureAnswer, "words" | "lint" | "wide"> {
  const wide = isWide(unit, query);
  const words = readWords(unit.memory, query.pa, LARGE.has(query.kind) ? 64 : 8);
  if (words === null) return { words, lint: [], wide };
  const broken = brokenRules(unit, query, words).map((reason) => brokenRule(REASONS, reason));
  return { words, lint: [...broken, ...reservedBits(layoutOf(query, words[0]!, wide), words)], wide };
}

/** The descriptor belongs to tables with 52-bit addresses. */
function isWide(unit: SmmuUnit, query: StructureQuery): boolean {
  if (query.kind !== "S1 descriptor" && query.kind !== "S2 descriptor") return false;
  const { config } = contextOf(unit, query.sid, null);
  const base = query.kind === "S2 descriptor" ? config.s2 : config.ttb0.disabled ? config.ttb1 : config.ttb0;
  return base.fmt?.oaMoreHi != null;
}

function brokenRules(unit: SmmuUnit, query: StructureQuery, words: Uint32Array): readonly number[] {
  const { caps, registers } = unit.smmu;
  switch (query.kind) {
    case "STE":
      return steBrokenRules(words, caps);
    case "CD": {
      const { config } = contextOf(unit, query.sid, null);
      return cdBrokenRules(words, { caps, ste: config.ste, world: config.world });
    }
    case "L1STD": {
      const split = readStreamTable(registers, caps).split ?? 6;
      const reason = spanReason(L1STD.f.Span.get(words, 0), 0, split);
      return reason === R.NONE ? [] : [reason];
    }
    case "L1CD":
      return L1CD.f.V.get(words, 0) === 0 ? [R.L1CD_V] : [];
    default:
      return [];
  }
}
