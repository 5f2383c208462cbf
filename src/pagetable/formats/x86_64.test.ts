import { describe, expect, it } from "vitest";
import { Kind } from "../format.ts";
import { Cursor, WalkEnd, walk } from "../walk.ts";
import { X86Denied, x86Format } from "./x86_64.ts";

const PS = 1 << 7;

describe.each([4, 5] as const)("x86-64 tables with %i levels", (levels) => {
  const fmt = x86Format(levels, true);

  it("has pages of 4 KiB, 2 MiB and 1 GiB", () => {
    const kinds = Array.from({ length: levels }, (_, level) => [fmt.kindOf(1, 0, level), fmt.kindOf(1 | PS, 0, level)]);
    expect(kinds.slice(0, 3)).toEqual([
      [Kind.Leaf, Kind.Leaf],
      [Kind.Table, Kind.Leaf],
      [Kind.Table, Kind.Leaf],
    ]);
    for (const top of kinds.slice(3)) expect(top).toEqual([Kind.Table, Kind.Reserved]);
    expect(fmt.kindOf(0, -1, 1)).toBe(Kind.Empty);
    expect(x86Format(levels, false).kindOf(1 | PS, 0, 2)).toBe(Kind.Reserved);
  });

  it("wants the address bits inside a large page clear, its PAT bit apart", () => {
    for (let bit = 12; bit < 32; bit++) {
      const want = (from: number): number => (bit > 12 && bit < from ? Kind.Reserved : Kind.Leaf);
      expect([bit, fmt.kindOf(1 | PS | (1 << bit), 0, 1)]).toEqual([bit, want(21)]);
      expect([bit, fmt.kindOf(1 | PS | (1 << bit), 0, 2)]).toEqual([bit, want(30)]);
    }
  });

  it("gathers what each level denies", () => {
    const entries = [
      [0b001, 0],
      [0b111, -1 << 31],
      [0b011, 0],
      [0b111, 0],
      [0b111, 0],
    ] as const;
    const c = new Cursor(1);
    c.level = 2;
    c.rootMask = 511;
    const reader = {
      read: (at: Cursor) => {
        [at.lo, at.hi] = entries[at.level]!;
        return true;
      },
    };
    expect(walk(fmt, reader, c, null)).toBe(WalkEnd.Leaf);
    expect(c.inherited).toBe(X86Denied.User | X86Denied.Execute);
  });
});
