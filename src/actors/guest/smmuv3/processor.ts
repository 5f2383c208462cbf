/**
 * Broadcast TLB maintenance: TLBI instructions of a guest's kernel, which reach every processor and an SMMU that takes
 * part. Nothing leaves the guest for them. DDI 0487 §C5.5; Linux 7.2, arch/arm64/include/asm/tlbflush.h.
 */
import { PE_REGISTERS, TLBI_ASID, TLBI_VA } from "../../../arch/smmuv3/pe.ts";
import { encodeFields } from "../../../base/encode.ts";
import { join } from "../../../base/halves.ts";
import type { Layout } from "../../../base/layout.ts";
import type { Notes } from "../../../kernel/notes.ts";
import type { RegisterPages } from "../../../kernel/platform.ts";

const PAGE = 4096;
/** Pages of a range from which the whole address space is dropped (MAX_DVM_OPS). */
const MOST_PAGES = 512;
const OFFSETS: ReadonlyMap<string, number> = new Map(PE_REGISTERS.map(({ name, offset }) => [name, offset]));

export class Processor {
  readonly #instructions: RegisterPages;
  readonly #notes: Notes;
  #waiting = false;

  constructor(instructions: RegisterPages, notes: Notes) {
    this.#instructions = instructions;
    this.#notes = notes;
  }

  /** Drop translations of a range of an address space. @param leavesOnly tables above the leaves are as they were */
  invalidate(asid: number, va: number, bytes: number, leavesOnly: boolean): void {
    if (bytes / PAGE >= MOST_PAGES) {
      this.invalidateAll(asid);
      return;
    }
    const name = leavesOnly ? "VALE1IS" : "VAE1IS";
    // The operand has an address from bit 12 on.
    for (let at = va; at < va + bytes; at += PAGE) this.#execute(name, TLBI_VA, { ASID: asid, VA: at / PAGE });
  }

  /** Drop everything of an address space. */
  invalidateAll(asid: number): void {
    this.#execute("ASIDE1IS", TLBI_ASID, { ASID: asid });
  }

  /** Wait until everybody has dropped what was asked for. @returns false where nothing was */
  barrier(): boolean {
    if (!this.#waiting) return false;
    this.#waiting = false;
    this.#notes.note("sync", "DSB ISH");
    return true;
  }

  #execute(name: string, layout: Layout, operand: Readonly<Record<string, number>>): void {
    const words = encodeFields(layout, operand);
    this.#notes.note("command", `TLBI ${name}`, -1, words[1]!, words[0]!);
    this.#instructions.write(OFFSETS.get(name)!, join(words[1]!, words[0]!), 8);
    this.#waiting = true;
  }
}
