/**
 * What the records of a case would be by the specification, where its recorder is known to write them otherwise and the
 * departure is a matter of single fields, or of records too many. Used for cases tagged `oracle-quirk` only, so that they
 * still show whether everything else agrees.
 */
import type { Arch } from "../protocol/machine.ts";
import { AMDVI_QUIRKS } from "./quirks/amdvi.ts";
import { SMMUV3_QUIRKS } from "./quirks/smmuv3.ts";
import { VTD_QUIRKS } from "./quirks/vtd.ts";

/** A record and the bits of it that count. */
export interface Expected {
  readonly record: Uint8Array;
  readonly mask: Uint8Array;
}

/** The departures of an architecture's recorder, by the tag of the cases that show them. */
export interface RecordQuirks {
  /** Those that captures show, which have no tags. */
  readonly captures: readonly string[];
  /** What changes in a record. */
  readonly fields?: Readonly<Record<string, (d: Draft) => void>>;
  /** Which of the records of one step there would be; `afterTransfer`: a transaction came since the step before. */
  readonly list?: Readonly<Record<string, (all: readonly Expected[], afterTransfer: boolean) => readonly Expected[]>>;
}

const QUIRKS: Readonly<Record<Arch, RecordQuirks>> = { smmuv3: SMMUV3_QUIRKS, vtd: VTD_QUIRKS, amdvi: AMDVI_QUIRKS };

/** A record being corrected; bits are numbered over the whole record. */
export class Draft implements Expected {
  readonly record: Uint8Array;
  readonly mask: Uint8Array;

  constructor(expected: Expected) {
    this.record = expected.record.slice();
    this.mask = expected.mask.slice();
  }

  /** Bits [hi:lo] do not count. */
  ignore(hi: number, lo: number): void {
    for (let bit = lo; bit <= hi; bit++) this.mask[bit >> 3]! &= ~(1 << (bit & 7));
  }

  /** Only bits [hi:lo] of those given count. */
  keep(...runs: readonly (readonly [hi: number, lo: number])[]): void {
    for (let bit = 0; bit < 8 * this.mask.length; bit++) {
      if (!runs.some(([hi, lo]) => bit >= lo && bit <= hi)) this.ignore(bit, bit);
    }
  }

  swapDoublewords(a: number, b: number): void {
    const from = this.record.slice();
    this.record.set(from.subarray(8 * b, 8 * b + 8), 8 * a);
    this.record.set(from.subarray(8 * a, 8 * a + 8), 8 * b);
  }
}

/** Tags of the departures that an architecture's captures show. */
export const departuresOfCaptures = (arch: Arch): readonly string[] => QUIRKS[arch].captures;

/** What the records of a step of a case with these tags would be by the specification. */
export function corrected(
  arch: Arch,
  tags: readonly string[],
  records: readonly Expected[],
  afterTransfer = true,
): readonly Expected[] {
  const { fields = {}, list = {} } = QUIRKS[arch];
  const drafts = records.map((expected) => {
    const draft = new Draft(expected);
    for (const tag of tags) fields[tag]?.(draft);
    return draft;
  });
  return tags.reduce<readonly Expected[]>((all, tag) => list[tag]?.(all, afterTransfer) ?? all, drafts);
}
