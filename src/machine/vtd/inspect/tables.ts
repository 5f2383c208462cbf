/** The table trees of a VT-d unit's stages, for lists and maps. */
import type { RequestConfig } from "../../../engine/vtd/request_config.ts";
import { Purpose } from "../../../engine/vtd/second_stage.ts";
import { badReason, leafVerdict, scanRoot, secondStageOf, surveyReader } from "../../../engine/vtd/survey.ts";
import { halves, type LeafSource, type SourceRoot, type TableSource } from "../../inspect/table_source.ts";
import type { VtdUnit } from "../vtd_unit.ts";
import { contextOf } from "./context.ts";

/** VT-d numbers levels from 1, for pages. */
export const vtdLevel = (level: number): number => level + 1;

/** The tree of one stage; null when the requester does not use it, or cannot be resolved. */
export function stageSource(unit: VtdUnit, sid: number, pasid: number | null, stage: 1 | 2): TableSource | null {
  const { ok, config } = contextOf(unit, sid, pasid);
  if (!ok || !(stage === 1 ? config.first : config.second)) return null;
  return { stage, roots: [rootOf(unit, config, stage)], levelOf: vtdLevel };
}

/** The tree that requests meet first: of the first stage where it translates, else of the second; null for none. */
export function leafSource(unit: VtdUnit, sid: number, pasid: number | null): LeafSource | null {
  const { ok, config } = contextOf(unit, sid, pasid);
  if (!ok || !(config.first || config.second)) return null;
  const stage = config.first ? 1 : 2;
  const nested = config.first && config.second;
  return {
    stage,
    roots: [rootOf(unit, config, stage)],
    levelOf: vtdLevel,
    beneath: nested ? secondStageOf(unit.remapper, config, Purpose.Request) : null,
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
      const [hi, lo] = halves(offset);
      return offset >= upper ? [(hi | root.overHi) >>> 0, (lo | root.overLo) >>> 0] : [hi, lo];
    },
    verdict: (p) => leafVerdict(config, stage, p.lo, p.hi, p.inherited),
    badReason: (why, code) => badReason(config, stage, why, code),
  };
}
