/** Reading the fault recording registers of a VT-d unit, as its fault event asks for. VT-d §7.2, §7.3. */
import { FRCD } from "../../arch/vtd/fault_record.ts";
import { encodeFields } from "../../base/encode.ts";
import type { VtdRegisters } from "./registers.ts";

const WORDS = FRCD.bits / 32;
/** The word that F stands in, with F alone: written back, it makes the register free. */
const TAKEN = BigInt(encodeFields(FRCD, { F: 1 })[WORDS - 1]!);

/** Take the records that are there, and have recording go on where one was lost. @returns words as {@link FRCD} has them */
export function takeFaultRecords({ registers, faultRecords }: VtdRegisters): Uint32Array[] {
  const taken: Uint32Array[] = [];
  for (const name of faultRecords) {
    const words = new Uint32Array(WORDS);
    for (let i = WORDS - 1; i >= 0; i--) {
      words[i] = Number(registers.readWord(name, i));
      if (FRCD.f.F.get(words, 0) === 0) break;
    }
    if (FRCD.f.F.get(words, 0) === 0) continue;
    registers.writeWord(name, WORDS - 1, TAKEN);
    taken.push(words);
  }
  if (registers.field("FSTS", "PFO") === 1) registers.writeFields("FSTS", { PFO: 1 });
  return taken;
}
