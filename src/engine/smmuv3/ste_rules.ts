/**
 * When an STE is ILLEGAL (IHI 0070 §5.2.2, §5.5): one predicate for each rule that `arch/smmuv3/reasons.ts` names,
 * evaluated in that order. The inspector's lint asks for all that are broken, a translation for the first.
 */
import { R, STE_REASONS } from "../../arch/smmuv3/reasons.ts";
import { STE } from "../../arch/smmuv3/ste.ts";
import type { GranuleLg2 } from "../../pagetable/formats/vmsav8.ts";
import { highBitsFrom } from "../common/table_root.ts";
import { addressBits, type Capabilities } from "./capabilities.ts";

const f = STE.f;

type SteRuleId = (typeof STE_REASONS)[number]["id"];

/** Granule of CD.TG0 and STE.S2TG; null for the reserved code. */
export const granuleOfTg0 = (code: number): GranuleLg2 | null => ([12, 16, 14, null] as const)[code] ?? null;

/** An address has bits at or above `bits`. */
export const beyond = (hi: number, bits: number): boolean => (hi & highBitsFrom(bits)) !== 0;

/** Config[0] and Config[1] of a Config that lets traffic pass: which stages translate. */
export const translatesStage1 = (config: number): boolean => (config & 0b101) === 0b101;
export const translatesStage2 = (config: number): boolean => (config & 0b110) === 0b110;

/** STRW has a meaning: stage 1 exists, EL2 exists, and only stage 1 translates (§5.2.2, IgnoreSTESTRW). */
export const usesStrw = (config: number, caps: Capabilities): boolean => caps.s1p && caps.hyp && config === 0b101;

/** Stage-2 start level counted from the leaves, for S2SL0 with S2SL0_2 as its bit 2; null where reserved. */
export function stage2StartLevel(sl: number, granule: GranuleLg2, ds: boolean, caps: Capabilities): number | null {
  const sl0 = sl & 3;
  if (granule === 12) {
    if (ds && (sl & 4) !== 0) return sl0 === 0 ? 4 : null;
    if (sl0 === 2) return caps.oas >= 44 ? 3 : null;
    if (sl0 === 3) return caps.stt ? 0 : null;
    return sl0 + 1;
  }
  if (granule === 14) {
    if (sl0 === 3) return ds ? 3 : null;
    return sl0 === 2 && caps.oas < 42 ? null : sl0;
  }
  return sl0 === 3 || (sl0 === 2 && caps.oas < 44) ? null : sl0;
}

/** S2DS counts: the implementation has it and the granule is not 64 KiB. */
export const effectiveS2Ds = (w: Uint32Array, caps: Capabilities): boolean => caps.ds && f.S2DS.get(w, 0) === 1;

/** Effective stage-2 output size in bits (STE.S2PS, capped to the OAS). */
export const stage2OutputBits = (w: Uint32Array, caps: Capabilities): number =>
  Math.min(addressBits(f.S2PS.get(w, 0), caps.v31), caps.oas);

/** Output address size of VMSAv8-32 LPAE tables, whatever S2PS and IPS say (§5.2, §5.4). */
export const LPAE_OUTPUT_BITS = 40;

/** Largest TxSZ a granule allows. */
export const maxTxSz = (granule: GranuleLg2, caps: Capabilities): number => (!caps.stt ? 39 : granule === 16 ? 47 : 48);

const startLevelBits = (w: Uint32Array): number => f.S2SL0.get(w, 0) | (f.S2SL0_2.get(w, 0) << 2);

type Rule = (w: Uint32Array, caps: Capabilities) => boolean;

const stage1Rule =
  (rule: Rule): Rule =>
  (w, caps) =>
    translatesStage1(f.Config.get(w, 0)) && rule(w, caps);
const stage2Rule =
  (rule: Rule): Rule =>
  (w, caps) =>
    translatesStage2(f.Config.get(w, 0)) && rule(w, caps);
/** Rules on a stage-2 walk only make sense with VMSAv8-64 tables of a granule that exists. */
const granuleRule = (rule: (w: Uint32Array, caps: Capabilities, granule: GranuleLg2) => boolean): Rule =>
  stage2Rule((w, caps) => {
    const granule = granuleOfTg0(f.S2TG.get(w, 0));
    return f.S2AA64.get(w, 0) === 1 && granule !== null && caps.granules.has(granule) && rule(w, caps, granule);
  });

const RULES: Readonly<Record<SteRuleId, Rule>> = {
  STE_V: (w) => f.V.get(w, 0) === 0,
  STE_S1_ABSENT: stage1Rule((_w, caps) => !caps.s1p),
  STE_S2_ABSENT: stage2Rule((_w, caps) => !caps.s2p),
  STE_EATS_SPLIT: (w, caps) =>
    caps.ats &&
    (f.Config.get(w, 0) & 3) !== 0 &&
    f.EATS.get(w, 0) === 2 &&
    (f.Config.get(w, 0) !== 7 || f.S2S.get(w, 0) === 1 || caps.ns1ats),
  // CHOICE(EATS_S2S): SMMUv3.0 may check S2S with stage 2 off too; this model checks it with stage 2 on only.
  STE_EATS_S2S: stage2Rule(
    (w, caps) => caps.ats && f.S2S.get(w, 0) === 1 && (f.EATS.get(w, 0) === 1 || (f.EATS.get(w, 0) === 3 && caps.dpt)),
  ),
  STE_EATS_DPT: (w, caps) =>
    caps.ats && caps.dpt && f.EATS.get(w, 0) === 3 && usesStrw(f.Config.get(w, 0), caps) && f.STRW.get(w, 0) !== 0,
  STE_STRW: (w, caps) => usesStrw(f.Config.get(w, 0), caps) && (f.STRW.get(w, 0) & 1) === 1,
  STE_S1STALLD: stage1Rule((w, caps) => f.S1STALLD.get(w, 0) === 1 && caps.stallModel !== 0),
  STE_S1CDMAX: stage1Rule((w, caps) => caps.ssidSize !== 0 && f.S1CDMax.get(w, 0) > caps.ssidSize),
  STE_S1FMT: stage1Rule(
    (w, caps) =>
      caps.ssidSize !== 0 &&
      f.S1CDMax.get(w, 0) !== 0 &&
      !caps.cd2l &&
      (f.S1Fmt.get(w, 0) === 1 || f.S1Fmt.get(w, 0) === 2),
  ),
  // CHOICE(S1CONTEXTPTR): under stage 2 a pointer beyond the IAS goes to stage 2, which faults (§3.4.3 (2) b);
  // without stage 2 SMMUv3.0 fetches and gets no answer (§3.4.3 (1) a).
  STE_S1CONTEXTPTR: stage1Rule(
    (w, caps) => caps.v31 && f.Config.get(w, 0) === 5 && beyond(f.S1ContextPtr.addressHi(w, 0), caps.oas),
  ),
  STE_S2S: stage2Rule(
    (w, caps) => (f.S2S.get(w, 0) === 1 && caps.stallModel === 1) || (f.S2S.get(w, 0) === 0 && caps.stallModel === 2),
  ),
  STE_S2AA64: stage2Rule((w, caps) => (f.S2AA64.get(w, 0) === 1 ? !caps.aarch64 : !caps.aarch32)),
  STE_S2HA: stage2Rule(
    (w, caps) =>
      ((f.S2HA.get(w, 0) === 1 || f.S2HD.get(w, 0) === 1) && (caps.httu === 0 || f.S2AA64.get(w, 0) === 0)) ||
      (f.S2HD.get(w, 0) === 1 && caps.httu === 1),
  ),
  STE_S2HAFT: stage2Rule((w, caps) => caps.httu === 3 && f.S2HAFT.get(w, 0) === 1 && f.S2HA.get(w, 0) === 0),
  STE_S2TG: stage2Rule((w, caps) => {
    if (f.S2AA64.get(w, 0) === 0) return false;
    const granule = granuleOfTg0(f.S2TG.get(w, 0));
    return granule === null || !caps.granules.has(granule);
  }),
  STE_S2TTB: stage2Rule((w, caps) => {
    const hi = f.S2TTB.addressHi(w, 0);
    if (f.S2AA64.get(w, 0) === 0) return beyond(hi, LPAE_OUTPUT_BITS);
    const wide = granuleOfTg0(f.S2TG.get(w, 0)) === 16 || effectiveS2Ds(w, caps);
    return beyond(hi, Math.min(stage2OutputBits(w, caps), wide ? 52 : 48));
  }),
  // CHOICE(S2T0SZ): SMMUv3.0 may clamp an S2T0SZ out of range; this model treats it as ILLEGAL, as SMMUv3.1 must.
  STE_S2T0SZ: granuleRule((w, caps, granule) => {
    const t0sz = f.S2T0SZ.get(w, 0);
    const floor = !caps.v31 ? 0 : granule === 16 || effectiveS2Ds(w, caps) ? 12 : 16;
    return t0sz < Math.max(floor, 64 - caps.ias) || t0sz > maxTxSz(granule, caps);
  }),
  STE_S2SL0: granuleRule((w, caps, granule) => {
    const level = stage2StartLevel(startLevelBits(w), granule, effectiveS2Ds(w, caps), caps);
    if (level === null) return true;
    const inputBits = 64 - f.S2T0SZ.get(w, 0);
    const stride = granule - 3;
    // At least one bit resolved by the root, at most a whole table and four bits of concatenation.
    const least = level * stride + granule + 1;
    return inputBits < least || inputBits > least + stride - 1 + 4;
  }),
  STE_S2ENDI: stage2Rule(
    (w, caps) => (caps.ttendian === 2 && f.S2ENDI.get(w, 0) === 1) || (caps.ttendian === 3 && f.S2ENDI.get(w, 0) === 0),
  ),
  STE_S2VMID: (w, caps) => {
    const config = f.Config.get(w, 0);
    const ignored = !caps.s2p || config === 4 || (usesStrw(config, caps) && f.STRW.get(w, 0) !== 0);
    return !ignored && !caps.vmid16 && f.S2VMID.get(w, 0) > 0xff;
  },
  STE_VMSPTR: (w, caps) =>
    caps.vms && f.Config.get(w, 0) === 7 && f.S1MPAM.get(w, 0) === 1 && beyond(f.VMSPtr.addressHi(w, 0), caps.oas),
};

const ORDERED = STE_REASONS.map(({ id }) => ({ reason: R[id], broken: RULES[id] }));

/** The first rule an STE breaks; R.NONE for a legal one. An STE that is not valid or aborts is looked at no further. */
export function steIllegal(w: Uint32Array, caps: Capabilities): number {
  if (f.V.get(w, 0) === 0) return R.STE_V;
  if ((f.Config.get(w, 0) & 4) === 0) return R.NONE;
  for (const { reason, broken } of ORDERED) if (broken(w, caps)) return reason;
  return R.NONE;
}

/** Every rule an STE breaks. */
export function steBrokenRules(w: Uint32Array, caps: Capabilities): number[] {
  if (steIllegal(w, caps) === R.STE_V) return [R.STE_V];
  if ((f.Config.get(w, 0) & 4) === 0) return [];
  return ORDERED.filter(({ broken }) => broken(w, caps)).map(({ reason }) => reason);
}
