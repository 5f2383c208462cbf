import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addressFields, bitsToDraw, placeFields, type StripShape } from "./address_strip.ts";

const shape = (s: Partial<StripShape>): StripShape => ({
  granuleLg2: 12,
  inputBits: 48,
  startHeight: 3,
  levels: 4,
  leafHeight: 0,
  topBits: 48,
  ...s,
});

const runs = (s: StripShape): string[] => addressFields(0n, s).map((f) => `${f.height ?? f.kind} ${f.hi}:${f.lo}`);

describe("fields of an address", () => {
  it("are four indices and an offset for 48 bits with 4 KiB granules", () => {
    expect(runs(shape({}))).toEqual(["3 47:39", "2 38:30", "1 29:21", "0 20:12", "offset 11:0"]);
  });

  it("have one bit at level 0 with 16 KiB granules", () => {
    const s = shape({ granuleLg2: 14 });
    expect(runs(s)).toEqual(["3 47:47", "2 46:36", "1 35:25", "0 24:14", "offset 13:0"]);
  });

  it("start with a wider index where root tables are concatenated", () => {
    const s = shape({ inputBits: 40, startHeight: 2, topBits: 40 });
    expect(runs(s)).toEqual(["2 39:30", "1 29:21", "0 20:12", "offset 11:0"]);
  });

  it("have a longer offset below a block", () => {
    expect(runs(shape({ leafHeight: 2 }))).toEqual(["3 47:39", "2 38:30", "offset 29:0"]);
  });

  it("say what stands above the input range", () => {
    const above = (a: bigint) => addressFields(a, shape({ inputBits: 39, startHeight: 2 }))[0]?.above;
    expect(above(0x1000n)).toBe("zero");
    expect(above(0xffff_ffff_ffff_f000n)).toBe("ones");
    expect(above(0x0000_8000_0000_0000n)).toBe("mixed");
    // All ones in the strip, but not up to bit 63.
    expect(above(0x0000_ff80_0000_0000n)).toBe("mixed");
  });

  it("cover every bit once and hold the address, for any shape and address", () => {
    const shapes = fc.record({
      granuleLg2: fc.constantFrom(12, 14, 16),
      inputBits: fc.integer({ min: 32, max: 52 }),
      startHeight: fc.integer({ min: 0, max: 4 }),
      leafHeight: fc.integer({ min: 0, max: 2 }),
      topBits: fc.integer({ min: 52, max: 64 }),
    });
    fc.assert(
      fc.property(shapes, fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), (s, address) => {
        const fields = addressFields(address, { ...s, levels: s.startHeight + 1 });
        let next = s.topBits - 1;
        let sum = 0n;
        for (const f of fields) {
          expect(f.hi).toBe(next);
          sum |= f.value << BigInt(f.lo);
          next = f.lo - 1;
        }
        expect(next).toBe(-1);
        expect(sum).toBe(address & ((1n << BigInt(s.topBits)) - 1n));
      }),
    );
  });
});

describe("places of fields", () => {
  const fields = addressFields(0x11f80n, shape({}));

  it("are to scale where a bit has room for its digit", () => {
    const strip = placeFields(fields, 100, 480);
    expect(strip.digits).toBe(false);
    expect(strip.fields.map((f) => [f.x, f.width])).toEqual([
      [100, 90],
      [190, 90],
      [280, 90],
      [370, 90],
      [460, 120],
    ]);
    expect(strip.fields[3]?.bits.map((b) => (b.one ? 1 : 0)).join("")).toBe("000010001");
  });

  it("are boxes side by side where it has not", () => {
    const strip = placeFields(fields, 0, 360);
    expect(strip.digits).toBe(true);
    const last = strip.fields.at(-1)!;
    expect(last.x + last.width).toBeCloseTo(360);
    expect(Math.min(...strip.fields.map((f) => f.width))).toBeGreaterThan(55);
  });
});

describe("bits to draw", () => {
  it("are more where the address does not fit its range, and not where it is sign extended", () => {
    expect(bitsToDraw(0x1_0000_0000_0000n, 48)).toBe(49);
    expect(bitsToDraw(0xffff_ffff_ff01_2345n, 48)).toBe(48);
    expect(bitsToDraw(0x11f80n, 48)).toBe(48);
  });
});
