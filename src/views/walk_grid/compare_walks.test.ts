import { describe, expect, it } from "vitest";
import { traceSteps } from "../common/walk_reading.ts";
import { compareWalks } from "./compare_walks.ts";
import { nestedOk, nestedTableFault } from "./sample_walks.ts";

const ok = traceSteps(nestedOk());
const fault = traceSteps(nestedTableFault());

describe("Two walks", () => {
  it("that are equal differ nowhere", () => {
    expect(compareWalks(ok, traceSteps(nestedOk()))).toEqual({ records: new Set(), first: [null, null] });
  });

  it("part at the descriptor that was changed, and at every step after it", () => {
    const { records, first } = compareWalks(fault, ok);
    // The level-2 descriptor of stage 1 leads elsewhere: access 15, after 7 of configuration.
    expect(first.map((s) => s?.name)).toEqual(["Stage 1 level 2 descriptor", "Stage 1 level 2 descriptor"]);
    expect([...records]).toEqual([21, 22, 23]);
    expect(compareWalks(ok, fault).records.size).toBe(ok.length - 21);
  });

  it("of which one ended first differ where the other went on", () => {
    const { first, records } = compareWalks(ok.slice(0, 9), ok);
    expect(first[0]).toBeNull();
    expect(first[1]?.record).toBe(9);
    expect(records.size).toBe(0);
  });
});
