import { describe, expect, it } from "vitest";
import { nestedOk, nestedTableFault } from "../walk_grid/sample_walks.ts";
import { outcomePart, tracePart } from "./walk_parts.ts";

describe("What two walks come to", () => {
  it("is alike in every fact, step by step, for a walk and itself", () => {
    const [outcome, trace] = [outcomePart([nestedOk(), nestedOk()]), tracePart([nestedOk(), nestedOk()])];
    expect([outcome.differing, trace.differing, trace.rows]).toEqual([0, 0, []]);
    expect(outcome.rows.every(({ isAlike, left, right }) => isAlike === true && left === right)).toBe(true);
    expect(outcome.rows.find(({ what }) => what === "Accesses in all")!.left).toMatch(/^\d+$/);
  });

  it("is told fact by fact, with what only one side has", () => {
    const { rows, differing } = outcomePart([nestedOk(), nestedTableFault()]);
    const row = (name: string) => rows.find(({ what }) => what === name)!;
    expect(row("Outcome")).toMatchObject({ left: "The access goes through.", isAlike: false });
    expect(row("Physical address")).toMatchObject({ left: expect.stringMatching(/^0x/), right: null });
    expect(row("Event")).toMatchObject({ left: null, right: expect.stringMatching(/^F_/) });
    expect(row("Stage 2")).toMatchObject({ isAlike: true });
    expect(differing).toBe(rows.filter(({ isAlike }) => isAlike === false).length);
  });

  it("begins at the first step that differs, with where each was read", () => {
    const { rows, alike, differing } = tracePart([nestedOk(), nestedTableFault()]);
    const [first] = rows;
    expect([first!.what, alike]).toEqual(["Stage 1 level 2 descriptor", 21]);
    expect([first!.left, first!.right].every((text) => /^access 15: 0x[0-9a-f]+ at PA 0x/.test(text!))).toBe(true);
    expect(first!.places!.map((place) => place?.kind)).toEqual(["S1 descriptor", "S1 descriptor"]);
    expect(differing).toBe(rows.length);
  });
});
