/** What a unit's caches have counted: kept with a state, and put back after a look that finds things in them. */
import type { Unit } from "./unit.ts";

/** Of each of its caches, as {@link Unit.cacheTables} lists them. */
export type CacheCounts = readonly Float64Array[];

export const takeCounts = (unit: Unit): CacheCounts => unit.cacheTables().map(({ counts }) => counts.slice());

export function putCounts(unit: Unit, taken: CacheCounts): void {
  for (const [i, { counts }] of unit.cacheTables().entries()) counts.set(taken[i]!);
}
