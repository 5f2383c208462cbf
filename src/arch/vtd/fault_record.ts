/**
 * A fault recording register. Intel VT-d Architecture Specification, revision 4.1, §11.4.
 */
import { address, field, layout } from "../../base/layout.ts";

export const FRCD = layout("FRCD", "VT-d §11.4", 128, [
  field("_11_0", 11, 0, "RsvdZ"),
  address("FI", 63, 12, "page of the input address; of an interrupt, its index in bits 63:48"),
  field("SID", 79, 64, "requester"),
  field("_91_80", 91, 80, "RsvdZ"),
  field("T2", 92, 92, "with T1, the kind of request", {
    values: { 0: "write (T1=0) or read (T1=1)", 1: "page request (T1=0) or AtomicOp (T1=1)" },
  }),
  field("PRIV", 93, 93, "supervisor privilege was asked for", { when: "PP == 1" }),
  field("EXE", 94, 94, "execute permission was asked for", { when: "PP == 1" }),
  field("PP", 95, 95, "the request had a PASID"),
  field("FR", 103, 96, "fault reason"),
  field("PV", 123, 104, "PASID", { when: "PP == 1" }),
  field("AT", 125, 124, "address type", {
    values: { 0: "untranslated", 1: "translation request", 2: "translated", 3: "reserved" },
  }),
  field("T1", 126, 126, "with T2, the kind of request"),
  field("F", 127, 127, "the register holds a fault"),
]);
