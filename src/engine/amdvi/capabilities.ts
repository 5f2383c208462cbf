/**
 * What an AMD IOMMU offers, read from its extended feature registers. 48882 revision 3.10, MMIO offsets 0030h, 01A0h.
 */
import { EFR, EFR2 } from "../../arch/amdvi/feature_registers.ts";

/** Capabilities as numbers and booleans, named as the fields they come from where they are one field. */
export interface Capabilities {
  /** Most levels of host tables: 4 to 6, or 0 where there is no host translation (EFR.HATS). */
  readonly hostLevels: number;
  readonly gtSup: boolean;
  /** Guest tables may have five levels (EFR.GATS). */
  readonly fiveLevels: boolean;
  /** Most of DTE.GLX: levels of the guest CR3 table, minus 1. */
  readonly glxSup: number;
  /** Bits of a PASID. */
  readonly pasidBits: number;
  readonly nxSup: boolean;
  readonly usSup: boolean;
  readonly gioSup: boolean;
  readonly haSup: boolean;
  readonly hdSup: boolean;
  readonly pprSup: boolean;
  readonly gaSup: boolean;
  readonly xtSup: boolean;
  readonly vIommuSup: boolean;
  readonly satsSup: boolean;
  readonly gcr3TrpModeSup: boolean;
  readonly htRangeIgnore: boolean;
  /**
   * Not of a register: the implementation does not look at the address bits that skipped levels of host tables would
   * translate, although they are to be zero (§2.2.3).
   */
  readonly ignoresSkippedBits: boolean;
}

/** Read the capabilities from the halves of EFR and EFR2. */
export function readCapabilities(efrHi: number, efrLo: number, efr2Hi: number, efr2Lo: number): Capabilities {
  const efr = Uint32Array.of(efrLo, efrHi);
  const efr2 = Uint32Array.of(efr2Lo, efr2Hi);
  const f = EFR.f;
  const hats = f.HATS.get(efr, 0);
  return {
    hostLevels: hats === 3 ? 0 : 4 + hats,
    gtSup: f.GTSup.get(efr, 0) === 1,
    fiveLevels: f.GATS.get(efr, 0) >= 1,
    glxSup: Math.min(f.GLXSup.get(efr, 0), 2),
    pasidBits: Math.min(f.PASmax.get(efr, 0) + 1, 20),
    nxSup: f.NXSup.get(efr, 0) === 1,
    usSup: f.USSup.get(efr, 0) === 1,
    gioSup: f.GIoSup.get(efr, 0) === 1,
    haSup: f.HASup.get(efr, 0) === 1,
    hdSup: f.HDSup.get(efr, 0) === 1,
    pprSup: f.PPRSup.get(efr, 0) === 1,
    gaSup: f.GASup.get(efr, 0) === 1,
    xtSup: f.XTSup.get(efr, 0) === 1,
    vIommuSup: f.vIommuSup.get(efr, 0) === 1,
    satsSup: f.SATSSup.get(efr, 0) === 1,
    gcr3TrpModeSup: EFR2.f.GCR3TRPModeSup.get(efr2, 0) === 1,
    htRangeIgnore: EFR2.f.HtRangeIgnore.get(efr2, 0) === 1,
    ignoresSkippedBits: false,
  };
}
