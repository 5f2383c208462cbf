/**
 * When a CD is ILLEGAL (IHI 0070 §5.4.2, §5.5): one predicate for each rule that `arch/smmuv3/reasons.ts` names.
 */
import { CD } from "../../arch/smmuv3/cd.ts";
import { CD_REASONS, R } from "../../arch/smmuv3/reasons.ts";
import { STE } from "../../arch/smmuv3/ste.ts";
import type { GranuleLg2 } from "../../pagetable/formats/vmsav8.ts";
import { addressBits, type Capabilities } from "./capabilities.ts";
import { beyond, granuleOfTg0, LPAE_OUTPUT_BITS, maxTxSz, translatesStage2 } from "./ste_rules.ts";
import { StreamWorld } from "./stream_config.ts";

const f = CD.f;

type CdRuleId = (typeof CD_REASONS)[number]["id"];

/** What the rules of a CD depend on besides the CD: the STE it is reached from. */
export interface CdContext {
  readonly caps: Capabilities;
  readonly ste: Uint32Array;
  readonly world: StreamWorld;
}

/** Granule of CD.TG1; null for the reserved code. */
const granuleOfTg1 = (code: number): GranuleLg2 | null => ([null, 14, 12, 16] as const)[code] ?? null;

/** The regime has an upper half (TTB1) and unprivileged accesses: EL1 and EL2-E2H. */
export const hasTwoHalves = (world: StreamWorld): boolean => world !== StreamWorld.EL2;

/** Effective EPD0 and EPD1: in EL2 without E2H there is TTB0 only, and it is always walked (§5.4). */
export const walksDisabled = (w: Uint32Array, half: 0 | 1, world: StreamWorld): boolean => {
  if (!hasTwoHalves(world)) return half === 1;
  return (half === 0 ? f.EPD0 : f.EPD1).get(w, 0) === 1;
};

/** CD.DS counts. */
export const effectiveDs = (w: Uint32Array, caps: Capabilities): boolean => caps.ds && f.DS.get(w, 0) === 1;

/** Granule of a half; null for a reserved code. */
export const granuleOf = (w: Uint32Array, half: 0 | 1): GranuleLg2 | null =>
  half === 0 ? granuleOfTg0(f.TG0.get(w, 0)) : granuleOfTg1(f.TG1.get(w, 0));

/** Effective IPS in bits: capped to the OAS. */
export const stage1OutputBits = (w: Uint32Array, caps: Capabilities): number =>
  Math.min(addressBits(f.IPS.get(w, 0), caps.v31), caps.oas);

type Rule = (w: Uint32Array, c: CdContext) => boolean;

const txszRule =
  (half: 0 | 1): Rule =>
  (w, { caps, world }) => {
    const granule = granuleOf(w, half);
    // CHOICE(TXSZ): SMMUv3.0 may clamp a TxSZ out of range; this model treats it as ILLEGAL, as SMMUv3.1 must.
    if (walksDisabled(w, half, world) || granule === null || f.AA64.get(w, 0) === 0) return false;
    const txsz = (half === 0 ? f.T0SZ : f.T1SZ).get(w, 0);
    const wide = caps.vax !== 0 && (granule === 16 || effectiveDs(w, caps));
    return txsz < (wide ? 12 : 16) || txsz > maxTxSz(granule, caps);
  };

const granuleRule =
  (half: 0 | 1): Rule =>
  (w, { caps, world }) => {
    const granule = granuleOf(w, half);
    if (f.AA64.get(w, 0) === 0) return false;
    return !walksDisabled(w, half, world) && (granule === null || !caps.granules.has(granule));
  };

const ttbRule =
  (half: 0 | 1): Rule =>
  (w, { caps, world }) => {
    if (walksDisabled(w, half, world)) return false;
    const wide = granuleOf(w, half) === 16 || effectiveDs(w, caps);
    const hi = (half === 0 ? f.TTB0 : f.TTB1).addressHi(w, 0);
    if (f.AA64.get(w, 0) === 0) return beyond(hi, LPAE_OUTPUT_BITS);
    return beyond(hi, Math.min(stage1OutputBits(w, caps), wide ? 52 : 48));
  };

const RULES: Readonly<Record<CdRuleId, Rule>> = {
  CD_V: (w) => f.V.get(w, 0) === 0,
  CD_S_STALLD: (w, { ste }) => f.S.get(w, 0) === 1 && STE.f.S1STALLD.get(ste, 0) === 1,
  CD_A: (w, { caps }) => caps.termModel && f.A.get(w, 0) === 0,
  CD_S: (w, { caps }) =>
    (caps.stallModel === 1 && f.S.get(w, 0) === 1) || (caps.stallModel === 2 && f.S.get(w, 0) === 0),
  CD_ENDI: (w, { caps, world }) =>
    !(walksDisabled(w, 0, world) && walksDisabled(w, 1, world)) &&
    ((caps.ttendian === 2 && f.ENDI.get(w, 0) === 1) || (caps.ttendian === 3 && f.ENDI.get(w, 0) === 0)),
  CD_AA64: (w, { caps, ste, world }) =>
    f.AA64.get(w, 0) === 0
      ? !caps.aarch32 || world === StreamWorld.EL2_E2H
      : !caps.aarch64 || (translatesStage2(STE.f.Config.get(ste, 0)) && STE.f.S2AA64.get(ste, 0) === 0),
  CD_HA: (w, { caps }) =>
    f.AA64.get(w, 0) === 1 &&
    (((f.HA.get(w, 0) === 1 || f.HD.get(w, 0) === 1) && caps.httu === 0) || (f.HD.get(w, 0) === 1 && caps.httu === 1)),
  CD_HAFT: (w, { caps }) => f.AA64.get(w, 0) === 1 && caps.httu === 3 && f.HAFT.get(w, 0) === 1 && f.HA.get(w, 0) === 0,
  CD_ASID: (w, { caps, world }) => world !== StreamWorld.EL2 && !caps.asid16 && f.ASID.get(w, 0) > 0xff,
  CD_T0SZ: txszRule(0),
  CD_T1SZ: txszRule(1),
  CD_TG0: granuleRule(0),
  CD_TTB0: ttbRule(0),
  CD_TG1: granuleRule(1),
  CD_TTB1: ttbRule(1),
};

const ORDERED = CD_REASONS.map(({ id }) => ({ reason: R[id], broken: RULES[id] }));

/** The first rule a CD breaks; R.NONE for a legal one. */
export function cdIllegal(w: Uint32Array, context: CdContext): number {
  if (f.V.get(w, 0) === 0) return R.CD_V;
  for (const { reason, broken } of ORDERED) if (broken(w, context)) return reason;
  return R.NONE;
}

/** Every rule a CD breaks. */
export function cdBrokenRules(w: Uint32Array, context: CdContext): number[] {
  if (f.V.get(w, 0) === 0) return [R.CD_V];
  return ORDERED.filter(({ broken }) => broken(w, context)).map(({ reason }) => reason);
}
