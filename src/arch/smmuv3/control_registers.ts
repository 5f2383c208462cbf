/**
 * Control, status, error and interrupt registers of the Non-secure programming interface.
 * Arm SMMUv3, IHI 0070 issue G.b, §6.3; errors of the Command queue §7.1, global errors §7.5.
 */
import { address, field, layout } from "../../base/layout.ts";
import { OFF_ON, S2_MEMATTR, S2_OVERLAY, SHAREABILITY } from "./codes.ts";

const enable = { values: OFF_ON } as const;
const USE_INCOMING = { 0: "use incoming", 1: "Reserved, behaves as 0b00" } as const;
const CACHEABILITY = {
  values: { 0: "Non-cacheable", 1: "Write-Back Cacheable", 2: "Write-Through Cacheable", 3: "Reserved, as 0b00" },
} as const;
const UPDATE = { values: { 0: "idle", 1: "update in progress" } } as const;

const CR0_FIELDS = [
  field("SMMUEN", 0, 0, "translation of Non-secure streams", {
    values: { 0: "disabled: streams bypass, see SMMU_GBPA", 1: "enabled" },
  }),
  field("PRIQEN", 1, 1, "PRI queue writes", enable),
  field("EVENTQEN", 2, 2, "Event queue writes", enable),
  field("CMDQEN", 3, 3, "Command queue processing", enable),
  field("ATSCHK", 4, 4, "ATS translated traffic", {
    values: { 0: "passes without lookup", 1: "checked against STE.EATS" },
  }),
  field("_5", 5, 5, "RES0"),
  field("VMW", 8, 6, "VMID wildcard", {
    values: {
      0: "VMID matches exactly",
      1: "low bit ignored",
      2: "low 2 bits ignored",
      3: "low 3 bits ignored",
      4: "low 4 bits ignored",
    },
  }),
  field("_9", 9, 9, "RES0"),
  field("DPT_WALK_EN", 10, 10, "Device Permission Table walks", enable),
  field("_31_11", 31, 11, "RES0"),
] as const;

export const SMMU_CR0 = layout("SMMU_CR0", "IHI 0070 §6.3.9", 32, CR0_FIELDS);
export const SMMU_CR0ACK = layout("SMMU_CR0ACK", "IHI 0070 §6.3.10", 32, CR0_FIELDS);

export const SMMU_CR1 = layout("SMMU_CR1", "IHI 0070 §6.3.11", 32, [
  field("QUEUE_IC", 1, 0, "inner cacheability of queue accesses", CACHEABILITY),
  field("QUEUE_OC", 3, 2, "outer cacheability of queue accesses", CACHEABILITY),
  field("QUEUE_SH", 5, 4, "shareability of queue accesses", { values: SHAREABILITY }),
  field("TABLE_IC", 7, 6, "inner cacheability of Stream table fetches", CACHEABILITY),
  field("TABLE_OC", 9, 8, "outer cacheability of Stream table fetches", CACHEABILITY),
  field("TABLE_SH", 11, 10, "shareability of Stream table fetches", { values: SHAREABILITY }),
  field("_31_12", 31, 12, "RES0"),
]);

export const SMMU_CR2 = layout("SMMU_CR2", "IHI 0070 §6.3.12", 32, [
  field("E2H", 0, 0, "EL2 streams", { values: { 0: "EL2, no ASIDs", 1: "EL2-E2H, with ASIDs" } }),
  field("RECINVSID", 1, 1, "record C_BAD_STREAMID", enable),
  field("PTM", 2, 2, "broadcast TLB maintenance", { values: { 0: "takes part", 1: "ignored" } }),
  field("REC_CFG_ATS", 3, 3, "record configuration errors of ATS and PRI", enable),
  field("_31_4", 31, 4, "RES0"),
]);

export const SMMU_S2PII = layout("SMMU_S2PII", "IHI 0070 §6.3.17", 64, [
  s2pii("S2PII0", 0),
  s2pii("S2PII1", 1),
  s2pii("S2PII2", 2),
  s2pii("S2PII3", 3),
  s2pii("S2PII4", 4),
  s2pii("S2PII5", 5),
  s2pii("S2PII6", 6),
  s2pii("S2PII7", 7),
  s2pii("S2PII8", 8),
  s2pii("S2PII9", 9),
  s2pii("S2PII10", 10),
  s2pii("S2PII11", 11),
  s2pii("S2PII12", 12),
  s2pii("S2PII13", 13),
  s2pii("S2PII14", 14),
  s2pii("S2PII15", 15),
]);

function s2pii<const Name extends string>(name: Name, p: number) {
  return field(name, 4 * p + 3, 4 * p, `stage 2 base permission of index ${p}`, {
    values: { ...S2_OVERLAY, 1: "Reserved, as No Access", 5: "Reserved, as No Access" },
  });
}

export const SMMU_STATUSR = layout("SMMU_STATUSR", "IHI 0070 §6.3.13", 32, [
  field("DORMANT", 0, 0, "nothing is cached", { values: { 0: "may cache or fetch", 1: "caches nothing" } }),
  field("_31_1", 31, 1, "RES0"),
]);

export const SMMU_GBPA = layout("SMMU_GBPA", "IHI 0070 §6.3.14", 32, [
  field("MemAttr", 3, 0, "memory type where MTCFG == 1", { values: S2_MEMATTR }),
  field("MTCFG", 4, 4, "memory type", { values: { 0: "use incoming", 1: "replace with MemAttr" } }),
  field("_7_5", 7, 5, "RES0"),
  field("ALLOCCFG", 11, 8, "allocation hints: 0b0xxx incoming, 0b1RWT override"),
  field("SHCFG", 13, 12, "shareability", {
    values: { 0: "Non-shareable", 1: "use incoming", 2: "Outer Shareable", 3: "Inner Shareable" },
  }),
  field("_15_14", 15, 14, "RES0"),
  field("PRIVCFG", 17, 16, "privilege", { values: { ...USE_INCOMING, 2: "Unprivileged", 3: "Privileged" } }),
  field("INSTCFG", 19, 18, "instruction or data", { values: { ...USE_INCOMING, 2: "Data", 3: "Instruction" } }),
  field("ABORT", 20, 20, "transactions while SMMUEN == 0", { values: { 0: "bypass", 1: "abort" } }),
  field("_30_21", 30, 21, "RES0"),
  field("Update", 31, 31, "update handshake", UPDATE),
]);

export const SMMU_AGBPA = layout("SMMU_AGBPA", "IHI 0070 §6.3.15", 32, [
  field("_31_0", 31, 0, "IMPLEMENTATION DEFINED"),
]);

const IRQ_FIELDS = [
  field("GERROR_IRQEN", 0, 0, "interrupt of global errors", enable),
  field("PRIQ_IRQEN", 1, 1, "interrupt of the PRI queue", enable),
  field("EVENTQ_IRQEN", 2, 2, "interrupt of the Event queue", enable),
  field("_31_3", 31, 3, "RES0"),
] as const;

export const SMMU_IRQ_CTRL = layout("SMMU_IRQ_CTRL", "IHI 0070 §6.3.16", 32, IRQ_FIELDS);
export const SMMU_IRQ_CTRLACK = layout("SMMU_IRQ_CTRLACK", "IHI 0070 §6.3.18", 32, IRQ_FIELDS);

const GERROR_FIELDS = [
  field("CMDQ_ERR", 0, 0, "Command queue error, code in SMMU_CMDQ_CONS.ERR"),
  field("_1", 1, 1, "RES0"),
  field("EVENTQ_ABT_ERR", 2, 2, "access to the Event queue aborted: events may be lost"),
  field("PRIQ_ABT_ERR", 3, 3, "access to the PRI queue aborted: requests may be lost"),
  field("MSI_CMDQ_ABT_ERR", 4, 4, "MSI of a CMD_SYNC aborted"),
  field("MSI_EVENTQ_ABT_ERR", 5, 5, "MSI of the Event queue aborted"),
  field("MSI_PRIQ_ABT_ERR", 6, 6, "MSI of the PRI queue aborted"),
  field("MSI_GERROR_ABT_ERR", 7, 7, "MSI of a global error aborted"),
  field("SFM_ERR", 8, 8, "service failure mode: traffic has stopped", { section: "IHI 0070 §12.3" }),
  field("CMDQP_ERR", 9, 9, "error on a Command queue control page", { section: "IHI 0070 §3.5.6" }),
  field("DPT_ERR", 10, 10, "Device Permission Table lookup fault, see SMMU_DPT_CFG_FAR"),
  field("_31_11", 31, 11, "RES0"),
] as const;

/** An error is active while its bit differs between GERROR and GERRORN, IHI 0070 §7.5. */
export const SMMU_GERROR = layout("SMMU_GERROR", "IHI 0070 §6.3.19", 32, GERROR_FIELDS);
export const SMMU_GERRORN = layout("SMMU_GERRORN", "IHI 0070 §6.3.20", 32, GERROR_FIELDS);

/** Address of an MSI; all SMMU_*_IRQ_CFG0 have this shape. */
const MSI_ADDRESS = [
  field("_1_0", 1, 0, "RES0"),
  address("ADDR", 55, 2, "address of the MSI write; 0 means no MSI"),
  field("_63_56", 63, 56, "RES0"),
] as const;
const MSI_DATA = [field("DATA", 31, 0, "data of the MSI write")] as const;
const MSI_ATTR = [
  field("MemAttr", 3, 0, "memory type of the MSI write", { values: S2_MEMATTR }),
  field("SH", 5, 4, "shareability of the MSI write", { values: SHAREABILITY }),
] as const;
const MSI_CFG2 = [...MSI_ATTR, field("_31_6", 31, 6, "RES0")] as const;

export const SMMU_GERROR_IRQ_CFG0 = layout("SMMU_GERROR_IRQ_CFG0", "IHI 0070 §6.3.21", 64, MSI_ADDRESS);
export const SMMU_GERROR_IRQ_CFG1 = layout("SMMU_GERROR_IRQ_CFG1", "IHI 0070 §6.3.22", 32, MSI_DATA);
export const SMMU_GERROR_IRQ_CFG2 = layout("SMMU_GERROR_IRQ_CFG2", "IHI 0070 §6.3.23", 32, MSI_CFG2);
export const SMMU_EVENTQ_IRQ_CFG0 = layout("SMMU_EVENTQ_IRQ_CFG0", "IHI 0070 §6.3.30", 64, MSI_ADDRESS);
export const SMMU_EVENTQ_IRQ_CFG1 = layout("SMMU_EVENTQ_IRQ_CFG1", "IHI 0070 §6.3.31", 32, MSI_DATA);
export const SMMU_EVENTQ_IRQ_CFG2 = layout("SMMU_EVENTQ_IRQ_CFG2", "IHI 0070 §6.3.32", 32, MSI_CFG2);
export const SMMU_PRIQ_IRQ_CFG0 = layout("SMMU_PRIQ_IRQ_CFG0", "IHI 0070 §6.3.34", 64, MSI_ADDRESS);
export const SMMU_PRIQ_IRQ_CFG1 = layout("SMMU_PRIQ_IRQ_CFG1", "IHI 0070 §6.3.35", 32, MSI_DATA);
export const SMMU_PRIQ_IRQ_CFG2 = layout("SMMU_PRIQ_IRQ_CFG2", "IHI 0070 §6.3.36", 32, [
  ...MSI_ATTR,
  field("_30_6", 30, 6, "RES0"),
  field("LO", 31, 31, "interrupt when", {
    values: { 0: "the queue becomes non-empty", 1: "a request has its L bit set" },
  }),
]);

export const SMMU_GMPAM = layout("SMMU_GMPAM", "IHI 0070 §6.3.42", 32, [
  field("SO_PARTID", 15, 0, "PARTID of the SMMU's own accesses"),
  field("SO_PMG", 23, 16, "PMG of the SMMU's own accesses"),
  field("_30_24", 30, 24, "RES0"),
  field("Update", 31, 31, "update handshake", UPDATE),
]);

export const SMMU_GBPMPAM = layout("SMMU_GBPMPAM", "IHI 0070 §6.3.43", 32, [
  field("GBP_PARTID", 15, 0, "PARTID while SMMUEN == 0"),
  field("GBP_PMG", 23, 16, "PMG while SMMUEN == 0"),
  field("_30_24", 30, 24, "RES0"),
  field("Update", 31, 31, "update handshake", UPDATE),
]);

/** Error codes of SMMU_CMDQ_CONS.ERR, IHI 0070 §7.1. */
export const CERROR: Readonly<Record<number, string>> = {
  0: "CERROR_NONE",
  1: "CERROR_ILL",
  2: "CERROR_ABT",
  3: "CERROR_ATC_INV_SYNC",
};
