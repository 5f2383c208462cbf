/**
 * Enhanced Command queues: registers that tell where the control pages are, and those of each queue.
 * Arm SMMUv3, IHI 0070 issue G.b, §3.5.6, §6.2.5, §6.3.49 to §6.3.51, §6.3.107 to §6.3.109.
 */
import { address, field, layout } from "../../base/layout.ts";
import { CERROR } from "./control_registers.ts";

/** Offsets from page 0 of the registers of control page n: BASE, CFG and STATUS, CONTROL_PAGE_STRIDE bytes apart. */
export const CONTROL_PAGE_FIRST = 0x4000;
export const CONTROL_PAGE_STRIDE = 32;
/** Bytes of a control page, over which its queues are spread evenly. */
export const CONTROL_PAGE_BYTES = 0x10000;

export const SMMU_CMDQ_CONTROL_PAGE_BASE = layout("SMMU_CMDQ_CONTROL_PAGE_BASE", "IHI 0070 §6.3.49", 64, [
  field("CMDQ_CONTROL_PAGE_PRESET", 0, 0, "queues are registers of the SMMU, always 1"),
  field("CMDQGS", 2, 1, "granule of the control page", { values: { 1: "64KB" } }),
  field("_15_3", 15, 3, "RES0"),
  address("ADDR", 55, 16, "offset of the control page from page 0"),
  field("_63_56", 63, 56, "RES0"),
]);
export const SMMU_CMDQ_CONTROL_PAGE_CFG = layout("SMMU_CMDQ_CONTROL_PAGE_CFG", "IHI 0070 §6.3.50", 32, [
  field("EN", 0, 0, "the control page is enabled, always 1"),
  field("_31_1", 31, 1, "RES0"),
]);
export const SMMU_CMDQ_CONTROL_PAGE_STATUS = layout("SMMU_CMDQ_CONTROL_PAGE_STATUS", "IHI 0070 §6.3.51", 32, [
  field("ENACK", 0, 0, "the control page is enabled, always 1"),
  field("_31_1", 31, 1, "RES0"),
]);

export const SMMU_ECMDQ_BASE = layout("SMMU_ECMDQ_BASE", "IHI 0070 §6.3.107", 64, [
  field("LOG2SIZE", 4, 0, "log2 of the number of entries"),
  address("ADDR", 55, 5, "queue base, aligned to the queue's size"),
  field("_61_56", 61, 56, "RES0"),
  field("RA", 62, 62, "allocation hint", { values: { 0: "no Read-Allocate", 1: "Read-Allocate" } }),
  field("_63", 63, 63, "RES0"),
]);
export const SMMU_ECMDQ_PROD = layout("SMMU_ECMDQ_PROD", "IHI 0070 §6.3.108", 32, [
  field("WR", 19, 0, "write index; the bit above the index is the wrap flag"),
  field("_22_20", 22, 20, "RES0"),
  field("ERRACK", 23, 23, "acknowledges ERR by being equal to it"),
  field("_30_24", 30, 24, "RES0"),
  field("EN", 31, 31, "the queue is to be on"),
]);
export const SMMU_ECMDQ_CONS = layout("SMMU_ECMDQ_CONS", "IHI 0070 §6.3.109", 32, [
  field("RD", 19, 0, "read index; the bit above the index is the wrap flag"),
  field("_22_20", 22, 20, "RES0"),
  field("ERR", 23, 23, "toggles with each error; an error is active while it differs from ERRACK"),
  field("ERR_REASON", 26, 24, "error code", { values: CERROR, section: "IHI 0070 §7.1" }),
  field("_30_27", 30, 27, "RES0"),
  field("ENACK", 31, 31, "the queue is on"),
]);
