/**
 * Context Descriptor and Level 1 Context Descriptor. Arm SMMUv3, IHI 0070 issue G.b, §5.3 and §5.4.
 */
import { address, field, layout } from "../../base/layout.ts";
import {
  ADDRESS_SIZE,
  GRANULE_TG0,
  GRANULE_TG1,
  HARDWARE_USE,
  OFF_ON,
  S1_INDIRECT,
  SHAREABILITY,
  WALK_CACHEABILITY,
} from "./codes.ts";

/** Level 1 Context Descriptor, 64 bits. */
export const L1CD = layout("L1CD", "IHI 0070 §5.3", 64, [
  field("V", 0, 0, "L2Ptr valid", { values: { 0: "invalid: C_BAD_SUBSTREAMID", 1: "valid" } }),
  field("_11_1", 11, 1, "RES0"),
  address("L2Ptr", 55, 12, "level-2 table of CDs: an IPA where stage 2 translates, else a PA", {
    when: "bits 15:12 are RES0 where S1Fmt selects 64KB leaf tables",
  }),
  field("_63_56", 63, 56, "RES0"),
]);

const FAULTS = { section: "IHI 0070 §5.5" } as const;
const HTTU = { section: "IHI 0070 §3.13", values: OFF_ON } as const;
const NS_WALK = {
  values: { 0: "fetched with NS == 0", 1: "fetched with NS == 1" },
  when: "only under a Secure STE",
} as const;
const HAD = {
  values: { 0: "hierarchical attributes used", 1: "hierarchical attributes ignored" },
  when: "with SMMU_IDR5.D128 and VMSAv9-128 tables this bit is DisCH: ignore Contiguous at the first level",
} as const;
const E0PD = { values: { 0: "no such fault", 1: "unprivileged access is a Translation fault" } } as const;
const SKL_HWU = {
  values: HARDWARE_USE,
  when: "with SMMU_IDR5.D128 and VMSAv9-128 tables part of SKL (skip levels)",
} as const;
const TTB = { when: "bits 51:4 only, unless AA64 selects VMSAv9-128" } as const;
const INDIRECT = { values: S1_INDIRECT, when: "used where stage 1 permissions are indirect (PIE == 1)" } as const;

/** Context Descriptor, 512 bits. */
export const CD = layout("CD", "IHI 0070 §5.4", 512, [
  field("T0SZ", 5, 0, "TTB0 region is the lowest 2^(64-T0SZ) bytes"),
  field("TG0", 7, 6, "TTB0 granule", { values: GRANULE_TG0 }),
  field("IR0", 9, 8, "inner cacheability of TTB0 walks", { values: WALK_CACHEABILITY }),
  field("OR0", 11, 10, "outer cacheability of TTB0 walks", { values: WALK_CACHEABILITY }),
  field("SH0", 13, 12, "shareability of TTB0 walks", { values: SHAREABILITY }),
  field("EPD0", 14, 14, "TTB0 walks", { values: { 0: "enabled", 1: "disabled: Translation fault" } }),
  field("ENDI", 15, 15, "endianness of stage 1 tables", { values: { 0: "little", 1: "big" } }),
  field("T1SZ", 21, 16, "TTB1 region is the highest 2^(64-T1SZ) bytes"),
  field("TG1", 23, 22, "TTB1 granule", { values: GRANULE_TG1 }),
  field("IR1", 25, 24, "inner cacheability of TTB1 walks", { values: WALK_CACHEABILITY }),
  field("OR1", 27, 26, "outer cacheability of TTB1 walks", { values: WALK_CACHEABILITY }),
  field("SH1", 29, 28, "shareability of TTB1 walks", { values: SHAREABILITY }),
  field("EPD1", 30, 30, "TTB1 walks", { values: { 0: "enabled", 1: "disabled: Translation fault" } }),
  field("V", 31, 31, "CD valid", { values: { 0: "invalid: C_BAD_CD", 1: "valid" } }),
  field("IPS", 34, 32, "intermediate physical address size", { values: ADDRESS_SIZE }),
  field("AFFD", 35, 35, "Access flag fault disable", { values: { 0: "AF == 0 faults", 1: "AF is taken as 1" } }),
  field("WXN", 36, 36, "write implies no execute", { values: OFF_ON }),
  field("UWXN", 37, 37, "unprivileged write implies privileged no execute", { values: OFF_ON }),
  field("TBI0", 38, 38, "top byte of TTB0 addresses", { values: { 0: "checked", 1: "ignored" } }),
  field("TBI1", 39, 39, "top byte of TTB1 addresses", { values: { 0: "checked", 1: "ignored" } }),
  field("PAN", 40, 40, "privileged access never", { values: OFF_ON }),
  field("AA64", 41, 41, "stage 1 table format", {
    values: { 0: "VMSAv8-32 LPAE (VMSAv9-128 with SMMU_IDR5.D128)", 1: "VMSAv8-64" },
  }),
  field("HD", 42, 42, "hardware update of dirty state at stage 1", HTTU),
  field("HA", 43, 43, "hardware update of the Access flag at stage 1", HTTU),
  field("S", 44, 44, "stall faults", { ...FAULTS, values: { 0: "terminate", 1: "stall" } }),
  field("R", 45, 45, "record faults", { ...FAULTS, values: { 0: "no event", 1: "record an event" } }),
  field("A", 46, 46, "answer to a terminated fault", { ...FAULTS, values: { 0: "RAZ/WI", 1: "abort" } }),
  field("ASET", 47, 47, "ASID set", { values: { 0: "shared with PE address spaces", 1: "not shared" } }),
  field("ASID", 63, 48, "ASID that tags TLB entries", { section: "IHI 0070 §3.17" }),
  field("NSCFG0", 64, 64, "NS of the first TTB0 descriptor fetch", NS_WALK),
  field("HAD0", 65, 65, "hierarchical attribute disable for TTB0", HAD),
  field("E0PD0", 66, 66, "unprivileged access to TTB0 addresses", E0PD),
  field("HAFT", 67, 67, "hardware Access flag in stage 1 Table descriptors", { values: OFF_ON }),
  address("TTB0", 119, 68, "TTB0 table base, bits 55:4: an IPA where stage 2 translates, else a PA", TTB),
  field("_121_120", 121, 120, "RES0"),
  field("PnCH", 122, 122, "Protected attribute", { values: OFF_ON }),
  field("EPAN", 123, 123, "PAN considers unprivileged execute permission too", { values: OFF_ON }),
  field("HWU059", 124, 124, "hardware use of TTB0 descriptor bit 59", { values: HARDWARE_USE }),
  field("HWU060", 125, 125, "hardware use of TTB0 descriptor bit 60", { values: HARDWARE_USE }),
  field("HWU061", 126, 126, "hardware use of TTB0 descriptor bit 61", SKL_HWU),
  field("HWU062", 127, 127, "hardware use of TTB0 descriptor bit 62", SKL_HWU),
  field("NSCFG1", 128, 128, "NS of the first TTB1 descriptor fetch", NS_WALK),
  field("HAD1", 129, 129, "hierarchical attribute disable for TTB1", HAD),
  field("E0PD1", 130, 130, "unprivileged access to TTB1 addresses", E0PD),
  field("AIE", 131, 131, "stage 1 attribute extension", { values: OFF_ON }),
  address("TTB1", 183, 132, "TTB1 table base, bits 55:4: an IPA where stage 2 translates, else a PA", TTB),
  field("_185_184", 185, 184, "RES0"),
  field("DS", 186, 186, "52-bit addresses with 4KB and 16KB granules at stage 1", { values: OFF_ON }),
  field("PIE", 187, 187, "stage 1 permission scheme", { values: { 0: "direct", 1: "indirect" } }),
  field("HWU159", 188, 188, "hardware use of TTB1 descriptor bit 59", { values: HARDWARE_USE }),
  field("HWU160", 189, 189, "hardware use of TTB1 descriptor bit 60", { values: HARDWARE_USE }),
  field("HWU161", 190, 190, "hardware use of TTB1 descriptor bit 61", SKL_HWU),
  field("HWU162", 191, 191, "hardware use of TTB1 descriptor bit 62", SKL_HWU),
  field("MAIR0", 223, 192, "memory types of AttrIndx 0 to 3, one byte each", {
    section: "IHI 0070 §5.4; DDI 0487 §D24.2",
  }),
  field("MAIR1", 255, 224, "memory types of AttrIndx 4 to 7, one byte each", {
    section: "IHI 0070 §5.4; DDI 0487 §D24.2",
  }),
  field("AMAIR0", 287, 256, "auxiliary memory attributes, IMPLEMENTATION DEFINED"),
  field("AMAIR1", 319, 288, "auxiliary memory attributes, IMPLEMENTATION DEFINED"),
  field("_351_320", 351, 320, "IMPLEMENTATION DEFINED"),
  field("PARTID", 367, 352, "MPAM partition, where STE.S1MPAM == 1", { section: "IHI 0070 §17" }),
  field("PMG", 375, 368, "MPAM performance monitoring group", { section: "IHI 0070 §17" }),
  field("_383_376", 383, 376, "RES0"),
  unprivileged("PIIU0", 0),
  unprivileged("PIIU1", 1),
  unprivileged("PIIU2", 2),
  unprivileged("PIIU3", 3),
  unprivileged("PIIU4", 4),
  unprivileged("PIIU5", 5),
  unprivileged("PIIU6", 6),
  unprivileged("PIIU7", 7),
  unprivileged("PIIU8", 8),
  unprivileged("PIIU9", 9),
  unprivileged("PIIU10", 10),
  unprivileged("PIIU11", 11),
  unprivileged("PIIU12", 12),
  unprivileged("PIIU13", 13),
  unprivileged("PIIU14", 14),
  unprivileged("PIIU15", 15),
  field("_447_432", 447, 432, "RES0"),
  privileged("PIIP0", 0),
  privileged("PIIP1", 1),
  privileged("PIIP2", 2),
  privileged("PIIP3", 3),
  privileged("PIIP4", 4),
  privileged("PIIP5", 5),
  privileged("PIIP6", 6),
  privileged("PIIP7", 7),
  privileged("PIIP8", 8),
  privileged("PIIP9", 9),
  privileged("PIIP10", 10),
  privileged("PIIP11", 11),
  privileged("PIIP12", 12),
  privileged("PIIP13", 13),
  privileged("PIIP14", 14),
  privileged("PIIP15", 15),
  field("_511_496", 511, 496, "RES0"),
]);

function unprivileged<const Name extends string>(name: Name, p: number) {
  return field(name, 3 * p + 386, 3 * p + 384, `unprivileged permission of index ${p}`, INDIRECT);
}

function privileged<const Name extends string>(name: Name, p: number) {
  return field(name, 3 * p + 450, 3 * p + 448, `privileged permission of index ${p}`, INDIRECT);
}
