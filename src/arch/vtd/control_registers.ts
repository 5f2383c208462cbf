/**
 * Registers of a VT-d unit that switch things on, point at tables, tell of faults and send event messages.
 * Intel VT-d Architecture Specification, revision 4.1, §11.4.
 */
import { address, field, layout } from "../../base/layout.ts";

export const GCMD = layout("GCMD", "VT-d §11.4", 32, [
  field("_22_0", 22, 0, "RsvdZ"),
  field("CFI", 23, 23, "let compatibility-format interrupts pass"),
  field("SIRTP", 24, 24, "take IRTA into use"),
  field("IRE", 25, 25, "remap interrupts"),
  field("QIE", 26, 26, "use the invalidation queue"),
  field("WBF", 27, 27, "flush write buffers"),
  field("EAFL", 28, 28, "advanced fault logging"),
  field("SFL", 29, 29, "take AFLOG into use"),
  field("SRTP", 30, 30, "take RTADDR into use"),
  field("TE", 31, 31, "translate"),
]);

export const GSTS = layout("GSTS", "VT-d §11.4", 32, [
  field("_22_0", 22, 0, "RsvdZ"),
  field("CFIS", 23, 23, "compatibility-format interrupts pass"),
  field("IRTPS", 24, 24, "IRTA is in use"),
  field("IRES", 25, 25, "interrupts are remapped"),
  field("QIES", 26, 26, "the invalidation queue is in use"),
  field("WBFS", 27, 27, "a write buffer flush is under way"),
  field("AFLS", 28, 28, "advanced fault logging is on"),
  field("FLS", 29, 29, "AFLOG is in use"),
  field("RTPS", 30, 30, "RTADDR is in use"),
  field("TES", 31, 31, "translation is on"),
]);

export const RTADDR = layout("RTADDR", "VT-d §11.4", 64, [
  field("_9_0", 9, 0, "RsvdZ"),
  field("TTM", 11, 10, "translation table mode", {
    values: { 0: "legacy", 1: "scalable", 2: "reserved", 3: "abort-DMA" },
  }),
  address("RTA", 63, 12, "root table"),
]);

/** Granularities of a context-cache invalidation, requested and done. */
const CONTEXT_GRANULARITY = { 0: "reserved", 1: "global", 2: "domain", 3: "device" } as const;

export const CCMD = layout("CCMD", "VT-d §11.4", 64, [
  field("DID", 15, 0, "domain"),
  field("SID", 31, 16, "requester"),
  field("FM", 33, 32, "function bits of SID that do not count", {
    values: { 0: "all count", 1: "bit 2 does not", 2: "bits 2:1 do not", 3: "bits 2:0 do not" },
  }),
  field("_58_34", 58, 34, "RsvdZ"),
  field("CAIG", 60, 59, "granularity done", { values: CONTEXT_GRANULARITY }),
  field("CIRG", 62, 61, "granularity requested", { values: CONTEXT_GRANULARITY }),
  field("ICC", 63, 63, "invalidate the context cache"),
]);

export const FSTS = layout("FSTS", "VT-d §11.4", 32, [
  field("PFO", 0, 0, "a fault found every recording register in use"),
  field("PPF", 1, 1, "a recording register holds a fault"),
  field("AFO", 2, 2, "the advanced fault log overflowed"),
  field("APF", 3, 3, "the advanced fault log holds a fault"),
  field("IQE", 4, 4, "the invalidation queue stopped at an error"),
  field("ICE", 5, 5, "a device answered an invalidation it was not sent"),
  field("ITE", 6, 6, "a device did not answer an invalidation"),
  field("_7", 7, 7, "RsvdZ"),
  field("FRI", 15, 8, "recording register that PPF was first set for"),
  field("_31_16", 31, 16, "RsvdZ"),
]);

const eventControl = <const Name extends string>(name: Name) =>
  layout(name, "VT-d §11.4", 32, [
    field("_29_0", 29, 0, "RsvdP"),
    field("IP", 30, 30, "a message is pending"),
    field("IM", 31, 31, "messages are held back"),
  ]);
const eventData = <const Name extends string>(name: Name) =>
  layout(name, "VT-d §11.4", 32, [
    field("IMD", 15, 0, "data"),
    field("EIMD", 31, 16, "data, upper half, where offered"),
  ]);
const eventAddress = <const Name extends string>(name: Name) =>
  layout(name, "VT-d §11.4", 32, [field("_1_0", 1, 0, "RsvdZ"), address("MA", 31, 2, "address bits 31:2")]);
const eventUpper = <const Name extends string>(name: Name) =>
  layout(name, "VT-d §11.4", 32, [field("MUA", 31, 0, "address bits 63:32")]);

export const FECTL = eventControl("FECTL");
export const FEDATA = eventData("FEDATA");
export const FEADDR = eventAddress("FEADDR");
export const FEUADDR = eventUpper("FEUADDR");
export const IECTL = eventControl("IECTL");
export const IEDATA = eventData("IEDATA");
export const IEADDR = eventAddress("IEADDR");
export const IEUADDR = eventUpper("IEUADDR");
export const PECTL = eventControl("PECTL");
export const PEDATA = eventData("PEDATA");
export const PEADDR = eventAddress("PEADDR");
export const PEUADDR = eventUpper("PEUADDR");

export const PMEN = layout("PMEN", "VT-d §11.4", 32, [
  field("PRS", 0, 0, "protected regions are in force"),
  field("_30_1", 30, 1, "RsvdP"),
  field("EPM", 31, 31, "enable protected regions"),
]);
export const PLMBASE = layout("PLMBASE", "VT-d §11.4", 32, [
  field("_20_0", 20, 0, "RsvdZ"),
  address("PLMB", 31, 21, "first address of the low region"),
]);
export const PLMLIMIT = layout("PLMLIMIT", "VT-d §11.4", 32, [
  field("_20_0", 20, 0, "RsvdZ"),
  address("PLML", 31, 21, "last address of the low region, lower bits taken as ones"),
]);
export const PHMBASE = layout("PHMBASE", "VT-d §11.4", 64, [
  field("_20_0", 20, 0, "RsvdZ"),
  address("PHMB", 63, 21, "first address of the high region"),
]);
export const PHMLIMIT = layout("PHMLIMIT", "VT-d §11.4", 64, [
  field("_20_0", 20, 0, "RsvdZ"),
  address("PHML", 63, 21, "last address of the high region, lower bits taken as ones"),
]);

export const IRTA = layout("IRTA", "VT-d §11.4", 64, [
  field("S", 3, 0, "the table has 2^(S+1) entries"),
  field("_10_4", 10, 4, "RsvdZ"),
  field("EIME", 11, 11, "APIC ids have 32 bits"),
  address("IRTA", 63, 12, "interrupt remapping table"),
]);
