/**
 * Entries of x86-64 page tables as a driver writes them: VT-d first stage (VT-d §9.7), AMD-Vi guest tables (48882 §2.2.6).
 */
import { highHalf, lowHalf } from "../../base/address.ts";
import type { Entry, EntryMaker } from "../build.ts";
import { x86Format } from "../formats/x86_64.ts";

const PRESENT = 1;
const WRITE = 1 << 1;
const USER = 1 << 2;
const PAGE_SIZE = 1 << 7;
/** Bit 63, in the high half. */
const NO_EXECUTE = 1 << 31;

/**
 * Makes entries. Reads cannot be refused; rights are those of the leaf, table entries allow everything.
 * @param noExecute whether NX may be used (VT-d: PASID entry NXE; AMD-Vi: EFR.NXSup); where not, it is never set
 */
export function x86Entries(levels: 4 | 5, gigabytePages: boolean, noExecute: boolean): EntryMaker {
  const leaf = ([hi, lo]: Entry, at: number, level: number): Entry => [
    hi | highHalf(at),
    lo | lowHalf(at) | (level > 0 ? PAGE_SIZE : 0),
  ];
  const fmt = x86Format(levels, gigabytePages);
  return {
    fmt,
    leafLevels: gigabytePages ? 0b111 : 0b011,
    table: (at) => [highHalf(at), lowHalf(at) | PRESENT | WRITE | USER],
    leaf: (at, level, { write, execute, user }) =>
      leaf([execute || !noExecute ? 0 : NO_EXECUTE, PRESENT | (write ? WRITE : 0) | (user ? USER : 0)], at, level),
    alike: ([hi, lo], at, level) => leaf([hi & ~fmt.oaHiMask, lo & ~fmt.oaLoMask & ~PAGE_SIZE], at, level),
  };
}
