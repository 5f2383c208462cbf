/**
 * Identification registers of the Non-secure programming interface. Arm SMMUv3, IHI 0070 issue G.b, §6.3.
 */
import { field, layout } from "../../base/layout.ts";
import { ADDRESS_SIZE, NO_YES } from "./codes.ts";

const supported = { values: NO_YES } as const;

export const SMMU_IDR0 = layout("SMMU_IDR0", "IHI 0070 §6.3.1", 32, [
  field("S2P", 0, 0, "stage 2 translation", supported),
  field("S1P", 1, 1, "stage 1 translation", supported),
  field("TTF", 3, 2, "table formats", {
    values: { 0: "Reserved", 1: "VMSAv8-32 LPAE", 2: "VMSAv8-64", 3: "VMSAv8-32 LPAE and VMSAv8-64" },
  }),
  field("COHACC", 4, 4, "coherent access to tables, structures and queues", supported),
  field("BTM", 5, 5, "broadcast TLB maintenance", supported),
  field("HTTU", 7, 6, "hardware update of translation tables", {
    values: { 0: "none", 1: "Access flag", 2: "Access flag and dirty state", 3: "also the Access flag of tables" },
  }),
  field("DORMHINT", 8, 8, "dormant hint", supported),
  field("Hyp", 9, 9, "EL2 stage 1 contexts", supported),
  field("ATS", 10, 10, "PCIe ATS", supported),
  field("NS1ATS", 11, 11, "split-stage ATS", { values: { 0: "supported", 1: "not supported" } }),
  field("ASID16", 12, 12, "16-bit ASIDs", supported),
  field("MSI", 13, 13, "message signalled interrupts", supported),
  field("SEV", 14, 14, "wake-up events to a PE", supported),
  field("ATOS", 15, 15, "address translation operations", supported),
  field("PRI", 16, 16, "page request interface", supported),
  field("VMW", 17, 17, "VMID wildcards", supported),
  field("VMID16", 18, 18, "16-bit VMIDs", supported),
  field("CD2L", 19, 19, "two-level CD tables", supported),
  field("VATOS", 20, 20, "virtual ATOS page", supported),
  field("TTENDIAN", 22, 21, "endianness of tables", {
    values: { 0: "mixed", 1: "Reserved", 2: "little only", 3: "big only" },
  }),
  field("ATSRECERR", 23, 23, "events for ATS-related configuration errors", supported),
  field("STALL_MODEL", 25, 24, "stall model", {
    values: { 0: "stall and terminate", 1: "terminate only", 2: "stall forced", 3: "Reserved" },
  }),
  field("TERM_MODEL", 26, 26, "termination model", { values: { 0: "CD.A selects RAZ/WI or abort", 1: "abort only" } }),
  field("ST_LEVEL", 28, 27, "Stream table formats", {
    values: { 0: "linear", 1: "linear and two-level", 2: "Reserved", 3: "Reserved" },
  }),
  field("_29", 29, 29, "RES0"),
  field("RME_IMPL", 30, 30, "Realm Management Extension", supported),
  field("_31", 31, 31, "RES0"),
]);

export const SMMU_IDR1 = layout("SMMU_IDR1", "IHI 0070 §6.3.2", 32, [
  field("SIDSIZE", 5, 0, "bits of StreamID"),
  field("SSIDSIZE", 10, 6, "bits of SubstreamID; 0 means none"),
  field("PRIQS", 15, 11, "log2 of the largest PRI queue, in entries"),
  field("EVENTQS", 20, 16, "log2 of the largest Event queue, in entries"),
  field("CMDQS", 25, 21, "log2 of the largest Command queue, in entries"),
  field("ATTR_PERMS_OVR", 26, 26, "permission attributes can be overridden", supported),
  field("ATTR_TYPES_OVR", 27, 27, "memory types can be overridden", supported),
  field("REL", 28, 28, "preset addresses", { values: { 0: "absolute", 1: "relative to page 0" } }),
  field("QUEUES_PRESET", 29, 29, "queue bases are fixed", supported),
  field("TABLES_PRESET", 30, 30, "Stream table base is fixed", supported),
  field("ECMDQ", 31, 31, "enhanced Command queues", supported),
]);

export const SMMU_IDR2 = layout("SMMU_IDR2", "IHI 0070 §6.3.3", 32, [
  field("BA_VATOS", 9, 0, "offset of the VATOS page in 64KB units, less 2"),
  field("_31_10", 31, 10, "RES0"),
]);

export const SMMU_IDR3 = layout("SMMU_IDR3", "IHI 0070 §6.3.4", 32, [
  field("_1_0", 1, 0, "RES0"),
  field("HAD", 2, 2, "hierarchical attribute disable", supported),
  field("PBHA", 3, 3, "page-based hardware attributes", supported),
  field("XNX", 4, 4, "stage 2 execute never by privilege", supported),
  field("PPS", 5, 5, "automatic PRI responses always carry the PASID", supported),
  field("_6", 6, 6, "RES0"),
  field("MPAM", 7, 7, "memory partitioning and monitoring", supported),
  field("FWB", 8, 8, "stage 2 forced Write-Back (STE.S2FWB)", supported),
  field("STT", 9, 9, "small translation tables", supported),
  field("RIL", 10, 10, "range invalidation and level hint", supported),
  field("BBML", 12, 11, "break-before-make level", { values: { 0: "0", 1: "1", 2: "2", 3: "Reserved" } }),
  field("E0PD", 13, 13, "E0PD", supported),
  field("PTWNNC", 14, 14, "walks to Device memory, STE.S2PTW == 0", {
    values: { 0: "as Device", 1: "as Normal Non-cacheable" },
  }),
  field("DPT", 15, 15, "Device Permission Table", supported),
  field("PASIDTT", 16, 16, "PASID on translated transactions", supported),
  field("EPAN", 17, 17, "enhanced privileged access never", supported),
  field("S1PI", 18, 18, "stage 1 permission indirection", supported),
  field("S2PI", 19, 19, "stage 2 permission indirection", supported),
  field("S2PO", 20, 20, "stage 2 permission overlay", supported),
  field("THE", 21, 21, "translation hardening", supported),
  field("MTEPERM", 22, 22, "stage 2 NoTagAccess encodings", supported),
  field("AIE", 23, 23, "stage 1 attribute index extension", supported),
  field("_31_24", 31, 24, "RES0"),
]);

export const SMMU_IDR4 = layout("SMMU_IDR4", "IHI 0070 §6.3.5", 32, [field("_31_0", 31, 0, "IMPLEMENTATION DEFINED")]);

export const SMMU_IDR5 = layout("SMMU_IDR5", "IHI 0070 §6.3.6", 32, [
  field("OAS", 2, 0, "output address size", { values: ADDRESS_SIZE }),
  field("_3", 3, 3, "RES0"),
  field("GRAN4K", 4, 4, "4KB granule", supported),
  field("GRAN16K", 5, 5, "16KB granule", supported),
  field("GRAN64K", 6, 6, "64KB granule", supported),
  field("DS", 7, 7, "52-bit addresses with 4KB and 16KB granules", supported),
  field("D128", 8, 8, "VMSAv9-128 descriptors", supported),
  field("_9", 9, 9, "RES0"),
  field("VAX", 11, 10, "virtual address size for each table base", {
    values: { 0: "48 bits", 1: "52 bits", 2: "56 bits", 3: "Reserved" },
  }),
  field("_15_12", 15, 12, "RES0"),
  field("STALL_MAX", 31, 16, "largest number of stalled transactions"),
]);

export const SMMU_IDR6 = layout("SMMU_IDR6", "IHI 0070 §6.3.45", 32, [
  field("_15_0", 15, 0, "RES0"),
  field("CMDQ_CONTROL_PAGE_LOG2NUMQ", 19, 16, "log2 of queues on a control page"),
  field("_23_20", 23, 20, "RES0"),
  field("CMDQ_CONTROL_PAGE_LOG2NUMP", 27, 24, "log2 of control pages"),
  field("_31_28", 31, 28, "RES0"),
]);

export const SMMU_IIDR = layout("SMMU_IIDR", "IHI 0070 §6.3.7", 32, [
  field("Implementer", 11, 0, "JEP106 code of the implementer", { values: { 1083: "Arm" } }),
  field("Revision", 15, 12, "minor revision"),
  field("Variant", 19, 16, "major revision"),
  field("ProductID", 31, 20, "part number"),
]);

export const SMMU_AIDR = layout("SMMU_AIDR", "IHI 0070 §6.3.8", 32, [
  field("ArchMinorRev", 3, 0, "minor architecture revision", {
    values: { 0: "SMMUv3.0", 1: "SMMUv3.1", 2: "SMMUv3.2", 3: "SMMUv3.3", 4: "SMMUv3.4" },
  }),
  field("ArchMajorRev", 7, 4, "major architecture revision", { values: { 0: "SMMUv3.x" } }),
  field("_31_8", 31, 8, "RES0"),
]);

export const SMMU_MPAMIDR = layout("SMMU_MPAMIDR", "IHI 0070 §6.3.41", 32, [
  field("PARTID_MAX", 15, 0, "largest PARTID"),
  field("PMG_MAX", 23, 16, "largest PMG"),
  field("_31_24", 31, 24, "RES0"),
]);
