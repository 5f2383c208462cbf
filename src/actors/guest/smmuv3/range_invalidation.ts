/** A range of pages as TLB invalidation commands of an SMMUv3. IHI 0070 §4.4.1. */
import type { FieldNumbers } from "../../../base/encode.ts";
import { type CommandWords, command } from "../../../kernel/smmuv3/command_queue.ts";

const PAGE = 4096;
/** A command with a range covers (NUM + 1) * 2^SCALE pages. */
const NUM_BITS = 5;

/** One command for each page. */
export function pageByPage(operands: FieldNumbers, va: number, pages: number): CommandWords[] {
  return Array.from({ length: pages }, (_, i) => command("CMD_TLBI_NH_VA", { ...operands, Address: va + i * PAGE }));
}

/** One range command for each digit of the number of pages, in base 32: for an SMMU that has those (IDR3.RIL). */
export function byRange(operands: FieldNumbers, va: number, pages: number): CommandWords[] {
  const commands: CommandWords[] = [];
  let at = va;
  let left = pages;
  for (let scale = 0; left > 0; scale += NUM_BITS) {
    const unit = 2 ** scale;
    const here = Math.floor(left / unit) % 2 ** NUM_BITS;
    if (here === 0) continue;
    // A range of a single page is a reserved combination; without TG the command is for one page anyway (§4.4.1.1).
    const range = here === 1 && scale === 0 ? {} : { TG: 1, SCALE: scale, NUM: here - 1 };
    commands.push(command("CMD_TLBI_NH_VA", { ...operands, ...range, Address: at }));
    at += here * unit * PAGE;
    left -= here * unit;
  }
  return commands;
}
