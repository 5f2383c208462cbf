/**
 * Entries of VT-d second-stage tables as a driver writes them. VT-d (document D51397, revision 4.1) §9.8.
 */
import { highHalf, lowHalf } from "../../base/address.ts";
import type { Entry, EntryMaker } from "../build.ts";
import { type SecondStageFeatures, vtdSecondFormat } from "../formats/vtd_second.ts";

const READ = 1;
const WRITE = 1 << 1;
const PAGE_SIZE = 1 << 7;
const SNOOP = 1 << 11;

/**
 * Makes entries. A range without read and write cannot be mapped: the entry would be an empty one.
 * @param snoop set SNP in every leaf; only where the unit has `features.snoop`
 */
export function vtdSecondEntries(features: SecondStageFeatures, snoop: boolean): EntryMaker {
  const fmt = vtdSecondFormat(features);
  const leaf = ([hi, lo]: Entry, at: number, level: number): Entry => [
    hi | highHalf(at),
    lo | lowHalf(at) | (level > 0 ? PAGE_SIZE : 0),
  ];
  return {
    fmt,
    leafLevels: 1 | (features.largePages << 1),
    table: (at) => [highHalf(at), lowHalf(at) | READ | WRITE],
    leaf: (at, level, { read, write }) =>
      leaf([0, (read ? READ : 0) | (write ? WRITE : 0) | (snoop ? SNOOP : 0)], at, level),
    alike: ([hi, lo], at, level) => leaf([hi & ~fmt.oaHiMask, lo & ~fmt.oaLoMask & ~PAGE_SIZE], at, level),
  };
}
