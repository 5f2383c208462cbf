/**
 * Interrupt remapping: table entries, the descriptor of posted interrupts, and the two halves of a remappable message.
 * Intel VT-d Architecture Specification, revision 4.1, §5.1 (requests), §9.10 to §9.12 (structures).
 */
import { address, field, layout } from "../../base/layout.ts";

const P = field("P", 0, 0, "present");
const FPD = field("FPD", 1, 1, "faults of this entry are not recorded");
const SOURCE = [
  field("SID", 79, 64, "requester to compare with"),
  field("SQ", 81, 80, "bits of SID that count", {
    when: "SVT == 1",
    values: { 0: "all", 1: "all but bit 2", 2: "all but bits 2:1", 3: "all but bits 2:0" },
  }),
  field("SVT", 83, 82, "check of the requester", {
    values: { 0: "none", 1: "SID and SQ", 2: "bus between SID[15:8] and SID[7:0]", 3: "reserved" },
  }),
] as const;

/** An entry that remaps (IM == 0). */
export const IRTE_REMAPPED = layout("IRTE", "VT-d §9.10", 128, [
  P,
  FPD,
  field("DM", 2, 2, "destination mode", { values: { 0: "physical", 1: "logical" } }),
  field("RH", 3, 3, "redirection hint"),
  field("TM", 4, 4, "trigger mode", { values: { 0: "edge", 1: "level" } }),
  field("DLM", 7, 5, "delivery mode", {
    values: { 0: "fixed", 1: "lowest priority", 2: "SMI", 4: "NMI", 5: "INIT", 7: "ExtINT" },
  }),
  field("AVAIL", 11, 8, "for software"),
  field("_14_12", 14, 12, "reserved"),
  field("IM", 15, 15, "mode", { values: { 0: "remapped", 1: "posted" } }),
  field("V", 23, 16, "vector"),
  field("_31_24", 31, 24, "reserved"),
  field("DST", 63, 32, "destination; without extended interrupt mode only bits 47:40"),
  ...SOURCE,
  field("_127_84", 127, 84, "reserved"),
]);

/** An entry that posts (IM == 1). */
export const IRTE_POSTED = layout("posted IRTE", "VT-d §9.11", 128, [
  P,
  FPD,
  field("_7_2", 7, 2, "reserved"),
  field("AVAIL", 11, 8, "for software"),
  field("_13_12", 13, 12, "reserved"),
  field("URG", 14, 14, "urgent"),
  field("IM", 15, 15, "mode", { values: { 0: "remapped", 1: "posted" } }),
  field("VV", 23, 16, "virtual vector"),
  field("_37_24", 37, 24, "reserved"),
  address("PDAL", 63, 38, "posted-interrupt descriptor, address bits 31:6"),
  ...SOURCE,
  field("_95_84", 95, 84, "reserved"),
  field("PDAH", 127, 96, "posted-interrupt descriptor, address bits 63:32"),
]);

/** Posted-interrupt descriptor: 64 bytes, of which the unit writes the first 40. */
export const POSTED_INTERRUPT_DESCRIPTOR = layout("PID", "VT-d §9.12", 512, [
  field("PIR0", 63, 0, "requests of vectors 63:0"),
  field("PIR1", 127, 64, "requests of vectors 127:64"),
  field("PIR2", 191, 128, "requests of vectors 191:128"),
  field("PIR3", 255, 192, "requests of vectors 255:192"),
  field("ON", 256, 256, "a notification is outstanding"),
  field("SN", 257, 257, "notifications of what is not urgent are held back"),
  field("_271_258", 271, 258, "reserved"),
  field("NV", 279, 272, "vector of the notification"),
  field("_287_280", 287, 280, "reserved"),
  field("NDST", 319, 288, "destination of the notification"),
  field("_383_320", 383, 320, "reserved"),
  field("_447_384", 447, 384, "reserved"),
  field("_511_448", 511, 448, "reserved"),
]);

/** Address of a message in remappable format. */
export const REMAPPABLE_ADDRESS = layout("remappable message address", "VT-d §5.1.2.2", 32, [
  field("_1_0", 1, 0, "ignored"),
  field("HANDLE_15", 2, 2, "handle, bit 15"),
  field("SHV", 3, 3, "the data holds a subhandle"),
  field("FORMAT", 4, 4, "format", { values: { 0: "compatibility", 1: "remappable" } }),
  field("HANDLE_14_0", 19, 5, "handle, bits 14:0"),
  field("FEE", 31, 20, "0xFEE"),
]);

/** Data of a message in remappable format. */
export const REMAPPABLE_DATA = layout("remappable message data", "VT-d §5.1.2.2", 32, [
  field("SUBHANDLE", 15, 0, "subhandle", { when: "SHV == 1" }),
  field("_31_16", 31, 16, "reserved where SHV == 1"),
]);
