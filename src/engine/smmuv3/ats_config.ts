/**
 * What configuration says about ATS, for a stream and for the SMMU (IHI 0070 §3.9.1, §5.2 EATS, §6.3.12 REC_CFG_ATS).
 */
import { R } from "../../arch/smmuv3/reasons.ts";
import { STE } from "../../arch/smmuv3/ste.ts";
import type { Capabilities } from "./capabilities.ts";
import type { RegisterFile } from "./register_file.ts";

/** Effective STE.EATS. */
export const Eats = {
  /** ATS is refused. */
  Off: 0,
  /** Full ATS: devices hold what all stages give. */
  Full: 1,
  /** Split-stage ATS: devices hold IPAs. */
  Split: 2,
  /** Full ATS, translated transactions checked against the Device Permission Table. */
  Dpt: 3,
} as const;
export type Eats = (typeof Eats)[keyof typeof Eats];

const f = STE.f;

/** Effective EATS of a legal STE (§5.2). Split-stage and DPT need CR0.ATSCHK. */
export function effectiveEats(ste: Uint32Array, regs: RegisterFile, caps: Capabilities): Eats {
  if (!caps.ats || (f.Config.get(ste, 0) & 3) === 0) return Eats.Off;
  const eats = f.EATS.get(ste, 0) as Eats;
  if (eats >= Eats.Split && regs.field("SMMU_CR0", "ATSCHK") === 0) return Eats.Off;
  // CHOICE(EATS_RESERVED): without IDR3.DPT the encoding 0b11 behaves as 0b00.
  return eats === Eats.Dpt && !caps.dpt ? Eats.Off : eats;
}

/** Why a stream whose effective EATS is off may not use ATS. */
export const eatsOffReason = (ste: Uint32Array): number =>
  (f.Config.get(ste, 0) & 3) === 0 ? R.ATS_NO_STAGE : R.ATS_EATS;

/** Configuration errors met on behalf of ATS and PRI are recorded (CR2.REC_CFG_ATS, which IDR0.ATSRECERR offers). */
export const recordsAtsErrors = (regs: RegisterFile): boolean =>
  regs.field("SMMU_IDR0", "ATSRECERR") === 1 && regs.field("SMMU_CR2", "REC_CFG_ATS") === 1;
