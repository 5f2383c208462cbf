import { describe, expect, it } from "vitest";
import { CD } from "../../arch/smmuv3/cd.ts";
import { descriptorLayout } from "../../arch/smmuv3/descriptors.ts";
import { STE } from "../../arch/smmuv3/ste.ts";
import type { Layout } from "../../base/layout.ts";
import { bitRuler } from "./bit_ruler.ts";
import { textWidth } from "./text_fit.ts";

const PAGE = descriptorLayout(1, "page", 12);
const LAYOUTS: readonly [string, Layout][] = [
  ["STE", STE],
  ["CD", CD],
  ["stage 1 page", PAGE],
  ["stage 2 table, 64KB, 52 bits", descriptorLayout(2, "table", 16, true)],
];

const ruler = (l: Layout, from: number, width: number, perRow = 32) =>
  bitRuler(l.fields, { from, count: 64, perRow, width, bitHeight: 20 });

describe.each(LAYOUTS)("bit ruler of %s", (_, l) => {
  const words = Array.from({ length: l.bits / 64 }, (_, i) => 64 * i);

  it.each([280, 338, 440, 800])("has every bit once in its place at %i px", (width) => {
    for (const from of words) {
      const r = ruler(l, from, width);
      expect(r.bits.map((b) => b.bit)).toEqual(Array.from({ length: 64 }, (_, i) => from + 63 - i));
      for (const b of r.bits) {
        expect(b.x).toBeCloseTo((31 - (b.bit % 32)) * (width / 32));
        expect(b.x + r.bitWidth).toBeLessThanOrEqual(width + 0.01);
      }
    }
  });

  it.each([280, 338, 440, 800])("covers all bits by runs and lets no two names overlap at %i px", (width) => {
    for (const from of words) {
      const r = ruler(l, from, width);
      expect(r.runs.reduce((sum, run) => sum + run.hi - run.lo + 1, 0)).toBe(64);
      const labels = r.runs.flatMap((run) => (run.label === null ? [] : [run.label]));
      for (const a of labels) {
        const half = textWidth(a.text, 11.5) / 2;
        expect(a.y).toBeLessThanOrEqual(r.height);
        for (const b of labels) {
          if (a === b || a.y !== b.y) continue;
          expect(Math.abs(a.x - b.x)).toBeGreaterThanOrEqual(half + textWidth(b.text, 11.5) / 2 - 0.01);
        }
        for (const b of labels) {
          const leader = b.leader;
          if (leader === null || b === a) continue;
          const crosses = leader.y1 < a.y - 9 && leader.y2 > a.y && Math.abs(leader.x - a.x) < half;
          expect(crosses).toBe(false);
        }
      }
    }
  });
});

describe("bit ruler", () => {
  it("names a field in each row it lies in, with the bits of that row", () => {
    const labels = ruler(PAGE, 0, 440).runs.filter((r) => r.field.name === "OAB");
    expect(labels.map((r) => r.label?.text)).toEqual(["OAB [47:32]", "OAB [31:12]"]);
  });

  it("names most fields of a crowded word at the width of a pane", () => {
    const runs = ruler(STE, 128, 416).runs.filter((r) => r.field.form !== "reserved");
    const named = runs.filter((r) => r.label !== null);
    expect(named.length / runs.length).toBeGreaterThan(0.6);
  });

  it("has rows of 16 bits where asked", () => {
    const r = ruler(PAGE, 0, 300, 16);
    expect(new Set(r.bits.map((b) => b.y)).size).toBe(4);
  });
});
