/**
 * What else would have stopped an access after the check that did: further rules the same structure breaks, further
 * checks the same leaf fails. For those who mend one thing and want to know whether that is all.
 */
import { CD_REASONS, R, STE_REASONS } from "../../../arch/smmuv3/reasons.ts";
import { cdBrokenRules } from "../../../engine/smmuv3/cd_rules.ts";
import type { ResolvedStream } from "../../../engine/smmuv3/config_resolver.ts";
import { accessed, stage1Permissions, stage2Permissions } from "../../../engine/smmuv3/leaf.ts";
import { stage1Refusal } from "../../../engine/smmuv3/stage1.ts";
import { stage2Refusal } from "../../../engine/smmuv3/stage2.ts";
import { steBrokenRules } from "../../../engine/smmuv3/ste_rules.ts";
import type { Translation } from "../../../engine/smmuv3/translation.ts";
import { TRACE, TRACE_WORDS, TraceKind, TracePhase, TraceVerdict } from "../../../protocol/trace.ts";
import type { SmmuUnit } from "../smmu_unit.ts";

const f = TRACE.f;
const ids = (reasons: readonly { readonly id: string }[]): ReadonlySet<number> =>
  new Set(reasons.map(({ id }) => R[id as keyof typeof R]));
const OF_STE = ids(STE_REASONS);
const OF_CD = ids(CD_REASONS);

/** Reasons, in the order of the checks, that would have ended the access too; `t` is how it ended. */
export function alsoFailing(unit: SmmuUnit, t: Translation, config: ResolvedStream, trace: Uint32Array): number[] {
  const { caps } = unit.smmu;
  if (OF_STE.has(t.reason)) return steBrokenRules(config.ste, caps).filter((reason) => reason !== t.reason);
  if (OF_CD.has(t.reason)) {
    const context = { caps, ste: config.ste, world: config.world };
    return cdBrokenRules(config.cd, context).filter((reason) => reason !== t.reason);
  }
  return leafReasons(unit, t, config, trace);
}

/** The checks of a leaf come as address size, Access flag, permission (DDI 0487 §D8): those after the failed one. */
function leafReasons(unit: SmmuUnit, t: Translation, config: ResolvedStream, trace: Uint32Array): number[] {
  const last = trace.length - TRACE_WORDS;
  if (last < 0 || f.kind.get(trace, last) !== TraceKind.Descriptor) return [];
  const [lo, hi] = [f.value.get(trace, last) | 0, f.value.getHi(trace, last) | 0];
  const ofAddress = t.reason === R.OUTPUT_ADDRESS_SIZE;
  if (!ofAddress && t.reason !== R.ACCESS_FLAG) return [];
  const stage1 = f.stage.get(trace, last) === 1;
  const reasons: number[] = [];
  const flagFaults = stage1 ? config.s1AccessFlagFaults : config.s2AccessFlagFaults;
  if (ofAddress && flagFaults && !accessed(lo)) reasons.push(R.ACCESS_FLAG);
  if (stage1) {
    const base = config.twoHalves && (t.iovaHi & 0x00800000) !== 0 ? config.ttb1 : config.ttb0;
    const inherited = inheritedBits(trace) & base.hierarchy;
    const allowed = stage1Permissions(lo, hi, inherited, t.privileged, config);
    if ((allowed & t.want) === 0) reasons.push(stage1Refusal(t, allowed));
  } else if (f.phase.get(trace, last) === TracePhase.Output) {
    const allowed = stage2Permissions(lo, hi, t.privileged, unit.smmu.caps.xnx);
    if ((allowed & t.want) === 0) reasons.push(stage2Refusal(t.want));
  }
  return reasons;
}

/** What the stage-1 table descriptors of a walk impose on its leaf. */
function inheritedBits(trace: Uint32Array): number {
  let bits = 0;
  for (let at = 0; at < trace.length; at += TRACE_WORDS) {
    const next = f.verdict.get(trace, at) === TraceVerdict.Next;
    if (f.kind.get(trace, at) === TraceKind.Descriptor && f.stage.get(trace, at) === 1 && next) {
      bits |= f.value.getHi(trace, at);
    }
  }
  return bits;
}
