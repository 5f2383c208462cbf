/**
 * Registers of the VATOS page, where a virtual machine looks up translations of its own streams.
 * Arm SMMUv3, IHI 0070 issue G.b, §6.2.3, §6.3.99 to §6.3.102, §9.1. They read like those of GATOS.
 */
import { address, field, layout } from "../../base/layout.ts";
import { SHAREABILITY } from "./codes.ts";

export const SMMU_VATOS_CTRL = layout("SMMU_VATOS_CTRL", "IHI 0070 §6.3.99", 32, [
  field("RUN", 0, 0, "1 starts a translation, 0 when it is done"),
  field("_31_1", 31, 1, "RES0"),
]);

export const SMMU_VATOS_SID = layout("SMMU_VATOS_SID", "IHI 0070 §6.3.100", 64, [
  field("STREAMID", 31, 0, "StreamID of the request"),
  field("SUBSTREAMID", 51, 32, "SubstreamID of the request", { when: "SSID_VALID == 1" }),
  field("SSID_VALID", 52, 52, "SubstreamID valid"),
  field("_63_53", 63, 53, "RES0"),
]);

export const SMMU_VATOS_ADDR = layout("SMMU_VATOS_ADDR", "IHI 0070 §6.3.101", 64, [
  field("_5_0", 5, 0, "RES0"),
  field("HTTUI", 6, 6, "hardware updates of tables", { values: { 0: "may happen", 1: "inhibited" } }),
  field("InD", 7, 7, "instruction or data", { values: { 0: "data", 1: "instruction" } }),
  field("RnW", 8, 8, "direction", { values: { 0: "write", 1: "read" } }),
  field("PnU", 9, 9, "privilege", { values: { 0: "unprivileged", 1: "privileged" } }),
  field("TYPE", 11, 10, "request", {
    values: { 0: "Reserved", 1: "stage 1, VA to IPA", 2: "Reserved", 3: "Reserved" },
  }),
  address("ADDR", 63, 12, "input address"),
]);

/** SMMU_VATOS_PAR where FAULT == 0; the other form is that of SMMU_GATOS_PAR. */
export const SMMU_VATOS_PAR = layout("SMMU_VATOS_PAR", "IHI 0070 §6.3.102", 64, [
  field("FAULT", 0, 0, "result", { values: { 0: "no fault", 1: "fault" } }),
  field("_7_1", 7, 1, "RES0"),
  field("SH", 9, 8, "shareability", { values: { ...SHAREABILITY, 1: "Reserved" } }),
  field("_10", 10, 10, "RES0"),
  field("Size", 11, 11, "size of the translation", { values: { 0: "4KB", 1: "lowest bit set in ADDR tells" } }),
  address("ADDR", 55, 12, "output address"),
  field("ATTR", 63, 56, "memory type, as a byte of MAIR"),
]);
