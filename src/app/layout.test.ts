import { describe, expect, it } from "vitest";
import {
  type Arrangement,
  PANES,
  type PaneId,
  PRESETS,
  panesOf,
  presetLayout,
  presetWith,
  withoutPanes,
} from "./layout.ts";

const ids = (of: Arrangement): string[] =>
  typeof of === "string" ? [] : of.parts.flatMap((part) => [part.id, ...ids(part.of)]);

describe("The presets", () => {
  it("show every pane somewhere, none twice in one preset, and name every part once", () => {
    const everywhere = new Set(PRESETS.flatMap((p) => panesOf(p.of)));
    expect([...everywhere].sort()).toEqual(Object.keys(PANES).sort());
    for (const { of } of PRESETS) {
      const panes = panesOf(of);
      expect(new Set(panes).size).toBe(panes.length);
      const names = ids(of);
      expect(new Set(names).size).toBe(names.length);
    }
  });

  it("give a part of each division the room that is left", () => {
    const check = (of: Arrangement): void => {
      if (typeof of === "string") return;
      expect(of.parts.filter((p) => p.size === undefined).length).toBeGreaterThan(0);
      for (const part of of.parts) check(part.of);
    };
    for (const { of } of PRESETS) check(of);
  });
});

describe("Closing panes", () => {
  it("leaves exactly the others, in order, without divisions of one part", () => {
    const of = presetLayout("walk");
    const all = panesOf(of);
    for (let mask = 0; mask < 1 << all.length; mask++) {
      const closed = all.filter((_, i) => (mask >> i) & 1);
      const left = withoutPanes(of, closed);
      expect(left === null ? [] : panesOf(left)).toEqual(all.filter((p) => !closed.includes(p)));
      const single = (a: Arrangement): boolean =>
        typeof a !== "string" && (a.parts.length < 2 || a.parts.some((p) => single(p.of)));
      expect(left !== null && single(left)).toBe(false);
    }
  });

  it("finds a pane in the open preset first", () => {
    expect(presetWith("events", "walk")).toBe("walk");
    expect(presetWith("timeline", "walk")).toBe("software");
    expect(presetWith("notes", "software")).toBe("software");
    expect(presetWith("notes", "walk")).toBe("teach");
    expect(presetWith("maps" satisfies PaneId, "walk")).toBe("tables");
  });
});
