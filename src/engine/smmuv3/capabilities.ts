/**
 * What an SMMUv3 implementation offers, read from its identification registers (IHI 0070 §6.3.1 to §6.3.8).
 */
import type { GranuleLg2 } from "../../pagetable/formats/vmsav8.ts";
import type { RegisterFile } from "./register_file.ts";

/** Bits of an address size code: IDR5.OAS, CD.IPS, STE.S2PS. Codes from 6 are 52 bits from SMMUv3.1 on, 48 before. */
export function addressBits(code: number, v31: boolean): number {
  const bits = [32, 36, 40, 42, 44, 48][code];
  return bits ?? (v31 ? 52 : 48);
}

/** Capabilities as numbers and booleans, named as the fields they come from where they are one field. */
export interface Capabilities {
  readonly s1p: boolean;
  readonly s2p: boolean;
  /** VMSAv8-32 LPAE and VMSAv8-64 tables (IDR0.TTF). */
  readonly aarch32: boolean;
  readonly aarch64: boolean;
  readonly httu: number;
  readonly hyp: boolean;
  readonly ats: boolean;
  readonly ns1ats: boolean;
  readonly asid16: boolean;
  readonly vmid16: boolean;
  readonly cd2l: boolean;
  readonly ttendian: number;
  readonly stallModel: number;
  readonly termModel: boolean;
  readonly twoLevelStreamTable: boolean;
  readonly sidSize: number;
  readonly ssidSize: number;
  readonly attrPermsOvr: boolean;
  readonly attrTypesOvr: boolean;
  readonly had: boolean;
  readonly xnx: boolean;
  readonly fwb: boolean;
  readonly stt: boolean;
  readonly e0pd: boolean;
  readonly epan: boolean;
  readonly dpt: boolean;
  readonly mtePerm: boolean;
  readonly aie: boolean;
  /** PARTIDs and PMGs up to these (MPAMIDR); both 0 without MPAM. */
  readonly mpam: boolean;
  readonly partidMax: number;
  readonly pmgMax: number;
  /** Virtual Machine Structures (§5.6.1). */
  readonly vms: boolean;
  /** Output address size, and the largest IPA: bits. */
  readonly oas: number;
  readonly ias: number;
  /** Granules offered. */
  readonly granules: ReadonlySet<GranuleLg2>;
  readonly ds: boolean;
  readonly vax: number;
  /** SMMUv3.1 or later: more is ILLEGAL where SMMUv3.0 leaves a choice. */
  readonly v31: boolean;
}

/** Read the capabilities of a register file. */
export function readCapabilities(regs: RegisterFile): Capabilities {
  const idr = (n: number, field: string): number => regs.field(`SMMU_IDR${n}`, field);
  const has = (n: number, field: string): boolean => idr(n, field) !== 0;
  const major = regs.field("SMMU_AIDR", "ArchMajorRev");
  const v31 = major > 0 || regs.field("SMMU_AIDR", "ArchMinorRev") > 0;
  const oas = addressBits(idr(5, "OAS"), v31);
  const v32 = major > 0 || regs.field("SMMU_AIDR", "ArchMinorRev") > 1;
  const mpam = v32 && has(3, "MPAM");
  const partidMax = mpam ? regs.field("SMMU_MPAMIDR", "PARTID_MAX") : 0;
  const aarch32 = (idr(0, "TTF") & 1) !== 0;
  const granules = new Set<GranuleLg2>();
  if (has(5, "GRAN4K")) granules.add(12);
  if (has(5, "GRAN16K")) granules.add(14);
  if (has(5, "GRAN64K")) granules.add(16);
  return {
    s1p: has(0, "S1P"),
    s2p: has(0, "S2P"),
    aarch32,
    aarch64: (idr(0, "TTF") & 2) !== 0,
    httu: idr(0, "HTTU"),
    hyp: has(0, "Hyp"),
    ats: has(0, "ATS"),
    ns1ats: has(0, "NS1ATS"),
    asid16: has(0, "ASID16"),
    vmid16: has(0, "VMID16"),
    cd2l: has(0, "CD2L"),
    ttendian: idr(0, "TTENDIAN"),
    stallModel: idr(0, "STALL_MODEL"),
    termModel: has(0, "TERM_MODEL"),
    twoLevelStreamTable: idr(0, "ST_LEVEL") === 1,
    sidSize: Math.min(idr(1, "SIDSIZE"), 32),
    ssidSize: Math.min(idr(1, "SSIDSIZE"), 20),
    attrPermsOvr: has(1, "ATTR_PERMS_OVR"),
    attrTypesOvr: has(1, "ATTR_TYPES_OVR"),
    had: has(3, "HAD"),
    xnx: has(3, "XNX"),
    fwb: has(3, "FWB"),
    stt: has(3, "STT"),
    e0pd: has(3, "E0PD"),
    epan: has(3, "EPAN"),
    dpt: has(3, "DPT"),
    mtePerm: has(3, "MTEPERM"),
    aie: has(3, "AIE"),
    mpam,
    partidMax,
    pmgMax: mpam ? regs.field("SMMU_MPAMIDR", "PMG_MAX") : 0,
    vms: partidMax !== 0 && has(0, "S1P") && has(0, "S2P"),
    oas,
    ias: Math.max(aarch32 ? 40 : 0, oas),
    granules,
    ds: has(5, "DS"),
    vax: idr(5, "VAX"),
    v31,
  };
}
