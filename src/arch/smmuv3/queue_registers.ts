/**
 * Stream table, queue and Device Permission Table registers of the Non-secure programming interface.
 * Arm SMMUv3, IHI 0070 issue G.b, §6.3; queue indexes §3.5.1.
 */
import { address, field, layout } from "../../base/layout.ts";
import { ADDRESS_SIZE, GRANULE_TG0 } from "./codes.ts";
import { CERROR } from "./control_registers.ts";

const READ_ALLOCATE = { values: { 0: "no Read-Allocate", 1: "Read-Allocate" } } as const;
const WRITE_ALLOCATE = { values: { 0: "no Write-Allocate", 1: "Write-Allocate" } } as const;

export const SMMU_STRTAB_BASE = layout("SMMU_STRTAB_BASE", "IHI 0070 §6.3.24", 64, [
  field("_5_0", 5, 0, "RES0"),
  address("ADDR", 55, 6, "Stream table base, aligned to the table's size"),
  field("_61_56", 61, 56, "RES0"),
  field("RA", 62, 62, "allocation hint", READ_ALLOCATE),
  field("_63", 63, 63, "RES0"),
]);

export const SMMU_STRTAB_BASE_CFG = layout("SMMU_STRTAB_BASE_CFG", "IHI 0070 §6.3.25", 32, [
  field("LOG2SIZE", 5, 0, "log2 of the number of StreamIDs"),
  field("SPLIT", 10, 6, "StreamID bits that index the second level", {
    when: "FMT == 0b01",
    values: { 6: "4KB leaf tables", 8: "16KB leaf tables", 10: "64KB leaf tables" },
  }),
  field("_15_11", 15, 11, "RES0"),
  field("FMT", 17, 16, "Stream table format", {
    values: { 0: "linear", 1: "two levels", 2: "Reserved", 3: "Reserved" },
  }),
  field("_31_18", 31, 18, "RES0"),
]);

export const SMMU_CMDQ_BASE = layout("SMMU_CMDQ_BASE", "IHI 0070 §6.3.26", 64, [
  field("LOG2SIZE", 4, 0, "log2 of the number of entries"),
  address("ADDR", 55, 5, "queue base, aligned to the queue's size"),
  field("_61_56", 61, 56, "RES0"),
  field("RA", 62, 62, "allocation hint", READ_ALLOCATE),
  field("_63", 63, 63, "RES0"),
]);

export const SMMU_CMDQ_PROD = layout("SMMU_CMDQ_PROD", "IHI 0070 §6.3.27", 32, [
  field("WR", 19, 0, "write index; the bit above the index is the wrap flag"),
  field("_31_20", 31, 20, "RES0"),
]);

export const SMMU_CMDQ_CONS = layout("SMMU_CMDQ_CONS", "IHI 0070 §6.3.28", 32, [
  field("RD", 19, 0, "read index; the bit above the index is the wrap flag"),
  field("_23_20", 23, 20, "RES0"),
  field("ERR", 30, 24, "error code", { values: CERROR, section: "IHI 0070 §7.1", when: "GERROR.CMDQ_ERR is active" }),
  field("_31", 31, 31, "RES0"),
]);

const RECORD_QUEUE_BASE = [
  field("LOG2SIZE", 4, 0, "log2 of the number of entries"),
  address("ADDR", 55, 5, "queue base, aligned to the queue's size"),
  field("_61_56", 61, 56, "RES0"),
  field("WA", 62, 62, "allocation hint", WRITE_ALLOCATE),
  field("_63", 63, 63, "RES0"),
] as const;
const RECORD_QUEUE_PROD = [
  field("WR", 19, 0, "write index; the bit above the index is the wrap flag"),
  field("_30_20", 30, 20, "RES0"),
  field("OVFLG", 31, 31, "overflow flag: differs from OVACKFLG while an overflow is not acknowledged", {
    section: "IHI 0070 §7.4",
  }),
] as const;
const RECORD_QUEUE_CONS = [
  field("RD", 19, 0, "read index; the bit above the index is the wrap flag"),
  field("_30_20", 30, 20, "RES0"),
  field("OVACKFLG", 31, 31, "overflow acknowledge flag", { section: "IHI 0070 §7.4" }),
] as const;

export const SMMU_EVENTQ_BASE = layout("SMMU_EVENTQ_BASE", "IHI 0070 §6.3.29", 64, RECORD_QUEUE_BASE);
export const SMMU_EVENTQ_PROD = layout("SMMU_EVENTQ_PROD", "IHI 0070 §6.3.95", 32, RECORD_QUEUE_PROD);
export const SMMU_EVENTQ_CONS = layout("SMMU_EVENTQ_CONS", "IHI 0070 §6.3.96", 32, RECORD_QUEUE_CONS);
export const SMMU_PRIQ_BASE = layout("SMMU_PRIQ_BASE", "IHI 0070 §6.3.33", 64, RECORD_QUEUE_BASE);
export const SMMU_PRIQ_PROD = layout("SMMU_PRIQ_PROD", "IHI 0070 §6.3.97", 32, RECORD_QUEUE_PROD);
export const SMMU_PRIQ_CONS = layout("SMMU_PRIQ_CONS", "IHI 0070 §6.3.98", 32, RECORD_QUEUE_CONS);

export const SMMU_DPT_BASE = layout("SMMU_DPT_BASE", "IHI 0070 §6.3.46", 64, [
  field("_11_0", 11, 0, "RES0"),
  address("BADDR", 55, 12, "base of the level 0 Device Permission Table"),
  field("_61_56", 61, 56, "RES0"),
  field("RA", 62, 62, "allocation hint", READ_ALLOCATE),
  field("_63", 63, 63, "RES0"),
]);

export const SMMU_DPT_BASE_CFG = layout("SMMU_DPT_BASE_CFG", "IHI 0070 §6.3.47", 32, [
  field("DPTPS", 2, 0, "address size protected", { values: { ...ADDRESS_SIZE, 6: "52 bits", 7: "Reserved" } }),
  field("_13_3", 13, 3, "RES0"),
  field("DPTGS", 15, 14, "granule", { values: GRANULE_TG0 }),
  field("_19_16", 19, 16, "RES0"),
  field("L0DPTSZ", 23, 20, "reach of a level 0 entry", { values: { 0: "1GB", 4: "16GB", 6: "64GB", 9: "512GB" } }),
  field("_31_24", 31, 24, "RES0"),
]);

export const SMMU_DPT_CFG_FAR = layout("SMMU_DPT_CFG_FAR", "IHI 0070 §6.3.48", 64, [
  field("FAULT", 0, 0, "a lookup fault happened since this was cleared"),
  field("LEVEL", 1, 1, "level of the fault"),
  field("_3_2", 3, 2, "RES0"),
  field("DPT_FAULTCODE", 7, 4, "cause", {
    values: { 0: "DPT_DISABLED", 1: "DPT_WALK_FAULT", 2: "DPT_GPC_FAULT", 3: "DPT_EABT" },
  }),
  field("_11_8", 11, 8, "RES0"),
  address("FADDR", 55, 12, "address looked up"),
  field("_63_56", 63, 56, "RES0"),
]);
