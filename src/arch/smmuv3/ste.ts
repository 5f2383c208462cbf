/**
 * Stream Table Entry and Level 1 Stream Table Descriptor. Arm SMMUv3, IHI 0070 issue G.b, §5.1 and §5.2.
 *
 * Fields named S1* are for stage 1, S2* for stage 2; the S_S2* group serves Secure stage 2 only.
 */
import { address, field, layout } from "../../base/layout.ts";
import {
  ADDRESS_SIZE,
  CD_CACHEABILITY,
  GRANULE_TG0,
  HARDWARE_USE,
  OFF_ON,
  S2_MEMATTR,
  S2_OVERLAY,
  SHAREABILITY,
  SKIP_LEVEL,
  WALK_CACHEABILITY,
} from "./codes.ts";

/** Level 1 Stream Table Descriptor, 64 bits. */
export const L1STD = layout("L1STD", "IHI 0070 §5.1", 64, [
  field("Span", 4, 0, "level-2 array holds 2^(Span-1) STEs", {
    values: { 0: "L2Ptr invalid: no STE for these StreamIDs", ...spanValues() },
  }),
  field("_5", 5, 5, "RES0"),
  address("L2Ptr", 55, 6, "level-2 array of STEs, aligned to its size"),
  field("_63_56", 63, 56, "RES0"),
]);

function spanValues(): Record<number, string> {
  const names: Record<number, string> = {};
  for (let span = 1; span <= 11; span++) names[span] = `${2 ** (span - 1)} STE${span > 1 ? "s" : ""}`;
  for (let span = 12; span < 32; span++) names[span] = "Reserved, behaves as 0";
  return names;
}

const SECURE_STAGE2 = { when: "only in the Secure Stream table with SMMU_S_IDR1.SEL2 == 1, else RES0" } as const;
const VMSA128 = { when: "only where S2AA64 selects VMSAv9-128, else RES0" } as const;
const STALL = { section: "IHI 0070 §5.5" } as const;

/** Stream Table Entry, 512 bits. */
export const STE = layout("STE", "IHI 0070 §5.2", 512, [
  field("V", 0, 0, "STE valid", { values: { 0: "invalid: C_BAD_STE", 1: "valid" } }),
  field("Config", 3, 1, "which stages translate this stream", {
    values: {
      0: "abort, no event",
      1: "Reserved, behaves as 0b000",
      2: "Reserved, behaves as 0b000",
      3: "Reserved, behaves as 0b000",
      4: "bypass both stages",
      5: "stage 1 translates, stage 2 bypass",
      6: "stage 1 bypass, stage 2 translates",
      7: "stage 1 and stage 2 translate",
    },
  }),
  field("S1Fmt", 5, 4, "shape of the CD table", {
    when: "IGNORED where S1CDMax == 0: S1ContextPtr then points to one CD",
    values: {
      0: "linear table of CDs",
      1: "two levels, 4KB leaf tables (64 CDs)",
      2: "two levels, 64KB leaf tables (1024 CDs)",
      3: "Reserved, behaves as 0b00",
    },
  }),
  address("S1ContextPtr", 55, 6, "CD or CD table: an IPA where stage 2 translates, else a PA"),
  field("_58_56", 58, 56, "RES0"),
  field("S1CDMax", 63, 59, "log2 of the number of CDs; 0 disables substreams"),
  field("S1DSS", 65, 64, "what a transaction without SubstreamID gets", {
    when: "used where S1CDMax != 0",
    values: {
      0: "terminate with F_STREAM_DISABLED",
      1: "bypass stage 1",
      2: "use the CD of Substream 0",
      3: "Reserved, behaves as 0b00",
    },
  }),
  field("S1CIR", 67, 66, "inner cacheability of CD fetches", { values: CD_CACHEABILITY }),
  field("S1COR", 69, 68, "outer cacheability of CD fetches", { values: CD_CACHEABILITY }),
  field("S1CSH", 71, 70, "shareability of CD fetches", { values: SHAREABILITY }),
  field("S2HWU59", 72, 72, "hardware use of stage 2 descriptor bit 59", { values: HARDWARE_USE }),
  field("S2HWU60", 73, 73, "hardware use of stage 2 descriptor bit 60", { values: HARDWARE_USE }),
  field("S2HWU61", 74, 74, "hardware use of stage 2 descriptor bit 61", { values: HARDWARE_USE }),
  field("S2HWU62", 75, 75, "hardware use of stage 2 descriptor bit 62", { values: HARDWARE_USE }),
  field("DRE", 76, 76, "destructive reads", { values: OFF_ON }),
  field("CONT", 80, 77, "hint: 2^CONT neighbouring STEs are identical"),
  field("DCP", 81, 81, "directed cache prefetch", { values: OFF_ON }),
  field("PPAR", 82, 82, "PASID on automatic PRI responses", {
    values: { 0: "no PASID prefix", 1: "PASID prefix where permitted" },
  }),
  field("MEV", 83, 83, "merge similar event records", { values: { 0: "do not merge", 1: "may be merged" } }),
  field("SW_RESERVED", 87, 84, "free for software, the SMMU ignores it"),
  field("S1PIE", 88, 88, "CDs may enable stage 1 permission indirection", { values: OFF_ON }),
  field("S2FWB", 89, 89, "stage 2 forced Write-Back attributes", {
    values: { 0: "stage 1 and stage 2 attributes combine", 1: "descriptor bits [4:2] as with HCR_EL2.FWB == 1" },
  }),
  field("S1MPAM", 90, 90, "where PARTID and PMG come from", { values: { 0: "STE", 1: "CD" } }),
  field("S1STALLD", 91, 91, "stall disable at stage 1", {
    ...STALL,
    values: { 0: "CD may choose to stall", 1: "stalls forbidden: faults terminate" },
  }),
  field("EATS", 93, 92, "PCIe ATS translation requests and translated traffic", {
    values: {
      0: "ATS refused; translated traffic refused where CR0.ATSCHK == 1",
      1: "full ATS",
      2: "split-stage ATS: device caches IPAs",
      3: "full ATS with DPT checks",
    },
  }),
  field("STRW", 95, 94, "StreamWorld of stage 1 only streams", {
    when: "used where Config == 0b101 and SMMU_IDR0.Hyp == 1",
    values: {
      0: "NS-EL1 (Secure or Realm EL1 in those tables)",
      1: "EL3 (Secure), else ILLEGAL",
      2: "EL2, or EL2-E2H where CR2.E2H == 1",
      3: "Reserved, ILLEGAL",
    },
  }),
  field("MemAttr", 99, 96, "memory type where MTCFG == 1", {
    values: {
      ...S2_MEMATTR,
      4: "Reserved, as Device-nGnRnE",
      8: "Reserved, as Device-nGnRnE",
      12: "Reserved, as Device-nGnRnE",
    },
  }),
  field("MTCFG", 100, 100, "memory type", { values: { 0: "use incoming", 1: "replace with MemAttr" } }),
  field("ALLOCCFG", 104, 101, "allocation hints", { values: allocValues() }),
  field("_107_105", 107, 105, "RES0"),
  field("SHCFG", 109, 108, "shareability of the stream's transactions", {
    values: { 0: "Non-shareable", 1: "use incoming", 2: "Outer Shareable", 3: "Inner Shareable" },
  }),
  field("NSCFG", 111, 110, "NS attribute of Secure and Realm streams", {
    when: "IGNORED in the Non-secure Stream table",
    values: { 0: "use incoming", 1: "Reserved, behaves as 0b00", 2: "Secure (Realm)", 3: "Non-secure" },
  }),
  field("PRIVCFG", 113, 112, "privilege of the stream's transactions", {
    values: { 0: "use incoming", 1: "Reserved, behaves as 0b00", 2: "Unprivileged", 3: "Privileged" },
  }),
  field("INSTCFG", 115, 114, "instruction or data, reads only", {
    values: { 0: "use incoming", 1: "Reserved, behaves as 0b00", 2: "Data", 3: "Instruction" },
  }),
  field("_127_116", 127, 116, "IMPLEMENTATION DEFINED"),
  field("S2VMID", 143, 128, "VMID that tags TLB entries", { section: "IHI 0070 §3.17" }),
  field("_159_144", 159, 144, "IMPLEMENTATION DEFINED"),
  field("S2T0SZ", 165, 160, "stage 2 input region is 2^(64-S2T0SZ) bytes"),
  field("S2SL0", 167, 166, "stage 2 start level, with S2SL0_2", { section: "IHI 0070 §5.2; DDI 0487 §D8.2" }),
  field("S2IR0", 169, 168, "inner cacheability of stage 2 walks", { values: WALK_CACHEABILITY }),
  field("S2OR0", 171, 170, "outer cacheability of stage 2 walks", { values: WALK_CACHEABILITY }),
  field("S2SH0", 173, 172, "shareability of stage 2 walks", { values: SHAREABILITY }),
  field("S2TG", 175, 174, "stage 2 granule", { values: GRANULE_TG0 }),
  field("S2PS", 178, 176, "stage 2 output address size", { values: ADDRESS_SIZE }),
  field("S2AA64", 179, 179, "stage 2 table format", {
    values: { 0: "VMSAv8-32 LPAE (VMSAv9-128 with SMMU_IDR5.D128)", 1: "VMSAv8-64" },
  }),
  field("S2ENDI", 180, 180, "endianness of stage 2 tables", { values: { 0: "little", 1: "big" } }),
  field("S2AFFD", 181, 181, "stage 2 Access flag fault disable", {
    values: { 0: "AF == 0 faults", 1: "AF is taken as 1" },
  }),
  field("S2PTW", 182, 182, "protected table walk: stage 1 structures in Device memory", {
    values: { 0: "allowed", 1: "stage 2 Permission fault" },
  }),
  field("S2HD", 183, 183, "hardware update of dirty state at stage 2", { values: OFF_ON, section: "IHI 0070 §3.13" }),
  field("S2HA", 184, 184, "hardware update of the Access flag at stage 2", {
    values: OFF_ON,
    section: "IHI 0070 §3.13",
  }),
  field("S2S", 185, 185, "stall stage 2 faults", { ...STALL, values: { 0: "terminate", 1: "stall" } }),
  field("S2R", 186, 186, "record stage 2 faults", { ...STALL, values: { 0: "no event", 1: "record an event" } }),
  field("S2HAFT", 187, 187, "hardware Access flag in stage 2 Table descriptors", { values: OFF_ON }),
  field("S2PIE", 188, 188, "stage 2 permission scheme", { values: { 0: "direct", 1: "indirect" } }),
  field("S2POE", 189, 189, "stage 2 permission overlay", { values: OFF_ON }),
  field("DPT_VMATCH", 191, 190, "VMID match of Device Permission Table entries", {
    values: {
      0: "VMID must match, or AC == 0b10",
      1: "VMID must match, or AC == 0b01 or 0b10",
      2: "no match needed",
      3: "Reserved, behaves as 0b00",
    },
  }),
  field("S2NSW", 192, 192, "NS bit of stage 2 walks for Non-secure IPAs", SECURE_STAGE2),
  field("S2NSA", 193, 193, "NS bit of stage 2 output for Non-secure IPAs", SECURE_STAGE2),
  field("S2SL0_2", 194, 194, "bit 2 of S2SL0", { when: "used where S2DS == 1 and S2TG selects 4KB" }),
  field("S2DS", 195, 195, "52-bit addresses with 4KB and 16KB granules at stage 2", { values: OFF_ON }),
  address("S2TTB", 247, 196, "stage 2 table base, PA bits 55:4", {
    when: "bits 51:4 only, unless S2AA64 selects VMSAv9-128",
  }),
  field("_252_248", 252, 248, "RES0"),
  field("S2SKL", 254, 253, "levels skipped at the start of a stage 2 walk", { ...VMSA128, values: SKIP_LEVEL }),
  field("_255", 255, 255, "RES0"),
  field("_271_256", 271, 256, "IMPLEMENTATION DEFINED"),
  field("PARTID", 287, 272, "MPAM partition of this stream", { section: "IHI 0070 §17" }),
  field("S_S2T0SZ", 293, 288, "S2T0SZ for Secure IPAs", SECURE_STAGE2),
  field("S_S2SL0", 295, 294, "S2SL0 for Secure IPAs", SECURE_STAGE2),
  field("_301_296", 301, 296, "RES0"),
  field("S_S2TG", 303, 302, "S2TG for Secure IPAs", { ...SECURE_STAGE2, values: GRANULE_TG0 }),
  field("MECID", 319, 304, "memory encryption context", { when: "only in the Realm Stream table, else RES0" }),
  field("PMG", 327, 320, "MPAM performance monitoring group", { section: "IHI 0070 §17" }),
  field("MPAM_NS", 328, 328, "PARTID space", { values: { 0: "that of the STE's Security state", 1: "Non-secure" } }),
  field("AssuredOnly", 329, 329, "AssuredOnly permission checks", { values: OFF_ON }),
  field("TL0", 330, 330, "TopLevel 0 check", { values: OFF_ON }),
  field("TL1", 331, 331, "TopLevel 1 check", { values: OFF_ON }),
  address("VMSPtr", 375, 332, "Virtual Machine Structure, PA bits 55:12", {
    section: "IHI 0070 §5.6",
    when: "used where Config == 0b111 and S1MPAM == 1",
  }),
  field("_383_376", 383, 376, "RES0"),
  field("S2SW", 384, 384, "NS bit of stage 2 walks for Secure IPAs", SECURE_STAGE2),
  field("S2SA", 385, 385, "NS bit of stage 2 output for Secure IPAs", SECURE_STAGE2),
  field("S_S2SL0_2", 386, 386, "bit 2 of S_S2SL0", SECURE_STAGE2),
  field("_387", 387, 387, "RES0"),
  address("S_S2TTB", 439, 388, "stage 2 table base for Secure IPAs, bits 55:4", SECURE_STAGE2),
  field("_444_440", 444, 440, "RES0"),
  field("S_S2SKL", 446, 445, "S2SKL for Secure IPAs", { ...VMSA128, values: SKIP_LEVEL }),
  field("_447", 447, 447, "RES0"),
  overlay("S2POI0", 0),
  overlay("S2POI1", 1),
  overlay("S2POI2", 2),
  overlay("S2POI3", 3),
  overlay("S2POI4", 4),
  overlay("S2POI5", 5),
  overlay("S2POI6", 6),
  overlay("S2POI7", 7),
  overlay("S2POI8", 8),
  overlay("S2POI9", 9),
  overlay("S2POI10", 10),
  overlay("S2POI11", 11),
  overlay("S2POI12", 12),
  overlay("S2POI13", 13),
  overlay("S2POI14", 14),
  overlay("S2POI15", 15),
]);

function overlay<const Name extends string>(name: Name, p: number) {
  return field(name, 4 * p + 451, 4 * p + 448, `overlay permission of POIndex ${p}`, {
    values: S2_OVERLAY,
    when: "used where S2POE == 1 and stage 2 permissions are indirect",
  });
}

function allocValues(): Record<number, string> {
  const names: Record<number, string> = {};
  for (let code = 0; code < 8; code++) names[code] = "use incoming hints";
  for (let code = 8; code < 16; code++) {
    const parts = [
      code & 4 ? "Read-Allocate" : "no Read-Allocate",
      code & 2 ? "Write-Allocate" : "no Write-Allocate",
      code & 1 ? "Transient" : "not Transient",
    ];
    names[code] = parts.join(", ");
  }
  return names;
}

/** Codes of Config that name what happens to a stream (IHI 0070 §5.2). */
export const SteConfig = { ABORT: 0, BYPASS: 4, STAGE_1: 5, STAGE_2: 6, NESTED: 7 } as const;

/**
 * Fields that describe stage 1: what a guest has a say in where stage 2 is its host's. IHI 0070 §5.2; Linux 7.2,
 * include/uapi/linux/iommufd.h (iommu_hwpt_arm_smmuv3), which takes V, Config and EATS besides.
 */
export const STAGE_1_FIELDS = [
  "S1Fmt",
  "S1ContextPtr",
  "S1CDMax",
  "S1DSS",
  "S1CIR",
  "S1COR",
  "S1CSH",
  "S1STALLD",
] as const;
