/**
 * The virtual command registers (VCMD, VCRSP: PASIDs from a pool of the unit's) and the enhanced command registers
 * (ECMD, ECRSP), VT-d §11.4. A command is complete when the write of its low half returns.
 *
 * UNMODELLED: every enhanced command. A unit may have the registers; each command is answered as one it does not offer.
 */
import { VCMD, VCMD_COMMANDS, VCRSP } from "../../arch/vtd/queue_registers.ts";
import type { Digest } from "../../base/digest.ts";
import type { RegisterFile } from "../common/register_file.ts";

/** Status codes of VCRSP and ECRSP. */
const SUCCESS = 0;
const UNKNOWN_COMMAND = 1;
const NO_PASID = 16;

/** A PASID in an operand or a result: 20 bits. */
const PASID_MASK = 0xfffff;

export class VirtualCommands {
  /** PASIDs that were allocated, in order. */
  #allocated = new Set<number>();
  readonly #pasids: number;

  /** @param pasidBits bits of a PASID, 0 where the unit has none. CHOICE(pasid-pool): every PASID but 0 can be had. */
  constructor(registers: RegisterFile, pasidBits: number) {
    this.#pasids = 2 ** pasidBits;
    if (registers.has("VCMD")) registers.onWrite("VCMD", 0, () => this.#command(registers));
    if (registers.has("ECMD")) {
      registers.onWrite("ECMD", 0, () => registers.set("ECRSP", "SC", UNKNOWN_COMMAND));
    }
  }

  snapshot(): readonly number[] {
    return [...this.#allocated];
  }

  restore(image: readonly number[]): void {
    this.#allocated = new Set(image);
  }

  digest(into: Digest): void {
    for (const pasid of this.#allocated) into.word(pasid);
  }

  #command(registers: RegisterFile): void {
    const at = registers.at("VCMD");
    const offered = registers.get("VCCAP", "PAS") !== 0;
    const operand = VCMD.f.OP.get(registers.words, at) & PASID_MASK;
    let status: number = UNKNOWN_COMMAND;
    let result = 0;
    switch (VCMD.f.CMD.get(registers.words, at)) {
      case VCMD_COMMANDS.NULL:
        status = SUCCESS;
        break;
      case VCMD_COMMANDS.ALLOCATE_PASID:
        if (offered) result = this.#allocate();
        if (offered) status = result === 0 ? NO_PASID : SUCCESS;
        break;
      case VCMD_COMMANDS.FREE_PASID:
        if (offered) status = this.#allocated.delete(operand) ? SUCCESS : NO_PASID;
        break;
    }
    const words = [0, 0];
    VCRSP.f.SC.set(words, 0, status);
    VCRSP.f.RSLT.set(words, 0, result);
    registers.load("VCRSP", words[1]!, words[0]!);
  }

  /** The lowest free PASID, or 0 for none. */
  #allocate(): number {
    for (let pasid = 1; pasid < this.#pasids; pasid++) {
      if (this.#allocated.has(pasid)) continue;
      this.#allocated.add(pasid);
      return pasid;
    }
    return 0;
  }
}
