/**
 * Why a translation ended as it did: one entry for each rule of an architecture that can stop an access.
 *
 * Each architecture has its own list; traces and answers carry an index into it, and the sentence and the section come
 * from there and nowhere else. Index 0 of a list is "nothing is wrong".
 */

/** One rule. */
export interface Reason {
  /** Stable name, for code and documents. */
  readonly id: string;
  /** What is the case, in one sentence. */
  readonly text: string;
  /** Document and section. */
  readonly section: string;
  /** The field that the rule is about, as its layout names it; empty for none. */
  readonly field: string;
}

/** A rule about a field, empty for none, of a section. */
export const reason = <const Id extends string>(id: Id, field: string, section: string, text: string) => ({
  id,
  text,
  section,
  field,
});

/** Index of each reason of a list, by name. */
export const reasonIndex = <Id extends string>(list: readonly { readonly id: Id }[]) =>
  Object.fromEntries(list.map((r, i) => [r.id, i])) as { readonly [K in Id]: number };
