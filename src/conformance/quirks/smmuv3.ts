/**
 * Where the recorder of the SMMUv3 vectors is known to write an event record otherwise than IHI 0070 §7.3 says, and the
 * departure is a matter of single fields: what the record would be by the specification.
 */
import type { Draft, RecordQuirks } from "../record_quirks.ts";

const CLASS_CD = 0;
const CLASS_TT = 1;
const CLASS_IN = 2;
const F_CD_FETCH = 0x09;
const F_WALK_EABT = 0x0b;
const F_TRANSLATION = 0x10;
const F_ADDR_SIZE = 0x11;
const F_PERMISSION = 0x13;

const eventOf = (d: Draft): number => d.record[0]!;

/** One of the four translation faults, which have CLASS and S2. */
const isTranslationFault = (d: Draft): boolean => eventOf(d) >= F_TRANSLATION && eventOf(d) <= F_PERMISSION;

const classOf = (d: Draft): number => d.record[13]! & 3;

const isStage2 = (d: Draft): boolean => (d.record[12]! & 0x80) !== 0;

export const SMMUV3_QUIRKS: RecordQuirks = {
  captures: ["quirk:ipa-low-bits", "quirk:fetch-fault-rnw", "quirk:tt-fault-stage-bit", "quirk:tt-ipa-is-table-base"],
  fields: {
    // §7.3.13: the IPA field holds bits [55:12]; the recorder leaves the offset in the bits below.
    "quirk:ipa-low-bits": (d) => {
      if (isTranslationFault(d) && isStage2(d)) d.ignore(203, 192);
    },
    // §7.3.13: RnW is the incoming transaction's; the recorder gives the fetch's.
    "quirk:fetch-fault-rnw": (d) => {
      if (isTranslationFault(d) && (classOf(d) === CLASS_CD || classOf(d) === CLASS_TT)) d.ignore(99, 99);
      if (eventOf(d) === F_WALK_EABT) d.ignore(99, 99);
    },
    // A fault of stage 2 while stage 1 is walked belongs to stage 2.
    "quirk:tt-fault-stage-bit": (d) => {
      if (isTranslationFault(d) && classOf(d) === CLASS_TT && !isStage2(d)) d.record[12]! |= 0x80;
    },
    // The IPA is that of the descriptor, not of its table.
    "quirk:tt-ipa-is-table-base": (d) => {
      if (isTranslationFault(d) && classOf(d) === CLASS_TT) d.ignore(247, 192);
    },
    // §7.3.12: the address is the physical one of the fetch.
    "quirk:tt-eabt-fetch-addr": (d) => {
      if (eventOf(d) === F_WALK_EABT) d.ignore(255, 192);
    },
    // §7.3.10: the fetch address is the last doubleword.
    "quirk:cd-fetch-addr-place": (d) => {
      if (eventOf(d) === F_CD_FETCH) d.swapDoublewords(2, 3);
    },
    // §7.3.14: CLASS TT is for faults of stage 2.
    "quirk:s1-addr-size-class": (d) => {
      const departs = eventOf(d) === F_ADDR_SIZE && !isStage2(d) && classOf(d) === CLASS_TT;
      if (departs) d.record[13] = (d.record[13]! & ~3) | CLASS_IN;
    },
  },
};
