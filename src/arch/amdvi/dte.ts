/**
 * Device table entry. AMD I/O Virtualization Technology (IOMMU) Specification, 48882 revision 3.10, §2.2.2.1.
 *
 * Bits are numbered over the whole entry of 256. V and TV cover [127:0], IV what belongs to interrupts in [255:128].
 */
import type { FieldNumbers } from "../../base/encode.ts";
import { address, field, layout } from "../../base/layout.ts";

const OFF_ON = { 0: "off", 1: "on" } as const;
const GUEST = { when: "used where GV == 1 and CONTROL.GTEn == 1" } as const;
const VIOMMU = { when: "used where vImuEn == 1, with EFR.vIommuSup" } as const;

/** Device table entry, 256 bits. */
export const DTE = layout("DTE", "48882 §2.2.2.1", 256, [
  field("V", 0, 0, "bits [127:1] are valid", { values: { 0: "requests pass untranslated", 1: "valid" } }),
  field("TV", 1, 1, "translation information is valid", {
    when: "used where V == 1",
    values: { 0: "requests that need translation are aborted", 1: "valid" },
  }),
  field("_6_2", 6, 2, "RES0"),
  field("HAD", 8, 7, "updates of Accessed and Dirty bits of the host tables", {
    when: "used with EFR.HASup and EFR.HDSup",
    values: { 0: "none", 1: "Accessed", 2: "Reserved", 3: "Accessed and Dirty" },
  }),
  field("Mode", 11, 9, "levels of the host tables", {
    values: {
      0: "no host tables: IR and IW alone decide",
      1: "1 level, 21-bit addresses",
      2: "2 levels, 30-bit addresses",
      3: "3 levels, 39-bit addresses",
      4: "4 levels, 48-bit addresses",
      5: "5 levels, 57-bit addresses",
      6: "6 levels, 64-bit addresses",
      7: "Reserved",
    },
  }),
  address("HostPageTableRootPtr", 51, 12, "root of the host tables, a system physical address"),
  field("PPR", 52, 52, "the device may request pages", { values: OFF_ON }),
  field("GPRP", 53, 53, "responses to page requests carry the PASID", { values: OFF_ON }),
  field("GIoV", 54, 54, "requests without PASID are guest requests of PASID 0", { ...GUEST, values: OFF_ON }),
  field("GV", 55, 55, "guest translation", { when: "used where CONTROL.GTEn == 1", values: OFF_ON }),
  field("GLX", 57, 56, "levels of the guest CR3 table", {
    ...GUEST,
    values: { 0: "1 level, 9-bit PASIDs", 1: "2 levels, 18-bit PASIDs", 2: "3 levels, 20-bit PASIDs", 3: "Reserved" },
  }),
  field("GCR3TRP_14_12", 60, 58, "guest CR3 table root pointer, bits [14:12]", GUEST),
  field("IR", 61, 61, "reading", { values: { 0: "not allowed", 1: "allowed" } }),
  field("IW", 62, 62, "writing", { values: { 0: "not allowed", 1: "allowed" } }),
  field("_63", 63, 63, "RES0"),
  field("DomainID", 79, 64, "tag of cached translations"),
  field("GCR3TRP_30_15", 95, 80, "guest CR3 table root pointer, bits [30:15]", GUEST),
  field("I", 96, 96, "the device may translate addresses ahead (ATS)", { values: OFF_ON }),
  field("SE", 97, 97, "suppress I/O page fault events after the first", { values: OFF_ON }),
  field("SA", 98, 98, "suppress all I/O page fault events", { values: OFF_ON }),
  field("IoCtl", 100, 99, "requests in the port I/O range", {
    values: { 0: "aborted", 1: "passed", 2: "translated", 3: "Reserved" },
  }),
  field("Cache", 101, 101, "hint: do not cache translations that the device asked for (ATS)"),
  field("SD", 102, 102, "snoop disable: translated reads with No Snoop keep it", { values: OFF_ON }),
  field("EX", 103, 103, "the exclusion range is passed untranslated", {
    when: "used where EXCL_BASE.ExEn == 1",
    values: OFF_ON,
  }),
  field("SysMgt", 105, 104, "messages in the system management range", {
    values: { 0: "aborted", 1: "passed, posted writes only", 2: "passed, INTx messages only", 3: "translated" },
  }),
  field("SATS", 106, 106, "secure ATS: translated requests are checked", { when: "used with EFR.SATSSup" }),
  field("GCR3TRP_51_31", 127, 107, "guest CR3 table root pointer, bits [51:31]", GUEST),
  field("IV", 128, 128, "interrupt remapping information is valid", {
    values: { 0: "interrupts pass unmapped", 1: "valid" },
  }),
  field("IntTabLen", 132, 129, "log2 of the entries of the interrupt remapping table, at most 11"),
  field("IG", 133, 133, "interrupts that are not mapped leave no event", { values: OFF_ON }),
  address("InterruptTableRootPtr", 179, 134, "interrupt remapping table, a system physical address"),
  field("_181_180", 181, 180, "RES0"),
  field("GuestPagingMode", 183, 182, "levels of the guest tables", {
    ...GUEST,
    values: { 0: "4 levels", 1: "5 levels", 2: "Reserved", 3: "Reserved" },
  }),
  field("InitPass", 184, 184, "INIT interrupts", { values: { 0: "aborted", 1: "passed" } }),
  field("EIntPass", 185, 185, "ExtInt interrupts", { values: { 0: "aborted", 1: "passed" } }),
  field("NMIPass", 186, 186, "NMI interrupts", { values: { 0: "aborted", 1: "passed" } }),
  field("HPTMode", 187, 187, "host page table mode, with SNP"),
  field("IntCtl", 189, 188, "fixed and arbitrated interrupts", {
    values: { 0: "aborted", 1: "passed unmapped", 2: "remapped", 3: "Reserved" },
  }),
  field("Lint0Pass", 190, 190, "LINT0 interrupts", { values: { 0: "aborted", 1: "passed" } }),
  field("Lint1Pass", 191, 191, "LINT1 interrupts", { values: { 0: "aborted", 1: "passed" } }),
  field("_206_192", 206, 192, "RES0"),
  field("vImuEn", 207, 207, "the device belongs to a guest with a hardware vIOMMU", { values: OFF_ON }),
  field("GuestID", 223, 208, "guest of the device", VIOMMU),
  field("GDeviceID", 239, 224, "DeviceID that the guest knows the device by", VIOMMU),
  field("_245_240", 245, 240, "RES0"),
  field("AttrV", 246, 246, "SnoopAttribute is valid", { when: "used with EFR.AttrFWSup", values: OFF_ON }),
  field("Mode0FC", 247, 247, "force coherent where Mode == 0", { values: OFF_ON }),
  field("SnoopAttribute", 255, 248, "attributes of requests", { when: "used where AttrV == 1" }),
]);

/** Bytes of an entry. */
export const DTE_BYTES = DTE.bits / 8;

/** The address of a guest CR3 table, below 2^52, in the three fields that it is cut into. */
export function gcr3Root(at: number): FieldNumbers {
  const page = Math.floor(at / 4096);
  return {
    GCR3TRP_14_12: page % 8,
    GCR3TRP_30_15: Math.floor(page / 8) % 0x10000,
    GCR3TRP_51_31: Math.floor(page / 0x80000),
  };
}
