/**
 * Codes that several SMMUv3 structures share: memory attributes of table walks, granules, address sizes,
 * permission encodings. Arm SMMUv3 (IHI 0070 issue G.b) §5.2, §5.4, §6.3; A-profile architecture (DDI 0487) §D8.
 */

type Codes = Readonly<Record<number, string>>;

/** Inner or outer cacheability of stage 1 structure fetches (STE.S1CIR, S1COR), IHI 0070 §5.2. */
export const CD_CACHEABILITY: Codes = {
  0: "Normal Non-cacheable",
  1: "Write-Back, Read-Allocate",
  2: "Write-Through, Read-Allocate",
  3: "Write-Back, no Read-Allocate",
};

/** Inner or outer cacheability of translation table walks (IR0, OR0, S2IR0, ...), IHI 0070 §5.2, §5.4. */
export const WALK_CACHEABILITY: Codes = {
  0: "Non-cacheable",
  1: "Write-Back, Read-Allocate, Write-Allocate",
  2: "Write-Through, Read-Allocate",
  3: "Write-Back, Read-Allocate, no Write-Allocate",
};

/** Shareability of a table walk or of a leaf. */
export const SHAREABILITY: Codes = {
  0: "Non-shareable",
  1: "Reserved, behaves as 0",
  2: "Outer Shareable",
  3: "Inner Shareable",
};

/** Granule encoding of CD.TG0 and STE.S2TG. */
export const GRANULE_TG0: Codes = { 0: "4KB", 1: "64KB", 2: "16KB", 3: "Reserved" };

/** Granule encoding of CD.TG1, which differs from TG0. */
export const GRANULE_TG1: Codes = { 0: "Reserved", 1: "16KB", 2: "4KB", 3: "64KB" };

/** Physical or intermediate address size of CD.IPS, STE.S2PS and SMMU_IDR5.OAS. */
export const ADDRESS_SIZE: Codes = {
  0: "32 bits",
  1: "36 bits",
  2: "40 bits",
  3: "42 bits",
  4: "44 bits",
  5: "48 bits",
  6: "52 bits (SMMUv3.1 and later)",
  7: "56 bits (SMMUv3.4 and later)",
};

/** Levels skipped at the start of a VMSAv9-128 walk (SKL0, SKL1, S2SKL, S_S2SKL). */
export const SKIP_LEVEL: Codes = { 0: "skip 0 levels", 1: "skip 1 level", 2: "skip 2 levels", 3: "skip 3 levels" };

/** Off and on of a one-bit control. */
export const OFF_ON: Codes = { 0: "disabled", 1: "enabled" };

/** A one-bit answer. */
export const NO_YES: Codes = { 0: "no", 1: "yes" };

/** Meaning of descriptor bits [62:59] under a hardware-use control (HWU0nn, S2HWUnn). */
export const HARDWARE_USE: Codes = { 0: "descriptor bit unused by hardware", 1: "IMPLEMENTATION DEFINED hardware use" };

/** Stage 2 MemAttr[3:0] where S2FWB == 0, DDI 0487 §D8.6.5. */
export const S2_MEMATTR: Codes = {
  0: "Device-nGnRnE",
  1: "Device-nGnRE",
  2: "Device-nGRE",
  3: "Device-GRE",
  4: "Reserved (Normal Write-Back NoTagAccess with MTEPERM)",
  5: "Normal, Outer and Inner Non-cacheable",
  6: "Normal, Outer Non-cacheable, Inner Write-Through",
  7: "Normal, Outer Non-cacheable, Inner Write-Back",
  8: "Reserved",
  9: "Normal, Outer Write-Through, Inner Non-cacheable",
  10: "Normal, Outer and Inner Write-Through",
  11: "Normal, Outer Write-Through, Inner Write-Back",
  12: "Reserved",
  13: "Normal, Outer Write-Back, Inner Non-cacheable",
  14: "Normal, Outer Write-Back, Inner Write-Through",
  15: "Normal, Outer and Inner Write-Back",
};

/** Stage 2 MemAttr[2:0] where S2FWB == 1, DDI 0487 §D8.6.6. */
export const S2_MEMATTR_FWB: Codes = {
  0: "Device-nGnRnE",
  1: "Device-nGnRE",
  2: "Device-nGRE",
  3: "Device-GRE",
  4: "Reserved",
  5: "Normal Non-cacheable; stage 1 Device stays Device",
  6: "Normal Write-Back whatever stage 1 says",
  7: "as stage 1 says",
};

/** Stage 2 overlay permissions (STE.S2POI<p>), IHI 0070 §5.2. */
export const S2_OVERLAY: Codes = {
  0: "No Access",
  1: "Reserved, C_BAD_STE",
  2: "MRO",
  3: "MRO-TL1",
  4: "WO",
  5: "Reserved, C_BAD_STE",
  6: "MRO-TL0",
  7: "MRO-TL01",
  8: "RO",
  9: "RO+uX",
  10: "RO+pX",
  11: "RO+puX",
  12: "RW",
  13: "RW+uX",
  14: "RW+pX",
  15: "RW+puX",
};

/** Stage 1 indirect permissions (CD.PIIU<p>, CD.PIIP<p>), IHI 0070 §5.4. */
export const S1_INDIRECT: Codes = {
  0: "No Access",
  1: "Read-only",
  2: "Execute-only",
  3: "Read-execute",
  5: "Read-write",
  7: "Read-write-execute",
};
