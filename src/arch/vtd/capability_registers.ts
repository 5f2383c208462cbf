/**
 * Version and capability registers of a VT-d remapping unit.
 * Intel VT-d Architecture Specification, revision 4.1, §11.4.
 */
import { field, layout } from "../../base/layout.ts";

/** Domains by code of CAP.ND. */
const DOMAINS = { 0: "16", 1: "64", 2: "256", 3: "1024", 4: "4K", 5: "16K", 6: "64K" } as const;

export const VER = layout("VER", "VT-d §11.4", 32, [
  field("MIN", 3, 0, "minor version"),
  field("MAX", 7, 4, "major version"),
  field("_31_8", 31, 8, "RsvdZ"),
]);

export const CAP = layout("CAP", "VT-d §11.4", 64, [
  field("ND", 2, 0, "number of domains", { values: DOMAINS }),
  field("AFL", 3, 3, "advanced fault logging"),
  field("RWBF", 4, 4, "software must flush write buffers"),
  field("PLMR", 5, 5, "protected low memory region"),
  field("PHMR", 6, 6, "protected high memory region"),
  field("CM", 7, 7, "caching mode: not-present entries may be cached"),
  field("SAGAW", 12, 8, "adjusted guest address widths: bit 1 is 39, bit 2 is 48, bit 3 is 57 bits"),
  field("_15_13", 15, 13, "RsvdZ"),
  field("MGAW", 21, 16, "widest guest address, minus 1"),
  field("ZLR", 22, 22, "zero-length reads of write-only pages pass"),
  field("_23", 23, 23, "RsvdZ"),
  field("FRO", 33, 24, "offset of the fault recording registers, in units of 16 bytes"),
  field("SSLPS", 37, 34, "second-stage large pages: bit 0 is 2 MiB, bit 1 is 1 GiB"),
  field("_38", 38, 38, "RsvdZ"),
  field("PSI", 39, 39, "page-selective invalidation"),
  field("NFR", 47, 40, "number of fault recording registers, minus 1"),
  field("MAMV", 53, 48, "largest address mask of an invalidation"),
  field("DWD", 54, 54, "write draining"),
  field("DRD", 55, 55, "read draining"),
  field("FS1GP", 56, 56, "first-stage pages of 1 GiB"),
  field("_58_57", 58, 57, "RsvdZ"),
  field("PI", 59, 59, "posted interrupts"),
  field("FS5LP", 60, 60, "first-stage tables of 5 levels"),
  field("ECMDS", 61, 61, "enhanced commands"),
  field("ESIRTPS", 62, 62, "setting the interrupt table pointer drops what is cached of it"),
  field("ESRTPS", 63, 63, "setting the root table pointer drops what is cached of translation"),
]);

export const ECAP = layout("ECAP", "VT-d §11.4", 64, [
  field("C", 0, 0, "page walks are coherent, legacy mode"),
  field("QI", 1, 1, "queued invalidation"),
  field("DT", 2, 2, "device TLBs"),
  field("IR", 3, 3, "interrupt remapping"),
  field("EIM", 4, 4, "extended interrupt mode: 32-bit APIC ids"),
  field("_5", 5, 5, "RsvdZ"),
  field("PT", 6, 6, "pass-through"),
  field("SC", 7, 7, "snoop control"),
  field("IRO", 17, 8, "offset of the IOTLB registers, in units of 16 bytes"),
  field("_19_18", 19, 18, "RsvdZ"),
  field("MHMV", 23, 20, "largest index mask of an interrupt entry cache invalidation"),
  field("_24", 24, 24, "RsvdZ"),
  field("MTS", 25, 25, "memory types of second-stage translation"),
  field("NEST", 26, 26, "nested translation"),
  field("_28_27", 28, 27, "RsvdZ"),
  field("PRS", 29, 29, "page requests"),
  field("ERS", 30, 30, "execute requests"),
  field("SRS", 31, 31, "supervisor requests"),
  field("_32", 32, 32, "RsvdZ"),
  field("NWFS", 33, 33, "no-write flag of translation requests"),
  field("EAFS", 34, 34, "extended accessed flags"),
  field("PSS", 39, 35, "bits of a PASID, minus 1"),
  field("PASID", 40, 40, "requests with PASID"),
  field("DIT", 41, 41, "device-TLB invalidations may be throttled"),
  field("PDS", 42, 42, "page-request drain"),
  field("SMTS", 43, 43, "scalable mode"),
  field("VCS", 44, 44, "virtual commands"),
  field("SSADS", 45, 45, "second-stage accessed and dirty flags"),
  field("SSTS", 46, 46, "second-stage translation in scalable mode"),
  field("FSTS", 47, 47, "first-stage translation"),
  field("SMPWCS", 48, 48, "page walks are coherent, scalable mode"),
  field("RPS", 49, 49, "RID_PASID"),
  field("_50", 50, 50, "RsvdZ"),
  field("PMS", 51, 51, "performance monitoring"),
  field("ADMS", 52, 52, "abort-DMA mode"),
  field("RPRIVS", 53, 53, "RID_PRIV"),
  field("_63_54", 63, 54, "RsvdZ"),
]);

export const VCCAP = layout("VCCAP", "VT-d §11.4", 64, [
  field("PAS", 0, 0, "PASIDs can be allocated and freed"),
  field("_63_1", 63, 1, "RsvdZ"),
]);

export const ECCAP = layout("ECCAP", "VT-d §11.4", 64, [
  field("Commands", 63, 0, "enhanced commands offered, a bit each"),
]);
