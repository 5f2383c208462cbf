/** A range of addresses as TLB invalidation commands of an SMMUv3. IHI 0070 §4.4.1. */
import type { FieldNumbers } from "../../base/encode.ts";
import { type CommandWords, command } from "./command_queue.ts";

/** Without range commands, everything of a space is invalidated instead of more granules than that, as in Linux. */
const MOST_COMMANDS = 512;
/** A command with a range covers (NUM + 1) * 2^SCALE granules. */
const NUM_BITS = 5;
/** Codes of TG, by log2 of the granule's bytes. */
const TG: Readonly<Record<number, number>> = { 12: 1, 14: 2, 16: 3 };

/** Tables to invalidate a range of. */
export interface RangeTarget {
  readonly name: "CMD_TLBI_NH_VA" | "CMD_TLBI_S2_IPA";
  /** Besides the address: what tags the translations, and how deep the change went. */
  readonly operands: FieldNumbers;
  readonly granuleLg2: number;
}

/**
 * Commands for `bytes` bytes from `at` on, multiples of the granule.
 * @param ranges the SMMU has range commands (IDR3.RIL)
 * @returns null where that would be too many
 */
export function rangeInvalidation(
  target: RangeTarget,
  at: number,
  bytes: number,
  ranges: boolean,
): CommandWords[] | null {
  const granules = bytes / 2 ** target.granuleLg2;
  if (ranges) return byRange(target, at, granules);
  return granules > MOST_COMMANDS ? null : Array.from({ length: granules }, (_, i) => one(target, at, i, {}));
}

/** One command for each digit of the number of granules, in base 32. */
function byRange(target: RangeTarget, at: number, granules: number): CommandWords[] {
  const commands: CommandWords[] = [];
  let done = 0;
  for (let scale = 0; done < granules; scale += NUM_BITS) {
    const unit = 2 ** scale;
    const here = Math.floor((granules - done) / unit) % 2 ** NUM_BITS;
    if (here === 0) continue;
    // A range of a single granule is a reserved combination; without TG the command is for one anyway (§4.4.1.1).
    const single = here === 1 && scale === 0;
    const range = single ? {} : { TG: TG[target.granuleLg2]!, SCALE: scale, NUM: here - 1 };
    commands.push(one(target, at, done, range));
    done += here * unit;
  }
  return commands;
}

const one = ({ name, operands, granuleLg2 }: RangeTarget, at: number, index: number, range: FieldNumbers) =>
  command(name, { ...operands, ...range, Address: at + index * 2 ** granuleLg2 });
