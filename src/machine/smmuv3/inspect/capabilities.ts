/**
 * What a session's IOMMU offers, and what the session asks for that the model leaves out, in words.
 */
import { registerByName } from "../../../arch/smmuv3/registers.ts";
import type { SessionSummary } from "../../../protocol/engine.ts";
import type { SmmuUnit } from "../smmu_unit.ts";

/** Fields of identification registers worth a line. */
const SHOWN: readonly (readonly [register: string, field: string])[] = [
  ["SMMU_AIDR", "ArchMinorRev"],
  ["SMMU_IDR0", "S1P"],
  ["SMMU_IDR0", "S2P"],
  ["SMMU_IDR0", "TTF"],
  ["SMMU_IDR0", "ST_LEVEL"],
  ["SMMU_IDR0", "HTTU"],
  ["SMMU_IDR0", "ATS"],
  ["SMMU_IDR0", "PRI"],
  ["SMMU_IDR0", "STALL_MODEL"],
  ["SMMU_IDR0", "TTENDIAN"],
  ["SMMU_IDR1", "SIDSIZE"],
  ["SMMU_IDR1", "SSIDSIZE"],
  ["SMMU_IDR3", "HAD"],
  ["SMMU_IDR3", "FWB"],
  ["SMMU_IDR3", "RIL"],
  ["SMMU_IDR3", "BBML"],
  ["SMMU_IDR5", "OAS"],
  ["SMMU_IDR5", "GRAN4K"],
  ["SMMU_IDR5", "GRAN16K"],
  ["SMMU_IDR5", "GRAN64K"],
];

/** Capabilities as rows: field, what its code means, and the register it comes from. */
export function capabilityRows(unit: SmmuUnit): SessionSummary["capabilities"] {
  return SHOWN.map(([register, field]) => {
    const code = unit.smmu.registers.field(register, field);
    const declared = registerByName(register)?.layout.fields.find((d) => d.name === field);
    return { name: field, value: declared?.values?.[code] ?? String(code), from: register };
  });
}

/** Sentences for the status line: what this session may ask for and the model does not do. */
export function notModelled(unit: SmmuUnit): string[] {
  const { caps } = unit.smmu;
  const said = ["Secure, Realm and Root programming interfaces."];
  if (unit.smmu.caches === null) said.push("Caches are off: every transaction reads its structures from memory.");
  if (caps.aarch32) said.push("VMSAv8-32 tables (IDR0.TTF).");
  if (caps.mpam)
    said.push("Memory partitioning: transactions are labelled with a PARTID, nothing is partitioned by it.");
  if (unit.blocks.pe !== undefined) said.push("Broadcast TLB maintenance by range (RVAE1IS and its like).");
  if (unit.blocks.cmdqv !== undefined)
    said.push("Arbitration between virtual Command queues: each runs when written to.");
  return said;
}
