import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ringOffsets } from "./ring_offsets.ts";

describe("Offsets of a ring", () => {
  it("go from head to tail, round the end", () => {
    expect(ringOffsets(96, 32, 128, 32)).toEqual([96, 0]);
    expect(ringOffsets(64, 64, 128, 32)).toEqual([]);
  });

  it("are those of records, at most one round, whatever the indexes are", () => {
    fc.assert(
      fc.property(fc.nat(0xffff_ffff), fc.nat(0xffff_ffff), (head, tail) => {
        const offsets = ringOffsets(head, tail, 4096, 16);
        expect(offsets.length).toBeLessThan(256);
        expect(offsets.every((at) => at % 16 === 0 && at < 4096)).toBe(true);
      }),
    );
  });
});
