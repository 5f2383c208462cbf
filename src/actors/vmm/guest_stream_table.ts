/** A guest's Stream table as a VMM reads it: linear or of two levels. IHI 0070 §5.1, §5.2, §6.3.24, §6.3.25. */
import { SMMU_STRTAB_BASE, SMMU_STRTAB_BASE_CFG } from "../../arch/smmuv3/queue_registers.ts";
import { L1STD, STE } from "../../arch/smmuv3/ste.ts";
import { registerIndex } from "../../engine/smmuv3/register_file.ts";
import type { KernelMemory } from "../../kernel/platform.ts";
import { readWords } from "./guest_words.ts";

const STE_BYTES = STE.bits / 8;
const L1STD_BYTES = L1STD.bits / 8;
const BASE = registerIndex("STRTAB_BASE");
const CFG = registerIndex("STRTAB_BASE_CFG");

/** A stream's STE; null where the table does not reach. @param registers words of the SMMU's register file */
export function guestSte(registers: Uint32Array, memory: KernelMemory, sid: number): Uint32Array | null {
  const { LOG2SIZE, SPLIT, FMT } = SMMU_STRTAB_BASE_CFG.f;
  const log2Size = LOG2SIZE.get(registers, CFG);
  if (sid >= 2 ** log2Size) return null;
  const base = SMMU_STRTAB_BASE.f.ADDR.address(registers, BASE);
  const aligned = (bytes: number): number => base - (base % Math.max(64, bytes));
  const ste = (table: number, index: number): Uint32Array =>
    readWords(memory, table + STE_BYTES * index, STE.bits / 32);
  if (FMT.get(registers, CFG) === 0) return ste(aligned(STE_BYTES * 2 ** log2Size), sid);
  const split = SPLIT.get(registers, CFG);
  const table = aligned(L1STD_BYTES * 2 ** (log2Size - split));
  const l1 = readWords(memory, table + L1STD_BYTES * Math.floor(sid / 2 ** split), L1STD.bits / 32);
  const [span, index] = [L1STD.f.Span.get(l1, 0), sid % 2 ** split];
  if (span === 0 || span > split + 1 || index >= 2 ** (span - 1)) return null;
  return ste(L1STD.f.L2Ptr.address(l1, 0), index);
}
