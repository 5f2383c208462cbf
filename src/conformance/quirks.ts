/**
 * Where the recorder of the SMMUv3 vectors is known to write an event record otherwise than IHI 0070 §7.3 says, and
 * the departure is a matter of single fields: what the record would be by the specification. Used for cases tagged
 * `oracle-quirk` only, so that they still show whether everything else agrees.
 */

/** An event record of 32 bytes and the bits of it that count. */
export interface Expected {
  readonly record: Uint8Array;
  readonly mask: Uint8Array;
}

const CLASS_CD = 0;
const CLASS_TT = 1;
const CLASS_IN = 2;
const F_CD_FETCH = 0x09;
const F_WALK_EABT = 0x0b;
const F_TRANSLATION = 0x10;
const F_ADDR_SIZE = 0x11;
const F_PERMISSION = 0x13;

/** A record being corrected; bits are numbered over the whole record. */
class Draft {
  readonly record: Uint8Array;
  readonly mask: Uint8Array;

  constructor(expected: Expected) {
    this.record = expected.record.slice();
    this.mask = expected.mask.slice();
  }

  get event(): number {
    return this.record[0]!;
  }

  /** One of the four translation faults, which have CLASS and S2. */
  get translationFault(): boolean {
    return this.event >= F_TRANSLATION && this.event <= F_PERMISSION;
  }

  get class(): number {
    return this.record[13]! & 3;
  }

  set class(value: number) {
    this.record[13] = (this.record[13]! & ~3) | value;
  }

  get s2(): boolean {
    return (this.record[12]! & 0x80) !== 0;
  }

  setS2(): void {
    this.record[12]! |= 0x80;
  }

  ignore(hi: number, lo: number): void {
    for (let bit = lo; bit <= hi; bit++) this.mask[bit >> 3]! &= ~(1 << (bit & 7));
  }

  swapDoublewords(a: number, b: number): void {
    const from = this.record.slice();
    this.record.set(from.subarray(8 * b, 8 * b + 8), 8 * a);
    this.record.set(from.subarray(8 * a, 8 * a + 8), 8 * b);
  }
}

const CORRECTIONS: Readonly<Record<string, (d: Draft) => void>> = {
  // §7.3.13: the IPA field holds bits [55:12]; the recorder leaves the offset in the bits below.
  "quirk:ipa-low-bits": (d) => {
    if (d.translationFault && d.s2) d.ignore(203, 192);
  },
  // §7.3.13: RnW is the incoming transaction's; the recorder gives the fetch's.
  "quirk:fetch-fault-rnw": (d) => {
    if (d.translationFault && (d.class === CLASS_CD || d.class === CLASS_TT)) d.ignore(99, 99);
    if (d.event === F_WALK_EABT) d.ignore(99, 99);
  },
  // A fault of stage 2 while stage 1 is walked belongs to stage 2.
  "quirk:tt-fault-stage-bit": (d) => {
    if (d.translationFault && d.class === CLASS_TT && !d.s2) d.setS2();
  },
  // The IPA is that of the descriptor, not of its table.
  "quirk:tt-ipa-is-table-base": (d) => {
    if (d.translationFault && d.class === CLASS_TT) d.ignore(247, 192);
  },
  // §7.3.12: the address is the physical one of the fetch.
  "quirk:tt-eabt-fetch-addr": (d) => {
    if (d.event === F_WALK_EABT) d.ignore(255, 192);
  },
  // §7.3.10: the fetch address is the last doubleword.
  "quirk:cd-fetch-addr-place": (d) => {
    if (d.event === F_CD_FETCH) d.swapDoublewords(2, 3);
  },
  // §7.3.14: CLASS TT is for faults of stage 2.
  "quirk:s1-addr-size-class": (d) => {
    if (d.event === F_ADDR_SIZE && !d.s2 && d.class === CLASS_TT) d.class = CLASS_IN;
  },
};

/** What a record of a case with these tags would be by the specification, as far as single fields go. */
export function corrected(tags: readonly string[], expected: Expected): Expected {
  const draft = new Draft(expected);
  for (const tag of tags) CORRECTIONS[tag]?.(draft);
  return draft;
}
