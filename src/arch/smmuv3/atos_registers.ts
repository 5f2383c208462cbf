/**
 * Registers by which software looks up translations: of any stream (GATOS), and on a page of its own for a virtual
 * machine's streams (VATOS). Both read alike, but for the kinds of request.
 * Arm SMMUv3, IHI 0070 issue G.b, §6.2.3, §6.3.37 to §6.3.40, §6.3.99 to §6.3.102, §9.1.
 */
import { address, field, layout } from "../../base/layout.ts";
import { SHAREABILITY } from "./codes.ts";

const CTRL = [field("RUN", 0, 0, "1 starts a translation, 0 when it is done"), field("_31_1", 31, 1, "RES0")] as const;

const SID = [
  field("STREAMID", 31, 0, "StreamID of the request"),
  field("SUBSTREAMID", 51, 32, "SubstreamID of the request", { when: "SSID_VALID == 1" }),
  field("SSID_VALID", 52, 52, "SubstreamID valid"),
  field("_63_53", 63, 53, "RES0"),
] as const;

const addr = (types: Readonly<Record<2 | 3, string>>) =>
  [
    field("_5_0", 5, 0, "RES0"),
    field("HTTUI", 6, 6, "hardware updates of tables", { values: { 0: "may happen", 1: "inhibited" } }),
    field("InD", 7, 7, "instruction or data", { values: { 0: "data", 1: "instruction" } }),
    field("RnW", 8, 8, "direction", { values: { 0: "write", 1: "read" } }),
    field("PnU", 9, 9, "privilege", { values: { 0: "unprivileged", 1: "privileged" } }),
    field("TYPE", 11, 10, "request", { values: { 0: "Reserved", 1: "stage 1, VA to IPA", ...types } }),
    address("ADDR", 63, 12, "input address"),
  ] as const;

const PAR = [
  field("FAULT", 0, 0, "result", { values: { 0: "no fault", 1: "fault" } }),
  field("_7_1", 7, 1, "RES0"),
  field("SH", 9, 8, "shareability", { values: { ...SHAREABILITY, 1: "Reserved" } }),
  field("_10", 10, 10, "RES0"),
  field("Size", 11, 11, "size of the translation", { values: { 0: "4KB", 1: "lowest bit set in ADDR tells" } }),
  address("ADDR", 55, 12, "output address"),
  field("ATTR", 63, 56, "memory type, as a byte of MAIR"),
] as const;

export const SMMU_GATOS_CTRL = layout("SMMU_GATOS_CTRL", "IHI 0070 §6.3.37", 32, CTRL);
export const SMMU_GATOS_SID = layout("SMMU_GATOS_SID", "IHI 0070 §6.3.38", 64, SID);
export const SMMU_GATOS_ADDR = layout(
  "SMMU_GATOS_ADDR",
  "IHI 0070 §6.3.39",
  64,
  addr({ 2: "stage 2, IPA to PA", 3: "both stages, VA to PA" }),
);
/** SMMU_GATOS_PAR where FAULT == 0; {@link SMMU_GATOS_PAR_FAULT} is its other form, and that of SMMU_VATOS_PAR. */
export const SMMU_GATOS_PAR = layout("SMMU_GATOS_PAR", "IHI 0070 §6.3.40", 64, PAR);

/** SMMU_GATOS_PAR where FAULT == 1. */
export const SMMU_GATOS_PAR_FAULT = layout("SMMU_GATOS_PAR (fault)", "IHI 0070 §6.3.40", 64, [
  field("FAULT", 0, 0, "result", { values: { 0: "no fault", 1: "fault" } }),
  field("REASON", 2, 1, "what failed", {
    values: {
      0: "stage 1 or no stage",
      1: "CD: stage 2, CD fetch",
      2: "TT: stage 2, stage 1 walk",
      3: "IN: stage 2, input",
    },
  }),
  field("_3", 3, 3, "RES0"),
  field("FAULTCODE", 11, 4, "code, mostly an event number", { section: "IHI 0070 §9.1.5" }),
  address("FADDR", 55, 12, "IPA that faulted"),
  field("_59_56", 59, 56, "RES0"),
  field("_63_60", 63, 60, "IMPLEMENTATION DEFINED"),
]);

export const SMMU_VATOS_SEL = layout("SMMU_VATOS_SEL", "IHI 0070 §6.3.44", 32, [
  field("VMID", 15, 0, "VMID whose streams the VATOS page may look up"),
  field("_31_16", 31, 16, "RES0"),
]);
export const SMMU_VATOS_CTRL = layout("SMMU_VATOS_CTRL", "IHI 0070 §6.3.99", 32, CTRL);
export const SMMU_VATOS_SID = layout("SMMU_VATOS_SID", "IHI 0070 §6.3.100", 64, SID);
export const SMMU_VATOS_ADDR = layout(
  "SMMU_VATOS_ADDR",
  "IHI 0070 §6.3.101",
  64,
  addr({ 2: "Reserved", 3: "Reserved" }),
);
export const SMMU_VATOS_PAR = layout("SMMU_VATOS_PAR", "IHI 0070 §6.3.102", 64, PAR);
