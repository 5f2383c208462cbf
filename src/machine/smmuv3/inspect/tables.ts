/** The table trees of an SMMUv3's stages, for lists and maps. */
import { highHalf, lowHalf } from "../../../base/address.ts";
import type { ResolvedStream } from "../../../engine/smmuv3/config_resolver.ts";
import type { TableBase } from "../../../engine/smmuv3/stream_config.ts";
import {
  badReason,
  scanRoot,
  stage1LeafVerdict,
  stage2LeafVerdict,
  surveyReader,
} from "../../../engine/smmuv3/survey.ts";
import { End, EventClass, Translation } from "../../../engine/smmuv3/translation.ts";
import { armLevel } from "../../../pagetable/formats/vmsav8.ts";
import { type Beneath, type ContextTables, passesAll, type SourceRoot } from "../../inspect/table_source.ts";
import type { SmmuUnit } from "../smmu_unit.ts";
import { contextOf } from "./context.ts";
import { upkeepOf } from "./upkeep.ts";

/** Any permission will do: a list shows what there is. */
const ANY = 7;

/** The tables of a context. */
export function contextTables(unit: SmmuUnit, sid: number, ssid: number | null): ContextTables {
  const { ok, config } = contextOf(unit, sid, ssid);
  return {
    resolved: ok,
    untranslated: () => (ok && !config.stage1 && !config.stage2 ? [passesAll(unit.smmu.caps.oas)] : []),
    stages: [
      ok && config.stage1 ? () => rootsOf(unit, config, 1) : null,
      config.stage2 && config.s2.fmt !== null ? () => rootsOf(unit, config, 2) : null,
    ],
    levelOf: armLevel,
    upkeep: (stage) => upkeepOf(unit, config, { sid, ssid }, stage),
    beneath: () => beneath(unit, config),
  };
}

function rootsOf(unit: SmmuUnit, config: ResolvedStream, stage: 1 | 2): SourceRoot[] {
  if (stage === 2) return [rootOf(unit, config, 2, config.s2, false)];
  const roots: SourceRoot[] = [];
  if (!config.ttb0.disabled) roots.push(rootOf(unit, config, 1, config.ttb0, false));
  if (config.twoHalves && !config.ttb1.disabled) roots.push(rootOf(unit, config, 1, config.ttb1, true));
  return roots;
}

/** @param upper the tree's input range ends at 2^64 */
function rootOf(unit: SmmuUnit, config: ResolvedStream, stage: 1 | 2, base: TableBase, upper: boolean): SourceRoot {
  return {
    scan: scanRoot(base),
    reader: surveyReader(unit.smmu, unit.memory, config, stage, base),
    inputBits: base.inputBits,
    inputAddress: (offset) => {
      const [hi, lo] = [highHalf(offset), lowHalf(offset) >>> 0];
      return upper ? [(hi | base.overHi) >>> 0, (lo | base.overLo) >>> 0] : [hi, lo];
    },
    verdict: (p) =>
      stage === 1
        ? stage1LeafVerdict(config, base, p.lo, p.hi, p.inherited)
        : stage2LeafVerdict(unit.smmu, config, p.lo, p.hi),
    badReason: (why, code, p) => badReason(why, code, p.lo, p.level),
  };
}

function beneath({ smmu }: SmmuUnit, config: ResolvedStream): (hi: number, lo: number) => Beneath {
  const t = new Translation();
  return (hi, lo) => {
    t.begin();
    t.want = ANY;
    if (smmu.stage2.translate(t, config, null, hi, lo, EventClass.IN)) {
      const pa = smmu.stage2.paHi * 0x1_0000_0000 + (smmu.stage2.paLo >>> 0);
      return { type: "ok", pa, permissions: t.permissions2 };
    }
    return t.end === End.Unknown ? { type: "unknown" } : { type: "fault", reason: t.reason };
  };
}
