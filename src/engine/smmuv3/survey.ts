/**
 * A look over everything a stream maps, beside the path of a transaction: for lists and maps. Changes nothing.
 */

import { R } from "../../arch/smmuv3/reasons.ts";
import { highHalf, lowHalf } from "../../base/address.ts";
import type { ScanRoot } from "../../pagetable/scan.ts";
import { SurveyReader, UNKNOWN_CODE } from "../common/survey.ts";
import type { PhysicalMemory } from "../memory/physical_memory.ts";
import type { ResolvedStream } from "./config_resolver.ts";
import { accessed, isTableType, stage1Permissions, stage2Permissions } from "./leaf.ts";
import type { Smmuv3 } from "./smmu.ts";
import type { TableBase } from "./stream_config.ts";
import { End, EventClass, Translation } from "./translation.ts";

/** Reads the entries of one stage's tables, through stage 2 where they lie under it. */
export function surveyReader(
  smmu: Smmuv3,
  memory: PhysicalMemory,
  config: ResolvedStream,
  stage: 1 | 2,
  base: TableBase,
): SurveyReader {
  const t = new Translation();
  const beneath = (at: number): number => {
    t.begin();
    if (!smmu.stage2.translate(t, config, null, highHalf(at), lowHalf(at), EventClass.TT)) {
      return -(t.end === End.Unknown ? UNKNOWN_CODE : 1 + t.reason);
    }
    return smmu.stage2.paHi * 0x1_0000_0000 + (smmu.stage2.paLo >>> 0);
  };
  const nested = stage === 1 && config.stage2;
  return new SurveyReader(memory, {
    beneath: nested ? beneath : null,
    bigEndian: base.bigEndian,
    abort: R.WALK_ABORT,
  });
}

/** The reason for an entry that a scan found broken; `lo` is its low half, `level` its level from the leaves. */
export function badReason(
  why: "reserved" | "address size" | "unreadable",
  code: number,
  lo: number,
  level: number,
): number {
  if (why === "unreadable") return code === UNKNOWN_CODE ? R.NONE : code - 1;
  if (why === "reserved") return R.RESERVED_TYPE;
  return level > 0 && isTableType(lo) ? R.TABLE_ADDRESS_SIZE : R.OUTPUT_ADDRESS_SIZE;
}

/** The tables behind a base, as a scan wants them. */
export function scanRoot(base: TableBase): ScanRoot {
  return {
    fmt: base.fmt!,
    at: base.rootHi * 0x1_0000_0000 + (base.rootLo >>> 0),
    level: base.level,
    entries: base.rootMask + 1,
    outputBits: base.outputBits,
  };
}

/** What a stage-1 leaf allows an unprivileged access, or the reason it allows none. */
export function stage1LeafVerdict(
  config: ResolvedStream,
  base: TableBase,
  lo: number,
  hi: number,
  inherited: number,
): { permissions: number; reason: number } {
  if (base.e0pd) return { permissions: 0, reason: R.E0PD };
  if (!accessed(lo) && config.s1AccessFlagFaults) return { permissions: 0, reason: R.ACCESS_FLAG };
  const permissions = stage1Permissions(lo, hi, inherited & base.hierarchy, config.onePrivilege, config);
  return { permissions, reason: permissions === 0 ? R.S1_UNPRIVILEGED : R.NONE };
}

/** What a stage-2 leaf allows an unprivileged access, or the reason it allows none. */
export function stage2LeafVerdict(
  smmu: Smmuv3,
  config: ResolvedStream,
  lo: number,
  hi: number,
): { permissions: number; reason: number } {
  if (!accessed(lo) && config.s2AccessFlagFaults) return { permissions: 0, reason: R.ACCESS_FLAG };
  const permissions = stage2Permissions(lo, hi, false, smmu.caps.xnx, config.s2Hd);
  return { permissions, reason: permissions === 0 ? R.S2_READ : R.NONE };
}
