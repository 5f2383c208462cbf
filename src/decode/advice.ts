/**
 * What an entry means and what to look at next, whatever its architecture.
 */
import { amdviAdvice } from "./amdvi/advice.ts";
import type { DecodedEntry } from "./entry.ts";
import { smmuv3Advice } from "./smmuv3/advice.ts";
import type { Advice } from "./statement.ts";
import { vtdAdvice } from "./vtd/advice.ts";

/** Advice for an entry; null where there is nothing to add to its summary. */
export function adviceFor(entry: DecodedEntry): Advice | null {
  return smmuv3Advice(entry) ?? vtdAdvice(entry) ?? amdviAdvice(entry);
}
