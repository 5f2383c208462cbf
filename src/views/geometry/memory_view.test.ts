import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MEMORY_END, narrowest, nextRange, ROW_BYTES, viewFrom, viewWith } from "./memory_view.ts";

const addresses = fc.bigInt({ min: 0n, max: MEMORY_END - 8n }).map((a) => a & ~7n);
const rows = fc.integer({ min: 1, max: 80 });

describe("The view of memory", () => {
  it("stays within 2^52 bytes and begins at a row, wherever it is sent", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -1n << 60n, max: 1n << 60n }), rows, (at, n) => {
        const top = viewFrom(at, n);
        expect(top % ROW_BYTES).toBe(0n);
        expect(top).toBeGreaterThanOrEqual(0n);
        expect(top + ROW_BYTES * BigInt(n)).toBeLessThanOrEqual(MEMORY_END);
      }),
    );
  });

  it("has what it is asked to show in it, and does not move for what it has", () => {
    fc.assert(
      fc.property(addresses, addresses, rows, (start, at, n) => {
        const top = viewWith(viewFrom(start, n), n, at);
        expect(at).toBeGreaterThanOrEqual(top);
        expect(at + 8n).toBeLessThanOrEqual(top + ROW_BYTES * BigInt(n));
        expect(viewWith(top, n, at)).toBe(top);
      }),
    );
  });
});

describe("Ranges", () => {
  const outer = { from: 0x1000n, to: 0x9000n };
  const inner = { from: 0x2000n, to: 0x2040n };

  it("name an address by the narrowest", () => {
    expect(narrowest([outer, inner], 0x2008n)).toBe(inner);
    expect(narrowest([inner, outer], 0x2040n)).toBe(outer);
    expect(narrowest([inner, outer], 0x9000n)).toBeNull();
  });

  it("are gone through in order, whatever order they come in", () => {
    expect(nextRange([inner, outer], 0x0n, 1)).toBe(0x1000n);
    expect(nextRange([inner, outer], 0x1000n, 1)).toBe(0x2000n);
    expect(nextRange([inner, outer], 0x2008n, -1)).toBe(0x2000n);
    expect(nextRange([inner, outer], 0x2000n, 1)).toBeNull();
  });
});
