import { describe, expect, it } from "vitest";
import { traceSteps } from "../common/walk_reading.ts";
import { alignWalks, compareWalks, isSamePair } from "./compare_walks.ts";
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

  it("of which one has a step more differ in that step alone", () => {
    const without = ok.filter(({ record }) => record !== 4);
    expect(compareWalks(ok, without).records).toEqual(new Set([4]));
    expect(compareWalks(without, ok)).toMatchObject({ records: new Set(), first: [null, { record: 4 }] });
  });

  it("keep their order and lose no step when they stand beside each other", () => {
    for (const [one, other] of [
      [ok, fault],
      [ok.slice(5), ok.slice(0, 9)],
      [[], ok],
      [ok.filter((_, i) => i % 3 > 0), ok.filter((_, i) => i % 4 > 0)],
    ] as const) {
      const pairs = alignWalks(one, other);
      expect(pairs.flatMap(([step]) => step ?? [])).toEqual(one);
      expect(pairs.flatMap(([, step]) => step ?? [])).toEqual(other);
    }
  });

  it("of two architectures stand beside each other by stage and row", () => {
    const renamed = ok.map((step) => ({ ...step, name: `other ${step.name}` }));
    const pairs = alignWalks(ok, renamed);
    expect(pairs.map(([one, other]) => [one?.record, other?.record])).toEqual(ok.map(({ record }) => [record, record]));
    expect(pairs.some(isSamePair)).toBe(false);
  });
});
