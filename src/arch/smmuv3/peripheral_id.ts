/**
 * The identification register space at 0xFD0 to 0xFFC: who made the SMMU, as CoreSight components say it.
 * Arm SMMUv3, IHI 0070 issue G.b, §6.3.170.
 */
import { field, layout } from "../../base/layout.ts";

const SECTION = "IHI 0070 §6.3.170";
const reserved = <const Name extends string>(name: Name) => layout(name, SECTION, 32, [field("_31_0", 31, 0, "RES0")]);
const byte = <const Name extends string>(name: Name, about: string) =>
  layout(name, SECTION, 32, [field("PRMBL", 7, 0, about), field("_31_8", 31, 8, "RES0")]);

export const SMMU_PIDR0 = layout("SMMU_PIDR0", SECTION, 32, [
  field("PART_0", 7, 0, "part number, bits 7:0"),
  field("_31_8", 31, 8, "RES0"),
]);
export const SMMU_PIDR1 = layout("SMMU_PIDR1", SECTION, 32, [
  field("PART_1", 3, 0, "part number, bits 11:8"),
  field("DES_0", 7, 4, "JEP106 code of the designer, bits 3:0"),
  field("_31_8", 31, 8, "RES0"),
]);
export const SMMU_PIDR2 = layout("SMMU_PIDR2", SECTION, 32, [
  field("DES_1", 2, 0, "JEP106 code of the designer, bits 6:4"),
  field("JEDEC", 3, 3, "the designer is named by a JEP106 code"),
  field("REVISION", 7, 4, "revision of the part"),
  field("_31_8", 31, 8, "RES0"),
]);
export const SMMU_PIDR3 = layout("SMMU_PIDR3", SECTION, 32, [
  field("CMOD", 3, 0, "customer modification"),
  field("REVAND", 7, 4, "minor revision"),
  field("_31_8", 31, 8, "RES0"),
]);
export const SMMU_PIDR4 = layout("SMMU_PIDR4", SECTION, 32, [
  field("DES_2", 3, 0, "JEP106 continuation code of the designer"),
  field("SIZE", 7, 4, "0"),
  field("_31_8", 31, 8, "RES0"),
]);
export const SMMU_PIDR5 = reserved("SMMU_PIDR5");
export const SMMU_PIDR6 = reserved("SMMU_PIDR6");
export const SMMU_PIDR7 = reserved("SMMU_PIDR7");

export const SMMU_CIDR0 = byte("SMMU_CIDR0", "preamble, 0x0d");
export const SMMU_CIDR1 = layout("SMMU_CIDR1", SECTION, 32, [
  field("PRMBL", 3, 0, "preamble, 0"),
  field("CLASS", 7, 4, "component class, 0xf"),
  field("_31_8", 31, 8, "RES0"),
]);
export const SMMU_CIDR2 = byte("SMMU_CIDR2", "preamble, 0x05");
export const SMMU_CIDR3 = byte("SMMU_CIDR3", "preamble, 0xb1");
