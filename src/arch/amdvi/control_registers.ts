/**
 * Registers that turn an AMD IOMMU's parts on and say how they are. 48882 revision 3.10, chapter 3: control,
 * status, exclusion range, hardware events, interrupts.
 */
import { address, type FieldDeclaration, field, type Layout, layout } from "../../base/layout.ts";

export const CONTROL = layout("CONTROL", "48882, MMIO offset 0018h", 64, [
  field("IommuEn", 0, 0, "the IOMMU is on"),
  field("HtTunEn", 1, 1, "upstream traffic of the HyperTransport tunnel is translated"),
  field("EventLogEn", 2, 2, "events are logged"),
  field("EventIntEn", 3, 3, "an event interrupts"),
  field("ComWaitIntEn", 4, 4, "COMPLETION_WAIT may interrupt"),
  field("InvTimeOut", 7, 5, "how long to wait for an IOTLB invalidation", {
    values: { 0: "for ever", 1: "1 ms", 2: "10 ms", 3: "100 ms", 4: "1 s", 5: "10 s", 6: "100 s", 7: "reserved" },
  }),
  field("PassPW", 8, 8, "PassPW bit of the IOMMU's own requests"),
  field("ResPassPW", 9, 9, "ResPassPW bit of the IOMMU's own requests"),
  field("Coherent", 10, 10, "the IOMMU's own reads are coherent"),
  field("Isoc", 11, 11, "the IOMMU's own reads are isochronous"),
  field("CmdBufEn", 12, 12, "commands are processed"),
  field("PPRLogEn", 13, 13, "page requests are logged"),
  field("PprIntEn", 14, 14, "a page request interrupts"),
  field("PPREn", 15, 15, "page requests are processed"),
  field("GTEn", 16, 16, "guest translation is on"),
  field("GAEn", 17, 17, "interrupt table entries have 128 bits"),
  field("CRW", 21, 18, "left for later use"),
  field("SmiFEn", 22, 22, "SMI filter"),
  field("SlfWBdis", 23, 23, "no self write-back"),
  field("SmiFLogEn", 24, 24, "refused SMIs are logged"),
  field("GAMEn", 27, 25, "guest virtual APIC mode"),
  field("GALogEn", 28, 28, "guest virtual APIC requests are logged"),
  field("GAIntEn", 29, 29, "a guest virtual APIC request interrupts"),
  field("DualPprLogEn", 31, 30, "page request log in use", { values: { 0: "A", 1: "B", 2: "swap when one is full" } }),
  field("DualEventLogEn", 33, 32, "event log in use", { values: { 0: "A", 1: "B", 2: "swap when one is full" } }),
  field("DevTblSegEn", 36, 34, "log2 of the device table segments"),
  field("PrivAbrtEn", 38, 37, "requests for privilege that abort", { values: { 0: "by user bit", 1: "all" } }),
  field("PprAutoRspEn", 39, 39, "page requests are answered when the log is full"),
  field("MarcEn", 40, 40, "memory access routing and control"),
  field("BlkStopMrkEn", 41, 41, "StopMark messages are blocked"),
  field("PprAutoRspAon", 42, 42, "page requests are always answered, never logged"),
  field("NumIntRemapMode", 44, 43, "interrupts of a device", { values: { 0: "512", 1: "2048" } }),
  field("EPHEn", 45, 45, "enhanced handling of page requests"),
  field("HADUpdate", 47, 46, "accessed and dirty bits of host page tables"),
  field("GDUpdateDis", 48, 48, "the dirty bit of guest tables is left alone"),
  field("_49", 49, 49, "reserved"),
  field("XTEn", 50, 50, "x2APIC destinations in interrupt table entries"),
  field("IntCapXTEn", 51, 51, "the IOMMU's own interrupts have x2APIC destinations"),
  field("vCmdEn", 52, 52, "command buffers of guests are processed"),
  field("vIommuEn", 53, 53, "virtualized IOMMUs"),
  field("GAUpdateDis", 54, 54, "the accessed bit of guest tables is left alone"),
  field("GAPPIEn", 55, 55, "interrupts to a physical processor for a guest that does not run"),
  field("TMPMEn", 56, 56, "tiered memory page migration"),
  field("_57", 57, 57, "reserved"),
  field("GCR3TRPMode", 58, 58, "the guest CR3 table pointer is a guest physical address"),
  field("IRTCacheDis", 59, 59, "interrupt table entries are not cached"),
  field("GstBufferTRPMode", 60, 60, "bases of guest buffers are guest physical addresses"),
  field("SNPAVICEn", 63, 61, "interrupt virtualization with secure nested paging"),
]);

export const STATUS = layout("STATUS", "48882, MMIO offset 2020h", 64, [
  field("EventOverflow", 0, 0, "an event found no room in event log A; nothing is logged until this is cleared"),
  field("EventLogInt", 1, 1, "an event was logged"),
  field("ComWaitInt", 2, 2, "a COMPLETION_WAIT with I set is done"),
  field("EventLogRun", 3, 3, "events are being logged"),
  field("CmdBufRun", 4, 4, "commands are being processed"),
  field("PprOverflow", 5, 5, "a page request found no room in log A"),
  field("PprInt", 6, 6, "a page request was logged"),
  field("PPRLogRun", 7, 7, "page requests are being logged"),
  field("GALogRun", 8, 8, "guest virtual APIC requests are being logged"),
  field("GALOverflow", 9, 9, "a guest virtual APIC request found no room in its log"),
  field("GAInt", 10, 10, "a guest virtual APIC request was logged"),
  field("PprOvrflwB", 11, 11, "a page request found no room in log B"),
  field("PprLogActive", 12, 12, "page request log in use", { values: { 0: "A", 1: "B" } }),
  field("_14_13", 14, 13, "reserved"),
  field("EventOvrflwB", 15, 15, "an event found no room in event log B"),
  field("EventLogActive", 16, 16, "event log in use", { values: { 0: "A", 1: "B" } }),
  field("PprOvrflwEarlyB", 17, 17, "page request log B is nearly full"),
  field("PprOvrflwEarly", 18, 18, "page request log A is nearly full"),
  field("_63_19", 63, 19, "reserved"),
]);

export const EXCL_BASE = layout("EXCL_BASE", "48882, MMIO offset 0020h", 64, [
  field("ExEn", 0, 0, "exclusion range on"),
  field("Allow", 1, 1, "for every device, whatever EX of its entry says"),
  field("_11_2", 11, 2, "reserved"),
  address("ExclRangeBase", 51, 12, "first page of the range"),
  field("_63_52", 63, 52, "reserved"),
]);

export const EXCL_LIMIT = layout("EXCL_LIMIT", "48882, MMIO offset 0028h", 64, [
  field("_11_0", 11, 0, "taken as ones"),
  address("ExclRangeLimit", 51, 12, "last page of the range"),
  field("_63_52", 63, 52, "reserved"),
]);

export const HW_EVT_UPPER = layout("HW_EVT_UPPER", "48882, MMIO offset 0040h", 64, [
  field("Operand", 59, 0, "first operand of the event"),
  field("EventCode", 63, 60, "code of the event"),
]);

export const HW_EVT_LOWER = layout("HW_EVT_LOWER", "48882, MMIO offset 0048h", 64, [
  field("Operand", 63, 0, "second operand of the event"),
]);

export const HW_EVT_STATUS = layout("HW_EVT_STATUS", "48882, MMIO offset 0050h", 64, [
  field("HEV", 0, 0, "the hardware event registers hold an event"),
  field("HEO", 1, 1, "another event came while they held one"),
  field("_63_2", 63, 2, "reserved"),
]);

/** One of the three x2APIC interrupt control registers (offsets 0170h to 0180h). */
function interruptControl(name: string): Layout<readonly FieldDeclaration[]> {
  return layout(name, "48882, MMIO offsets 0170h to 0180h", 64, [
    field("_1_0", 1, 0, "reserved"),
    field("DestMode", 2, 2, "destination mode", { values: { 0: "physical", 1: "logical" } }),
    field("_7_3", 7, 3, "reserved"),
    field("Destination_23_0", 31, 8, "destination, bits 23:0"),
    field("Vector", 39, 32, "vector"),
    field("DeliveryMode", 40, 40, "delivery mode", { values: { 0: "fixed", 1: "arbitrated" } }),
    field("_55_41", 55, 41, "reserved"),
    field("Destination_31_24", 63, 56, "destination, bits 31:24"),
  ]);
}

export const XT_GEN_INT = interruptControl("XT_GEN_INT");
export const XT_PPR_INT = interruptControl("XT_PPR_INT");
export const XT_GA_INT = interruptControl("XT_GA_INT");

export const PERF_OPT = layout("PERF_OPT", "48882, MMIO offset 016Ch", 32, [
  field("_12_0", 12, 0, "reserved"),
  field("PerfOptEn", 13, 13, "performance optimizations"),
  field("_31_14", 31, 14, "reserved"),
]);

export const VIOMMU_STATUS = layout("VIOMMU_STATUS", "48882, MMIO offset 0190h", 64, [
  field("_63_0", 63, 0, "no bit of it is placed by a public text"),
]);
