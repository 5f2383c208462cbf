/**
 * The terms in which IOMMUs of PCI devices speak of a request and of how it ended.
 */

/** How a request ended. */
export const End = {
  /** It did not end yet, or it goes to the address that was found. */
  Ok: 0,
  /** Blocked; whether that leaves a record, the architecture says. */
  Fault: 1,
  /** It needed memory that the session does not hold. */
  Unknown: 2,
  /** A write into the interrupt address range: it goes to interrupt remapping, with its address unchanged. */
  Interrupt: 3,
} as const;
export type End = (typeof End)[keyof typeof End];

/** Kinds of access, as bits, so that what tables allow is a set of them. */
export const Want = { Read: 1, Write: 2, Execute: 4 } as const;

/** Address type of a request (PCIe AT field). */
export const AddressType = { Untranslated: 0, TranslationRequest: 1, Translated: 2 } as const;
export type AddressType = (typeof AddressType)[keyof typeof AddressType];

/** What becomes of accessed and dirty bits. */
export const Updates = {
  /** Decided as ever, and shown in a trace, but not made: for somebody who only looks. */
  Show: 0,
  /** Made. */
  Make: 1,
} as const;
export type Updates = (typeof Updates)[keyof typeof Updates];
