/**
 * The IOMMU's PCI function as far as it describes the IOMMU: its capability block, its MSI capability and the
 * vendor-specific capability of virtualized IOMMUs. 48882 revision 3.10, chapter 3.
 */
import { address, field, layout } from "../../base/layout.ts";

export const PCICAP_HEADER = layout("PCICAP_HEADER", "48882, capability offset 00h", 32, [
  field("CapId", 7, 0, "capability id", { values: { 15: "secure device" } }),
  field("CapPtr", 15, 8, "next capability"),
  field("CapType", 18, 16, "capability type", { values: { 3: "IOMMU" } }),
  field("CapRev", 23, 19, "revision"),
  field("IotlbSup", 24, 24, "devices may have IOTLBs"),
  field("HtTunnel", 25, 25, "HyperTransport tunnel"),
  field("NpCache", 26, 26, "entries that are not present are cached"),
  field("EFRSup", 27, 27, "extended feature register"),
  field("CapExt", 28, 28, "second miscellaneous information register"),
  field("_31_29", 31, 29, "reserved"),
]);

export const PCICAP_BASE_LOW = layout("PCICAP_BASE_LOW", "48882, capability offset 04h", 32, [
  field("Enable", 0, 0, "registers can be reached"),
  field("_13_1", 13, 1, "reserved"),
  address("BaseAddress", 31, 14, "address of the registers, bits 31:14"),
]);

export const PCICAP_BASE_HIGH = layout("PCICAP_BASE_HIGH", "48882, capability offset 08h", 32, [
  field("BaseAddress", 31, 0, "address of the registers, bits 63:32"),
]);

export const PCICAP_RANGE = layout("PCICAP_RANGE", "48882, capability offset 0Ch", 32, [
  field("UnitID", 4, 0, "HyperTransport unit"),
  field("_6_5", 6, 5, "reserved"),
  field("RngValid", 7, 7, "the range below is valid"),
  field("BusNumber", 15, 8, "bus of the devices"),
  field("FirstDevice", 23, 16, "first device and function"),
  field("LastDevice", 31, 24, "last device and function"),
]);

export const PCICAP_MISC0 = layout("PCICAP_MISC0", "48882, capability offset 10h", 32, [
  field("MsiNum", 4, 0, "message of event log and COMPLETION_WAIT"),
  field("GVAsize", 7, 5, "bits of a guest virtual address", { values: { 2: "48 bits", 3: "57 bits" } }),
  field("PAsize", 14, 8, "bits of a physical address"),
  field("VAsize", 21, 15, "bits of a virtual address"),
  field("HtAtsResv", 22, 22, "the HyperTransport ATS range is reserved"),
  field("_26_23", 26, 23, "reserved"),
  field("MsiNumPPR", 31, 27, "message of the page request log"),
]);

export const PCICAP_MISC1 = layout("PCICAP_MISC1", "48882, capability offset 14h", 32, [
  field("MsiNumGA", 4, 0, "message of the guest virtual APIC log"),
  field("_31_5", 31, 5, "reserved"),
]);

export const MSI_HEADER = layout("MSI_HEADER", "48882, MSI capability offset 00h", 32, [
  field("MsiCapId", 7, 0, "capability id"),
  field("MsiCapPtr", 15, 8, "next capability"),
  field("MsiEn", 16, 16, "messages are sent"),
  field("MsiMultMessCap", 19, 17, "log2 of the messages asked for"),
  field("MsiMultMessEn", 22, 20, "log2 of the messages granted"),
  field("Msi64En", 23, 23, "addresses of 64 bits"),
  field("_31_24", 31, 24, "reserved"),
]);

export const MSI_ADDR_LO = layout("MSI_ADDR_LO", "48882, MSI capability offset 04h", 32, [
  field("_1_0", 1, 0, "reserved"),
  address("MsiAddr", 31, 2, "address of messages, bits 31:2"),
]);

export const MSI_ADDR_HI = layout("MSI_ADDR_HI", "48882, MSI capability offset 08h", 32, [
  field("MsiAddr", 31, 0, "address of messages, bits 63:32"),
]);

export const MSI_DATA = layout("MSI_DATA", "48882, MSI capability offset 0Ch", 32, [
  field("MsiData", 15, 0, "data of message 0; the number of a message takes the place of its low bits"),
  field("_31_16", 31, 16, "reserved"),
]);

/** The IOMMU's own requester id, as a capture reports it; no register of the hardware. */
export const PCI_RID = layout("PCI_RID", "PCI Local Bus Specification 3.0, §3.2.2.3", 32, [
  field("Function", 2, 0, "function"),
  field("Device", 7, 3, "device"),
  field("Bus", 15, 8, "bus"),
  field("_31_16", 31, 16, "none"),
]);
