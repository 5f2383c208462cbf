import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readAddress } from "./address_input.ts";

describe("A typed address", () => {
  it.each([
    ["0x11f80", 0x11f80n],
    ["11F80", 0x11f80n],
    [" 0xffff_ffff 8000'1010 ", 0xffff_ffff_8000_1010n],
    ["0000000000000000000000001", 1n],
    ["0X0", 0n],
  ])("%s is read", (text, value) => {
    expect(readAddress(text)).toEqual({ type: "address", value });
  });

  it("names what is no digit, and too many digits", () => {
    expect(readAddress("0x12g4")).toEqual({ type: "wrong", why: "“g” is no hexadecimal digit." });
    expect(readAddress("12345678123456781")).toMatchObject({
      type: "wrong",
      why: expect.stringContaining("17 digits"),
    });
  });

  it("is nothing while the box is empty or holds only 0x", () => {
    expect(readAddress("  ")).toEqual({ type: "empty" });
    expect(readAddress("0x")).toEqual({ type: "empty" });
  });

  it("any 64-bit value comes back, seed 20261", () => {
    const values = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
    const back = fc.property(values, (value) => {
      expect(readAddress(`0x${value.toString(16)}`)).toEqual({ type: "address", value });
    });
    fc.assert(back, { seed: 20261 });
  });

  it("no text throws, seed 20262", () => {
    const any = fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(["address", "empty", "wrong"]).toContain(readAddress(text).type);
    });
    fc.assert(any, { seed: 20262 });
  });
});
