import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { besides, ReachRuns } from "./reach_runs.ts";
import type { UntranslatedRange } from "./table_source.ts";

const PLACES = 24;
const BASE = 100;

/** What each place of the input leads to, as "output rights", by one of the runs. */
function placesOf(runs: ReachRuns): string[][] {
  const places = Array.from({ length: PLACES }, (): string[] => []);
  for (let i = 0; i < runs.count; i++) {
    for (let n = 0; n < runs.bytes[i]!; n++) {
      places[runs.input[i]! + n]!.push(`${runs.output[i]! + n} ${runs.permissions[i]}`);
    }
  }
  return places.map((ways) => ways.sort());
}

describe("Runs beside what passes untranslated", () => {
  const range = fc
    .tuple(fc.nat(PLACES), fc.nat(PLACES), fc.nat(7), fc.nat(7))
    .map(([a, b, passes, translates]): UntranslatedRange => {
      return { from: Math.min(a, b), to: Math.max(a, b), passes, translates };
    })
    .filter(({ from, to }) => from < to);
  const mapped = fc.array(fc.nat(7), { minLength: PLACES, maxLength: PLACES });

  it("are at each place what the last range over it says, and the tables where it leaves rights to them", () => {
    fc.assert(
      fc.property(mapped, fc.array(range, { maxLength: 4 }), fc.boolean(), (rights, ranges, toMemory) => {
        const runs = new ReachRuns();
        for (const [i, permissions] of rights.entries()) if (permissions !== 0) runs.add(i, BASE + i, 1, permissions);
        const expected = rights.map((own, i) => {
          const over = ranges.filter(({ from, to }) => from <= i && i < to);
          const left = over.reduce((all, { translates }) => all & translates, own);
          const passes = toMemory ? (over.at(-1)?.passes ?? 0) : 0;
          const ways = [...(left === 0 ? [] : [`${BASE + i} ${left}`]), ...(passes === 0 ? [] : [`${i} ${passes}`])];
          return ways.sort();
        });
        expect(placesOf(besides(runs, ranges, toMemory))).toEqual(expected);
      }),
    );
  });
});
