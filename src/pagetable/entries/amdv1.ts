/**
 * Entries of AMD-Vi host (version 1) tables as a driver writes them: each table leads to the next level down, each leaf
 * has its level's default size. 48882 §2.2.3.
 */
import { highHalf, lowHalf } from "../../base/address.ts";
import type { Entry, EntryMaker } from "../build.ts";
import { AMD_V1, V1_FORCE_COHERENT, V1_NEXT_LEVEL, V1_PRESENT, V1_READ, V1_WRITE } from "../formats/amdv1.ts";

const { shift, mask } = V1_NEXT_LEVEL;

/** Makes entries. @param coherent set FC in every leaf */
export function amdV1Entries(coherent: boolean): EntryMaker {
  const leaf = ([hi, lo]: Entry, at: number): Entry => [hi | highHalf(at), lo | lowHalf(at) | V1_PRESENT];
  return {
    fmt: AMD_V1,
    leafLevels: 0b11111,
    // The architecture's number of the next level is ours of this one.
    table: (at, level) => [highHalf(at) | V1_READ | V1_WRITE, lowHalf(at) | V1_PRESENT | (level << shift)],
    leaf: (at, _level, { read, write }) =>
      leaf([(read ? V1_READ : 0) | (write ? V1_WRITE : 0) | (coherent ? V1_FORCE_COHERENT : 0), 0], at),
    alike: ([hi, lo], at) => leaf([hi & ~AMD_V1.oaHiMask, lo & ~AMD_V1.oaLoMask & ~(mask << shift)], at),
  };
}
