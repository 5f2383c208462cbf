import { describe, expect, it } from "vitest";
import { corrected, type Expected } from "./record_quirks.ts";
import { outcomeText, specificationAnswers } from "./smmuv3_notes.ts";

const record = (...doublewords: bigint[]): Uint8Array => new Uint8Array(BigUint64Array.from(doublewords).buffer);
const ALL = new Uint8Array(32).fill(0xff);
const one = (tags: readonly string[], expected: Expected): Expected => corrected("smmuv3", tags, [expected])[0]!;
const words = (bytes: Uint8Array): string[] => [...new BigUint64Array(bytes.slice().buffer)].map((w) => w.toString(16));

const F_TRANSLATION_TT_S1 = record(0x10n, 0x108_00000000n, 0x1000n, 0xd0000123n);

describe("records of a recorder that departs from IHI 0070", () => {
  it("stay as they are without a tag, and the given arrays always do", () => {
    const expected = { record: F_TRANSLATION_TT_S1, mask: ALL };
    expect(one([], expected)).toMatchObject({ record: F_TRANSLATION_TT_S1, mask: ALL });
    one(["quirk:tt-fault-stage-bit", "quirk:fetch-fault-rnw"], expected);
    expect(words(F_TRANSLATION_TT_S1)[1]).toBe("10800000000");
  });

  it("tt-fault-stage-bit: a fault on a stage 1 table belongs to stage 2", () => {
    const { record: r } = one(["quirk:tt-fault-stage-bit"], { record: F_TRANSLATION_TT_S1, mask: ALL });
    expect(words(r)[1]).toBe("18800000000");
  });

  it("fetch-fault-rnw: the direction of the fetch is not compared, that of an access is", () => {
    const of = (r: Uint8Array) => words(one(["quirk:fetch-fault-rnw"], { record: r, mask: ALL }).mask)[1];
    expect(of(F_TRANSLATION_TT_S1)).toBe("fffffff7ffffffff");
    expect(of(record(0x10n, 0x208_00000000n, 0n, 0n))).toBe("ffffffffffffffff");
  });

  it("ipa-low-bits: bits 11:0 of the IPA are not compared where there is one", () => {
    const of = (r: Uint8Array) => words(one(["quirk:ipa-low-bits"], { record: r, mask: ALL }).mask)[3];
    expect(of(record(0x10n, 0x288_00000000n, 0n, 0n))).toBe("fffffffffffff000");
    expect(of(F_TRANSLATION_TT_S1)).toBe("ffffffffffffffff");
  });

  it("cd-fetch-addr-place: the last two doublewords change places", () => {
    const { record: r } = one(["quirk:cd-fetch-addr-place"], { record: record(9n, 0n, 0x5000n, 0n), mask: ALL });
    expect(words(r)).toEqual(["9", "0", "0", "5000"]);
  });

  it("s1-addr-size-class: an address size fault of stage 1 has CLASS IN", () => {
    const { record: r } = one(["quirk:s1-addr-size-class"], {
      record: record(0x11n, 0x108_00000000n, 0n, 0n),
      mask: ALL,
    });
    expect(words(r)[1]).toBe("20800000000");
  });
});

describe("notes", () => {
  it("name the specification's answers by step", () => {
    const notes =
      "[a] step 11: spec:pa oracle:F_TRANSLATION s2 class2 <concat>; [b] step 13: spec:F_ADDR_SIZE s1 class2 [s1bypass] oracle:none; " +
      "[c] step 15: spec:no event (C_BAD_STREAMID) s1 class2 oracle:C_BAD_STE; [d] step 17: spec:C_BAD_STE s1 class2 [x] oracle:pa; " +
      "[e] step 19: F_TRANSLATION s2 class2 IPA low bits set";
    expect(specificationAnswers(notes)).toEqual([
      { step: 11, answer: "pa" },
      { step: 13, answer: "F_ADDR_SIZE s1 class2" },
      { step: 15, answer: "no event" },
      { step: 17, answer: "C_BAD_STE" },
    ]);
  });

  it("are compared with outcomes in the same words", () => {
    expect(outcomeText(true, [])).toBe("pa");
    expect(outcomeText(false, [])).toBe("no event");
    expect(outcomeText(false, [F_TRANSLATION_TT_S1])).toBe("F_TRANSLATION s1 class1");
    expect(outcomeText(false, [record(4n, 0n, 0n, 0n)])).toBe("C_BAD_STE");
  });
});
