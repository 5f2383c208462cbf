import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CD } from "../../arch/smmuv3/cd.ts";
import { STE } from "../../arch/smmuv3/ste.ts";
import { fieldMask, fieldText, parseField } from "./field_text.ts";

const field = (name: string) => [...STE.fields, ...CD.fields].find((f) => f.name === name)!;

describe("text of a field", () => {
  it("is binary for a few bits and hexadecimal for more", () => {
    expect(fieldText(field("Config"), 5n)).toBe("0b101");
    expect(fieldText(field("S2VMID"), 0x12n)).toBe("0x12");
    expect(fieldText(field("S2R"), 1n)).toBe("1");
  });

  it("reads back as the value, for every field and value", () => {
    const fields = [...STE.fields, ...CD.fields];
    fc.assert(
      fc.property(fc.constantFrom(...fields), fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), (f, seed) => {
        const value = seed & fieldMask(f);
        expect(parseField(f, fieldText(f, value))).toEqual({ ok: true, value });
      }),
    );
  });
});

describe("typed text", () => {
  it("may be hexadecimal without 0x, binary, and have gaps", () => {
    expect(parseField(field("S2VMID"), "ff")).toEqual({ ok: true, value: 0xffn });
    expect(parseField(field("Config"), "0b101")).toEqual({ ok: true, value: 5n });
    expect(parseField(field("TTB0"), "0x4080 3000")).toEqual({ ok: true, value: 0x40803000n });
  });

  it("is refused with the field's width where it does not fit", () => {
    expect(parseField(field("Config"), "8")).toEqual({ ok: false, why: "Config has 3 bits: 0x0 to 0x7." });
    expect(parseField(field("TTB0"), "0x40803008")).toMatchObject({
      ok: false,
      why: expect.stringContaining("bits 55:4"),
    });
  });

  it.each(["", "0x", "xyz", "0b2", "-1", "12345678901234567"])("is refused where it is no number: %j", (text) => {
    expect(parseField(field("S2VMID"), text).ok).toBe(false);
  });
});
