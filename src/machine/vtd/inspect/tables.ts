/** The table trees of a VT-d unit's stages, for lists and maps. */
import { highHalf, lowHalf } from "../../../base/address.ts";
import { Want } from "../../../engine/common/request.ts";
import { INTERRUPT_RANGE } from "../../../engine/vtd/remapper.ts";
import type { RequestConfig } from "../../../engine/vtd/request_config.ts";
import { Purpose } from "../../../engine/vtd/second_stage.ts";
import { badReason, leafVerdict, scanRoot, secondStageOf, surveyReader } from "../../../engine/vtd/survey.ts";
import { type ContextTables, passesAll, type SourceRoot, type UntranslatedRange } from "../../inspect/table_source.ts";
import type { VtdUnit } from "../vtd_unit.ts";
import { contextOf } from "./context.ts";
import { upkeepOf } from "./upkeep.ts";

/** VT-d numbers levels from 1, for pages. */
export const vtdLevel = (level: number): number => level + 1;

/**
 * Nothing passes to the addresses of interrupts. Writes without a PASID are interrupts there, other requests are translated
 * (VT-d §3.14).
 */
const INTERRUPTS: UntranslatedRange = { ...INTERRUPT_RANGE, passes: 0, translates: Want.Read | Want.Execute };
const OF_PASIDS: UntranslatedRange = { ...INTERRUPTS, translates: Want.Read | Want.Write | Want.Execute };

/** The tables of a requester and its PASID. */
export function contextTables(unit: VtdUnit, sid: number, pasid: number | null): ContextTables {
  const { ok, config } = contextOf(unit, sid, pasid);
  return {
    resolved: ok,
    untranslated: () => {
      const passes = ok && !config.first && !config.second;
      return [...(passes ? [passesAll(unit.remapper.caps.haw)] : []), pasid === null ? INTERRUPTS : OF_PASIDS];
    },
    stages: [
      ok && config.first ? () => [rootOf(unit, config, 1)] : null,
      ok && config.second ? () => [rootOf(unit, config, 2)] : null,
    ],
    levelOf: vtdLevel,
    upkeep: (stage) => upkeepOf(unit, config, sid, pasid, stage),
    beneath: () => secondStageOf(unit.remapper, config, Purpose.Request),
  };
}

function rootOf(unit: VtdUnit, config: RequestConfig, stage: 1 | 2): SourceRoot {
  const root = stage === 1 ? config.fs : config.ss;
  // The upper half of a first-stage tree translates the canonical addresses that end at 2^64.
  const upper = stage === 1 ? 2 ** (root.inputBits - 1) : Number.POSITIVE_INFINITY;
  return {
    scan: scanRoot(config, stage),
    reader: surveyReader(unit.remapper, unit.memory, config, stage),
    inputBits: root.inputBits,
    inputAddress: (offset) => {
      const [hi, lo] = [highHalf(offset), lowHalf(offset) >>> 0];
      return offset >= upper ? [(hi | root.overHi) >>> 0, (lo | root.overLo) >>> 0] : [hi, lo];
    },
    verdict: (p) => leafVerdict(config, stage, p.lo, p.hi, p.inherited),
    badReason: (why, code) => badReason(config, stage, why, code),
  };
}
