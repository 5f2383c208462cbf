import { describe, expect, it } from "vitest";
import { compareEntries } from "./compare.ts";

const e = (keys: object) => ({ type: "smmuv3-event", ...keys });

describe("compareEntries", () => {
  it("does not mind order or further keys", () => {
    const got = [e({ sid: "0x2", extra: 1 }), e({ sid: "0x1", lines: [1, 5] })];
    expect(compareEntries([e({ sid: "0x1" }), e({ sid: "0x2" })], got)).toEqual({ ok: true, problems: [] });
  });

  it("minds repetition, both ways", () => {
    const one = [e({ sid: "0x1" })];
    const two = [...one, ...one];
    expect(compareEntries(two, one).problems).toEqual(["expected entry 2 (smmuv3-event) was not decoded"]);
    expect(compareEntries(one, two).problems).toEqual(["decoded entry 2 (smmuv3-event) is not expected"]);
  });

  it("takes null and an absent key for the same, and nothing else for null", () => {
    expect(compareEntries([e({ ipa: null })], [e({})]).ok).toBe(true);
    expect(compareEntries([e({ ipa: null })], [e({ ipa: "0x0" })]).ok).toBe(false);
    expect(compareEntries([e({ ssv: false })], [e({ ssv: null })]).ok).toBe(false);
  });

  it("names the first key that differs and both values", () => {
    expect(compareEntries([e({ sid: "0x1", rnw: "read" })], [e({ sid: "0x1", rnw: "write" })]).problems).toEqual([
      'entry 1 (smmuv3-event): rnw is "write", expected "read"',
    ]);
  });

  it("compares lists without regard to order", () => {
    expect(compareEntries([e({ bits: ["a", "b"] })], [e({ bits: ["b", "a"] })]).ok).toBe(true);
    expect(compareEntries([e({ bits: ["a", "a"] })], [e({ bits: ["a", "b"] })]).ok).toBe(false);
  });

  it("finds the assignment where a vague expectation could take the wrong entry", () => {
    const got = [e({ sid: "0x1", rnw: "read" }), e({ sid: "0x1", rnw: "write" })];
    expect(compareEntries([e({ sid: "0x1" }), e({ sid: "0x1", rnw: "read" })], got).ok).toBe(true);
  });

  it("keeps types apart", () => {
    expect(compareEntries([{ type: "refuse" }], [e({})]).ok).toBe(false);
  });
});
