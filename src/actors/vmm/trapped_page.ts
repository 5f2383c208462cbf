/**
 * Registers of a virtual IOMMU as its guest reaches them: each access leaves the guest for the VMM. What a write stores is
 * settled by the register file of the hardware that the VMM shows; the VMM acts on it afterwards.
 */
import { high, join, low } from "../../base/halves.ts";
import type { RegisterPages } from "../../kernel/platform.ts";
import type { Journal } from "../journal.ts";

/** Registers behind a trap; values as two halves. */
export interface TrappedRegisters {
  /** What the last {@link read} read. */
  readonly hi: number;
  readonly lo: number;
  read(offset: number, bytes: number): void;
  write(offset: number, bytes: number, hi: number, lo: number): void;
}

/** @param what how the journal names the registers */
export function trappedPage(what: string, registers: TrappedRegisters, journal: Journal): RegisterPages {
  const about = `${what} register`;
  return {
    read: (offset, width) => {
      const act = (): bigint => {
        registers.read(offset, width);
        return join(registers.hi, registers.lo);
      };
      return journal.during("VMM", "trapped read", about, act, offset);
    },
    write: (offset, value, width) => {
      const [hi, lo] = [high(value), low(value)];
      const act = (): void => registers.write(offset, width, hi, lo);
      journal.during("VMM", "trapped write", about, act, offset, hi, lo);
    },
  };
}
