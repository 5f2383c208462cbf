/**
 * Interrupt remapping table entries of an AMD IOMMU. 48882 revision 3.10, §2.2.5: the 32-bit format (CONTROL.GAEn is 0)
 * and the 128-bit ones (GAEn is 1) for interrupts of the host and of a guest's virtual APIC.
 */
import { address, field, layout } from "../../base/layout.ts";

const INT_TYPE = field("IntType", 4, 2, "what is delivered", {
  values: { 0: "fixed", 1: "arbitrated", 2: "reserved", 3: "reserved", 4: "reserved" },
});
const HEAD = [
  field("RemapEn", 0, 0, "the interrupt is remapped", { values: { 0: "target abort", 1: "remapped" } }),
  field("SupIOPF", 1, 1, "no IO_PAGE_FAULT is logged for it"),
] as const;
const MODE = [
  INT_TYPE,
  field("RqEoi", 5, 5, "an end of interrupt is asked for"),
  field("DM", 6, 6, "destination mode", { values: { 0: "physical", 1: "logical" } }),
] as const;

/** 32-bit entry. */
export const IRTE = layout("IRTE", "48882 §2.2.5", 32, [
  ...HEAD,
  ...MODE,
  field("GuestMode", 7, 7, "must be 0: the guest format needs 128 bits"),
  field("Destination", 15, 8, "destination APIC"),
  field("Vector", 23, 16, "vector"),
  field("_31_24", 31, 24, "reserved"),
]);

/** 128-bit entry of a host's interrupt. */
export const IRTE_128 = layout("IRTE (128 bits)", "48882 §2.2.5", 128, [
  ...HEAD,
  ...MODE,
  field("GuestMode", 7, 7, "format of the entry", { values: { 0: "host", 1: "guest virtual APIC" } }),
  field("Destination_23_0", 31, 8, "destination APIC, bits 23:0; bits 7:0 only where CONTROL.XTEn is 0"),
  field("_63_32", 63, 32, "reserved"),
  field("Vector", 71, 64, "vector"),
  field("_119_72", 119, 72, "reserved"),
  field("Destination_31_24", 127, 120, "destination APIC, bits 31:24", { when: "CONTROL.XTEn == 1" }),
]);

/** 128-bit entry of an interrupt for a guest's virtual APIC. */
export const IRTE_GUEST = layout("IRTE (guest virtual APIC)", "48882 §2.2.5", 128, [
  ...HEAD,
  field("GALogIntr", 2, 2, "a request for a guest that does not run interrupts"),
  field("_4_3", 4, 3, "reserved"),
  field("GAPPIDis", 5, 5, "no interrupt to a physical processor"),
  field("IsRun", 6, 6, "the guest runs"),
  field("GuestMode", 7, 7, "format of the entry", { values: { 0: "host", 1: "guest virtual APIC" } }),
  field("Destination_23_0", 31, 8, "processor that the guest runs on, bits 23:0"),
  field("GATag", 63, 32, "tag of the guest for the log"),
  field("Vector", 71, 64, "vector in the guest"),
  field("_75_72", 75, 72, "reserved"),
  address("GAPICTableRootPtr", 115, 76, "backing page of the virtual APIC"),
  field("_119_116", 119, 116, "reserved"),
  field("Destination_31_24", 127, 120, "processor that the guest runs on, bits 31:24"),
]);
