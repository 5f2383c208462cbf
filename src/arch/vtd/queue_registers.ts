/**
 * Queues, register-based IOTLB invalidation, virtual and enhanced commands of a VT-d unit.
 * Intel VT-d Architecture Specification, revision 4.1, §11.4.
 */
import { address, field, layout } from "../../base/layout.ts";

export const IQH = layout("IQH", "VT-d §11.4", 64, [
  field("_3_0", 3, 0, "RsvdZ"),
  address("QH", 18, 4, "offset of the descriptor to be fetched next"),
  field("_63_19", 63, 19, "RsvdZ"),
]);
export const IQT = layout("IQT", "VT-d §11.4", 64, [
  field("_3_0", 3, 0, "RsvdZ"),
  address("QT", 18, 4, "offset after the last descriptor"),
  field("_63_19", 63, 19, "RsvdZ"),
]);
export const IQA = layout("IQA", "VT-d §11.4", 64, [
  field("QS", 2, 0, "the queue has 2^QS pages of 4 KiB"),
  field("_10_3", 10, 3, "RsvdZ"),
  field("DW", 11, 11, "descriptor width", { values: { 0: "128 bits", 1: "256 bits" } }),
  address("IQA", 63, 12, "base"),
]);
export const ICS = layout("ICS", "VT-d §11.4", 32, [
  field("IWC", 0, 0, "a wait descriptor that asks for an interrupt is complete"),
  field("_31_1", 31, 1, "RsvdZ"),
]);

/** What IQERCD.IQEI says of the error that set FSTS.IQE. */
export const IQEI = {
  NONE: 0,
  INVALID_TAIL: 1,
  FETCH_ERROR: 2,
  INVALID_TYPE: 3,
  RESERVED_FIELD: 4,
  INVALID_WIDTH: 5,
  TAIL_MISALIGNED: 6,
  INVALID_TTM: 7,
} as const;
export type IQEI = (typeof IQEI)[keyof typeof IQEI];

export const IQERCD = layout("IQERCD", "VT-d §11.4", 64, [
  field("IQEI", 3, 0, "what set FSTS.IQE", {
    values: {
      [IQEI.NONE]: "not available",
      [IQEI.INVALID_TAIL]: "tail beyond the end of the queue",
      [IQEI.FETCH_ERROR]: "descriptor could not be fetched",
      [IQEI.INVALID_TYPE]: "unknown descriptor type",
      [IQEI.RESERVED_FIELD]: "reserved field of a descriptor is not zero",
      [IQEI.INVALID_WIDTH]: "descriptor width does not suit",
      [IQEI.TAIL_MISALIGNED]: "tail inside a 256-bit descriptor",
      [IQEI.INVALID_TTM]: "translation table mode does not suit",
    },
  }),
  field("_31_4", 31, 4, "RsvdZ"),
  field("ITESID", 47, 32, "device that set FSTS.ITE"),
  field("ICESID", 63, 48, "device that set FSTS.ICE"),
]);

export const IVA = layout("IVA", "VT-d §11.4", 64, [
  field("AM", 5, 0, "2^AM pages"),
  field("IH", 6, 6, "only leaf entries need go"),
  field("_11_7", 11, 7, "RsvdZ"),
  address("ADDR", 63, 12, "first page"),
]);

/** Granularities of an IOTLB invalidation, requested and done. */
const IOTLB_GRANULARITY = { 0: "reserved", 1: "global", 2: "domain", 3: "page in domain" } as const;

export const IOTLB = layout("IOTLB", "VT-d §11.4", 64, [
  field("_31_0", 31, 0, "RsvdZ"),
  field("DID", 47, 32, "domain"),
  field("DW", 48, 48, "drain writes"),
  field("DR", 49, 49, "drain reads"),
  field("_56_50", 56, 50, "RsvdZ"),
  field("IAIG", 58, 57, "granularity done", { values: IOTLB_GRANULARITY }),
  field("_59", 59, 59, "RsvdZ"),
  field("IIRG", 61, 60, "granularity requested", { values: IOTLB_GRANULARITY }),
  field("_62", 62, 62, "RsvdZ"),
  field("IVT", 63, 63, "invalidate the IOTLB"),
]);

export const PQH = layout("PQH", "VT-d §11.4", 64, [
  field("_4_0", 4, 0, "RsvdZ"),
  address("PQH", 18, 5, "offset of the request that software reads next"),
  field("_63_19", 63, 19, "RsvdZ"),
]);
export const PQT = layout("PQT", "VT-d §11.4", 64, [
  field("_4_0", 4, 0, "RsvdZ"),
  address("PQT", 18, 5, "offset at which the next request is put"),
  field("_63_19", 63, 19, "RsvdZ"),
]);
export const PQA = layout("PQA", "VT-d §11.4", 64, [
  field("PQS", 2, 0, "the queue has 2^PQS pages of 4 KiB"),
  field("_11_3", 11, 3, "RsvdZ"),
  address("PQA", 63, 12, "base"),
]);
export const PRS = layout("PRS", "VT-d §11.4", 32, [
  field("PPR", 0, 0, "a group of page requests is complete in the queue"),
  field("PRO", 1, 1, "a page request found the queue full"),
  field("_31_2", 31, 2, "RsvdZ"),
]);

/** Codes of VCMD.CMD. */
export const VCMD_COMMANDS = { NULL: 0, ALLOCATE_PASID: 1, FREE_PASID: 2 } as const;

export const VCMD = layout("VCMD", "VT-d §11.4", 64, [
  field("CMD", 7, 0, "command", { values: { 0: "null", 1: "allocate a PASID", 2: "free a PASID" } }),
  field("_15_8", 15, 8, "RsvdZ"),
  field("OP", 63, 16, "operand: the PASID to free in bits 35:16"),
]);
export const VCMD_EO = layout("VCMD_EO", "VT-d §11.4", 64, [field("OB", 63, 0, "further operand")]);
export const VCRSP = layout("VCRSP", "VT-d §11.4", 64, [
  field("IP", 0, 0, "the command is in progress"),
  field("SC", 7, 1, "status", { values: { 0: "success", 1: "unknown command", 16: "no such PASID, or none left" } }),
  field("_15_8", 15, 8, "RsvdZ"),
  field("RSLT", 63, 16, "result: the PASID in bits 35:16"),
]);

export const ECMD = layout("ECMD", "VT-d §11.4", 64, [
  field("CMD", 7, 0, "command"),
  field("_15_8", 15, 8, "RsvdZ"),
  field("OA", 63, 16, "operand"),
]);
export const ECEO = layout("ECEO", "VT-d §11.4", 64, [field("OB", 63, 0, "further operand")]);
export const ECRSP = layout("ECRSP", "VT-d §11.4", 64, [
  field("IP", 0, 0, "the command is in progress"),
  field("SC", 7, 1, "status", { values: { 0: "success", 1: "command not offered" } }),
  field("_15_8", 15, 8, "RsvdZ"),
  field("RSLT", 63, 16, "result"),
]);
