import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeBase64Url, encodeBase64Url } from "./base64url.ts";

describe("base64url (RFC 4648 §5)", () => {
  it.each([
    ["", ""],
    ["f", "Zg"],
    ["fo", "Zm8"],
    ["foo", "Zm9v"],
    ["foob", "Zm9vYg"],
    ["fooba", "Zm9vYmE"],
    ["foobar", "Zm9vYmFy"],
    ["\xfb\xff", "-_8"],
  ])("%j is %j", (plain, coded) => {
    const bytes = Uint8Array.from(plain, (c) => c.charCodeAt(0));
    expect(encodeBase64Url(bytes)).toBe(coded);
    expect(decodeBase64Url(coded)).toEqual(bytes);
  });

  it("agrees with the platform's encoder, seed 1", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const coded = encodeBase64Url(bytes);
        expect(coded).toBe(Buffer.from(bytes).toString("base64url"));
        expect(decodeBase64Url(coded)).toEqual(bytes);
      }),
      { seed: 1 },
    );
  });

  it("gives the index of the first character that does not belong, and the end for a length no text can have", () => {
    expect(decodeBase64Url("Zm9v!mFy")).toBe(4);
    expect(decodeBase64Url("Zm9v\u{1f600}")).toBe(4);
    expect(decodeBase64Url("Zm9v+")).toBe(4);
    expect(decodeBase64Url("Zm9vY")).toBe(5);
  });
});
