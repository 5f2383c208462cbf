/**
 * What a VT-d remapping unit offers to translation, read from CAP and ECAP (VT-d §11.4.2, §11.4.3).
 */
import { CAP, ECAP } from "../../arch/vtd/capability_registers.ts";

/** What registers do not say of a unit. */
export interface UnitOptions {
  /** Host address width in bits, as the DMAR table of ACPI reports it; absent: that of CAP.MGAW, at most 52. */
  readonly hostAddressWidth?: number | undefined;
  /** Bit 62 of second-stage leaves is TM: units with device TLBs before revision 3 of the specification. */
  readonly transientMapping?: boolean | undefined;
  /** Accessed and dirty bits of first-stage tables are set also on pages that the second stage makes read-only. */
  readonly erratum772415?: boolean | undefined;
  /**
   * As QEMU 11.1 departs from the specification: reserved bits of PASID directory and PASID table entries are not looked
   * at, and a first-stage entry is not updated where one of the bits due is set already.
   */
  readonly asQemu?: boolean | undefined;
}

/** Capabilities as numbers and booleans, named as the fields they come from. */
export interface Capabilities {
  /** Widths of second-stage tables: bit n stands for code n of AW. */
  readonly sagaw: number;
  /** Bits of the widest input address of the second stage. */
  readonly mgaw: number;
  readonly sslps: number;
  readonly fs1gp: boolean;
  readonly fs5lp: boolean;
  /** Caching mode: entries that are not present may be cached. */
  readonly cm: boolean;
  readonly dt: boolean;
  readonly pt: boolean;
  readonly sc: boolean;
  readonly nest: boolean;
  readonly prs: boolean;
  readonly ers: boolean;
  readonly srs: boolean;
  readonly eafs: boolean;
  /** Requests with PASID are taken. */
  readonly pasid: boolean;
  readonly smts: boolean;
  readonly ssads: boolean;
  readonly ssts: boolean;
  readonly fsts: boolean;
  readonly rps: boolean;
  readonly rprivs: boolean;
  readonly adms: boolean;
  /** Bits of a host physical address. */
  readonly haw: number;
  readonly transientMapping: boolean;
  readonly erratum772415: boolean;
  readonly asQemu: boolean;
}

/** Read the capabilities from the two registers, each as halves. */
export function readCapabilities(
  capHi: number,
  capLo: number,
  ecapHi: number,
  ecapLo: number,
  options: UnitOptions = {},
): Capabilities {
  const cap = Uint32Array.of(capLo, capHi);
  const ecap = Uint32Array.of(ecapLo, ecapHi);
  const has = (name: keyof (typeof ECAP)["f"]): boolean => ECAP.f[name].get(ecap, 0) !== 0;
  const mgaw = CAP.f.MGAW.get(cap, 0) + 1;
  return {
    sagaw: CAP.f.SAGAW.get(cap, 0),
    mgaw,
    sslps: CAP.f.SSLPS.get(cap, 0),
    fs1gp: CAP.f.FS1GP.get(cap, 0) !== 0,
    fs5lp: CAP.f.FS5LP.get(cap, 0) !== 0,
    cm: CAP.f.CM.get(cap, 0) !== 0,
    dt: has("DT"),
    pt: has("PT"),
    sc: has("SC"),
    nest: has("NEST"),
    prs: has("PRS"),
    ers: has("ERS"),
    srs: has("SRS"),
    eafs: has("EAFS"),
    pasid: has("PASID"),
    smts: has("SMTS"),
    ssads: has("SSADS"),
    ssts: has("SSTS"),
    fsts: has("FSTS"),
    rps: has("RPS"),
    rprivs: has("RPRIVS"),
    adms: has("ADMS"),
    haw: Math.max(32, Math.min(52, options.hostAddressWidth ?? mgaw)),
    transientMapping: options.transientMapping === true,
    erratum772415: options.erratum772415 === true,
    asQemu: options.asQemu === true,
  };
}

/** Bits of an address width code of AW (VT-d §9.3, §9.6), or 0 where the unit does not offer it. */
export const widthOf = (code: number, caps: Capabilities): number =>
  code >= 1 && code <= 3 && ((caps.sagaw >>> code) & 1) === 1 ? 30 + 9 * code : 0;
