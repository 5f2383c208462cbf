/**
 * The shape of advice: sentences, each with the section that says so.
 */

/** A sentence with the section that says so. */
export interface Statement {
  readonly text: string;
  readonly section: string;
}

/** The meaning of one entry. */
export interface Advice {
  /** First sentence: what has happened to whom. */
  readonly consequence: string;
  /** Why, in plain words. */
  readonly cause: readonly Statement[];
  /** What to look at next, the most useful first. */
  readonly checks: readonly Statement[];
  /** What this is taken for, wrongly. */
  readonly notThis: readonly Statement[];
}
