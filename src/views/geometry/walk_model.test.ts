import { describe, expect, it } from "vitest";
import type { WalkAnswer } from "../../protocol/engine.ts";
import { traceSteps, walkStages } from "../common/walk_reading.ts";
import * as sample from "../walk_grid/sample_walks.ts";
import { type GridRow, isHit, type WalkModel, walkModel } from "./walk_model.ts";

const modelOf = (a: WalkAnswer): WalkModel => walkModel(traceSteps(a), walkStages(a));

/** A row as one letter for each cell: a access, h cache hit, k kept, c check, m missed, s spared, o output, - none. */
const letters = (row: GridRow): string =>
  row.cells.map((c) => (c.type === "output" ? (c.step === null ? "-" : "o") : isHit(c) ? "h" : c.type[0])).join("");

const picture = (a: WalkAnswer): string[] => modelOf(a).rows.map(letters);

describe("the grid of a walk", () => {
  it("has 24 accesses in five rows for four levels under four", () => {
    const m = modelOf(sample.nestedOk());
    expect(picture(sample.nestedOk())).toEqual(["aaaaa", "aaaaa", "aaaaa", "aaaaa", "aaaao"]);
    expect(m.columns).toEqual([3, 2, 1, 0]);
    expect(m.counts).toMatchObject({ made: 24, total: 24, full: 24, config: 7 });
  });

  it("numbers accesses in the order they were made, rows from left to right", () => {
    const cells = modelOf(sample.nestedOk()).rows.flatMap((r) => r.cells);
    const ordinals = cells.flatMap((c) => (c.type === "access" ? [c.ordinal] : []));
    expect(ordinals).toEqual(Array.from({ length: 24 }, (_, i) => i + 1));
    const records = cells.flatMap((c) => (c.type === "access" ? [c.step.record] : []));
    expect(records).toEqual([...records].sort((a, b) => a - b));
  });

  it("keeps would-be ordinals for what a fault on a stage-1 table left out", () => {
    const a = sample.nestedTableFault();
    expect(picture(a)).toEqual(["aaaaa", "aaaaa", "aaaaa", "aammm", "mmmm-"]);
    const missed = modelOf(a).rows.flatMap((r) => r.cells.flatMap((c) => (c.type === "missed" ? [c.ordinal] : [])));
    expect(missed).toEqual([18, 19, 20, 21, 22, 23, 24]);
    expect(modelOf(a).counts).toMatchObject({ made: 17, total: 24 });
  });

  it("greys what walk caches spared and keeps its numbers", () => {
    const m = modelOf(sample.nestedWalkCaches());
    expect(m.rows.map(letters)).toEqual(["kkkkk", "kkkkk", "kkkkh", "kkhaa", "kkhao"]);
    expect(m.counts).toMatchObject({ made: 3, total: 24, kept: 21, full: 24 });
  });

  it("greys every table access when the TLB answered for the whole address", () => {
    const m = modelOf(sample.nestedTlbHit());
    expect(m.rows.map(letters)).toEqual(["kkkkk", "kkkkk", "kkkkk", "kkkkk", "kkkko"]);
    expect(m.counts).toMatchObject({ made: 0, total: 24, kept: 24 });
  });

  it("leaves out rows and columns that a block makes needless", () => {
    expect(picture(sample.nestedBlocks())).toEqual(["aaasa", "aaasa", "aaaso"]);
    expect(modelOf(sample.nestedBlocks()).counts).toMatchObject({ made: 11, total: 11, full: 24 });
  });

  it("has one column where stage 2 is off, and the formula counts stage 1 alone", () => {
    const m = modelOf(sample.stageOneOnly());
    expect(m.columns).toEqual([]);
    expect(m.rows.map(letters)).toEqual(["a", "a", "a", "a", "o"]);
    expect(m.counts).toMatchObject({ made: 4, full: 4, config: 3 });
  });

  it("has one row where stage 1 is off, three columns from level 1 with concatenated tables", () => {
    const m = modelOf(sample.stageTwoConcatenated());
    expect(m.columns).toEqual([2, 1, 0]);
    expect(m.rows.map(letters)).toEqual(["aaao"]);
    expect(m.rows[0]?.cells[0]).toMatchObject({ step: { entry: 0x201 } });
  });

  it("has five columns from level -1", () => {
    const m = modelOf(sample.nestedDeep());
    expect(m.columns).toEqual([4, 3, 2, 1, 0]);
    expect(m.counts).toMatchObject({ made: 35, full: 35 });
  });

  it("shows nothing but configuration for a bad STE", () => {
    const m = modelOf(sample.badSte());
    expect(m.config.map((i) => i.name)).toEqual(["L1STD", "STE"]);
    expect(m.rows.map(letters)).toEqual(["-"]);
    expect(m.counts).toMatchObject({ made: 0, full: 0, config: 2 });
  });

  it("goes straight to the output in bypass", () => {
    expect(picture(sample.bypass())).toEqual(["o"]);
  });

  it("folds the stage-2 accesses of a CD fetch under the CD, and has a row for them", () => {
    const m = modelOf(sample.nestedOk());
    expect(m.config.map((i) => [i.name, i.beneath.length])).toEqual([
      ["L1STD", 0],
      ["STE", 0],
      ["CD", 4],
    ]);
    expect(m.configRows.map(letters)).toEqual(["aaaaa"]);
  });

  it("names the structure whose fetch stage 2 refused", () => {
    const m = modelOf(sample.cdFetchFault());
    expect(m.config.map((i) => [i.name, i.step.verdict])).toEqual([
      ["L1STD", "next"],
      ["STE", "next"],
      ["CD", "fault"],
    ]);
    expect(m.configRows.map(letters)).toEqual(["aaamm"]);
  });

  it("puts a check that no access was made for where the access would have been", () => {
    const m = modelOf(sample.rangeCheck());
    expect(m.rows.map(letters)).toEqual(["c", "m", "m", "m", "-"]);
    expect(m.counts).toMatchObject({ made: 0, total: 4 });
  });

  it("ends at memory the session lacks", () => {
    expect(picture(sample.nestedUnknown())).toEqual(["aaaaa", "aaamm", "mmmmm", "mmmmm", "mmmm-"]);
  });
});
