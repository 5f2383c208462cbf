/**
 * What an AMD IOMMU offers: the extended feature registers. 48882 revision 3.10, chapter 3, MMIO offsets
 * 0030h and 01A0h.
 */
import { field, layout } from "../../base/layout.ts";

const LEVELS = { values: { 0: "4 levels", 1: "5 levels", 2: "6 levels", 3: "no host translation" } } as const;

export const EFR = layout("EFR", "48882, MMIO offset 0030h", 64, [
  field("PreFSup", 0, 0, "PREFETCH_IOMMU_PAGES"),
  field("PPRSup", 1, 1, "peripheral page requests"),
  field("XTSup", 2, 2, "x2APIC destinations of 32 bits"),
  field("NXSup", 3, 3, "no-execute protection and privilege of requests"),
  field("GTSup", 4, 4, "guest translation"),
  field("GAPPISup", 5, 5, "interrupts to a physical processor for a guest that does not run"),
  field("IASup", 6, 6, "INVALIDATE_IOMMU_ALL"),
  field("GASup", 7, 7, "guest virtual APIC: interrupt table entries of 128 bits"),
  field("HESup", 8, 8, "hardware error registers"),
  field("PCSup", 9, 9, "performance counters"),
  field("HATS", 11, 10, "deepest host page table", LEVELS),
  field("GATS", 13, 12, "deepest guest page table", { values: { 0: "4 levels", 1: "5 levels", 2: "6 levels" } }),
  field("GLXSup", 15, 14, "deepest guest CR3 table", { values: { 0: "1 level", 1: "2 levels", 2: "3 levels" } }),
  field("SmiFSup", 17, 16, "SMI filter registers"),
  field("SmiFRC", 20, 18, "log2 of the number of SMI filter registers"),
  field("GAMSup", 23, 21, "guest virtual APIC modes"),
  field("DualPprLogSup", 25, 24, "second page request log", {
    values: { 0: "one log", 1: "two logs", 2: "two logs and automatic swap" },
  }),
  field("_27_26", 27, 26, "reserved"),
  field("DualEventLogSup", 29, 28, "second event log", {
    values: { 0: "one log", 1: "two logs", 2: "two logs and automatic swap" },
  }),
  field("_30", 30, 30, "reserved"),
  field("SATSSup", 31, 31, "secure ATS"),
  field("PASmax", 36, 32, "bits of a PASID, minus 1"),
  field("USSup", 37, 37, "user and supervisor protection"),
  field("DevTblSegSup", 39, 38, "device table segments", {
    values: { 0: "1 segment", 1: "up to 2", 2: "up to 4", 3: "up to 8" },
  }),
  field("PprOvrflwEarlySup", 40, 40, "early warning of a full page request log"),
  field("PPRAutoRspSup", 41, 41, "automatic responses to page requests"),
  field("MarcSup", 43, 42, "memory access routing and control apertures"),
  field("BlkStopMrkSup", 44, 44, "StopMark messages can be blocked"),
  field("PerfOptSup", 45, 45, "performance optimization control"),
  field("MsiCapMmioSup", 46, 46, "MSI capability visible among the MMIO registers"),
  field("_47", 47, 47, "reserved"),
  field("GIoSup", 48, 48, "guest tables for requests without a PASID"),
  field("HASup", 49, 49, "accessed bit of host page tables"),
  field("EPHSup", 50, 50, "enhanced handling of page requests"),
  field("AttrFWSup", 51, 51, "attributes are forwarded"),
  field("HDSup", 52, 52, "dirty bit of host page tables"),
  field("_53", 53, 53, "reserved"),
  field("InvIotlbTypeSup", 54, 54, "type of INVALIDATE_IOTLB_PAGES"),
  field("vIommuSup", 55, 55, "virtualized IOMMUs for guests"),
  field("_60_56", 60, 56, "reserved"),
  field("GAUpdateDisSup", 61, 61, "the accessed bit of guest tables can be left alone"),
  field("ForcePhyDestSup", 62, 62, "physical destination mode is forced for remapped interrupts"),
  field("SNPSup", 63, 63, "secure nested paging"),
]);

export const EFR2 = layout("EFR2", "48882, MMIO offset 01A0h", 64, [
  field("_0", 0, 0, "reserved"),
  field("SevSnpIoSup", 1, 1, "SEV-SNP trusted input and output"),
  field("TMPMSup", 2, 2, "tiered memory page migration"),
  field("GCR3TRPModeSup", 3, 3, "the guest CR3 table pointer can be a guest physical address"),
  field("GAPPIDisSup", 4, 4, "interrupts to a physical processor can be turned off by interrupt"),
  field("SNPAVICSup", 7, 5, "interrupt virtualization with secure nested paging"),
  field("NumIntRemapSup", 9, 8, "interrupts of a device", { values: { 0: "512", 1: "2048" } }),
  field("_10", 10, 10, "reserved"),
  field("HtRangeIgnore", 11, 11, "the HyperTransport range is ordinary guest memory"),
  field("_63_12", 63, 12, "reserved"),
]);
