/**
 * Reading the fault recording registers of a VT-d unit, as its fault event asks for. VT-d §7.2, §7.3; Linux 7.2,
 * drivers/iommu/intel/dmar.c (dmar_fault).
 */
import { FSTS } from "../../arch/vtd/control_registers.ts";
import { FRCD } from "../../arch/vtd/fault_record.ts";
import { encodeFields } from "../../base/encode.ts";
import type { VtdRegisters } from "./registers.ts";

/** What was there to take. */
export interface TakenFaults {
  /** FSTS as it was found. */
  readonly status: number;
  /** Words as {@link FRCD} has them. */
  readonly records: readonly Uint32Array[];
}

const WORDS = FRCD.bits / 32;
/** The word that F stands in, with F alone: written back, it makes the register free. */
const TAKEN = BigInt(encodeFields(FRCD, { F: 1 })[WORDS - 1]!);

/** Take the records that are there, and have recording go on where one was lost. */
export function takeFaultRecords(found: VtdRegisters): TakenFaults {
  const { registers, faultRecords } = found;
  const status = Number(registers.read("FSTS"));
  const is = (field: "PPF" | "PFO"): boolean => FSTS.f[field].get([status], 0) === 1;
  const records = is("PPF") ? faultRecords.flatMap((name) => takeRecord(found, name)) : [];
  if (is("PFO")) registers.writeFields("FSTS", { PFO: 1 });
  return { status, records };
}

/** The record of one register, or none. */
function takeRecord({ registers }: VtdRegisters, name: string): Uint32Array[] {
  const words = new Uint32Array(WORDS);
  for (let i = WORDS - 1; i >= 0; i--) {
    words[i] = Number(registers.readWord(name, i));
    if (FRCD.f.F.get(words, 0) === 0) return [];
  }
  registers.writeWord(name, WORDS - 1, TAKEN);
  return [words];
}
