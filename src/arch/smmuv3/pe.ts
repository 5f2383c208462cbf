/**
 * What a processing element (PE) says to an SMMU that takes part in broadcast TLB maintenance: its TLBI instructions
 * of the Inner Shareable domain, and the system registers that bend their meaning (DDI 0487 §C5.5, §D24.2).
 *
 * Instructions stand here as registers that are written: what is written is the operand, Xt. Forms by range, forms with
 * nXS and those of the Outer Shareable domain are left out.
 */
import { field, type Layout, layout } from "../../base/layout.ts";

export const VTTBR_EL2 = layout("VTTBR_EL2", "DDI 0487 §D24.2", 64, [
  field("_47_0", 47, 0, "of no interest to an SMMU"),
  field("VMID", 63, 48, "VMID of what runs now"),
]);

export const HCR_EL2 = layout("HCR_EL2", "DDI 0487 §D24.2", 64, [
  field("_26_0", 26, 0, "of no interest to an SMMU"),
  field("TGE", 27, 27, "with E2H, instructions for EL1 mean the EL2&0 regime"),
  field("_33_28", 33, 28, "of no interest to an SMMU"),
  field("E2H", 34, 34, "EL2 is a host's"),
  field("_63_35", 63, 35, "of no interest to an SMMU"),
]);

const ASID = field("ASID", 63, 48, "ASID");
const HINTS = [
  field("Level", 45, 44, "level of the leaf, 0 for any; only with a granule"),
  field("TG", 47, 46, "granule", { values: { 0: "any", 1: "4 KiB", 2: "16 KiB", 3: "64 KiB" } }),
] as const;

/** Operands by address: of a VA, with an ASID that some instructions look at, and of an IPA. */
export const TLBI_VA = layout("TLBI by VA", "DDI 0487 §C5.5", 64, [
  field("VA", 43, 0, "address bits 55:12; bit 55 stands for those above"),
  ...HINTS,
  ASID,
]);
export const TLBI_IPA = layout("TLBI by IPA", "DDI 0487 §C5.5", 64, [
  field("IPA", 43, 0, "address bits 55:12"),
  ...HINTS,
  field("_63_48", 63, 48, "RES0"),
]);
export const TLBI_ASID = layout("TLBI by ASID", "DDI 0487 §C5.5", 64, [field("_47_0", 47, 0, "RES0"), ASID]);
export const TLBI_ALL = layout("TLBI of all", "DDI 0487 §C5.5", 64, [field("_63_0", 63, 0, "no operand")]);

/** Something that a PE is told: a system register that keeps its value, or an instruction. */
export interface PeRegister {
  readonly name: string;
  /** Byte offset in their block, which exists in this model only. */
  readonly offset: number;
  readonly layout: Layout;
  readonly access: "RW" | "WO";
}

const INSTRUCTIONS: Readonly<Record<string, Layout>> = {
  VMALLE1IS: TLBI_ALL,
  VAE1IS: TLBI_VA,
  VALE1IS: TLBI_VA,
  VAAE1IS: TLBI_VA,
  VAALE1IS: TLBI_VA,
  ASIDE1IS: TLBI_ASID,
  ALLE1IS: TLBI_ALL,
  VMALLS12E1IS: TLBI_ALL,
  IPAS2E1IS: TLBI_IPA,
  IPAS2LE1IS: TLBI_IPA,
  VAE2IS: TLBI_VA,
  VALE2IS: TLBI_VA,
  ALLE2IS: TLBI_ALL,
};

/** All of them; the registers come first. */
export const PE_REGISTERS: readonly PeRegister[] = [
  ...[VTTBR_EL2, HCR_EL2].map((of) => ({ name: of.name, layout: of, access: "RW" as const })),
  ...Object.entries(INSTRUCTIONS).map(([name, of]) => ({ name, layout: of, access: "WO" as const })),
].map((register, i) => ({ ...register, offset: 8 * i }));
