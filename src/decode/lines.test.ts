import { describe, expect, it } from "vitest";
import { deviceOf, logLines, stripPrefix } from "./lines.ts";

const MESSAGE = "arm-smmu-v3 2b400000.iommu: event 0x10 received:";

describe("stripPrefix", () => {
  const stamped: readonly string[] = [
    "[   12.345678] ",
    "[12345.678901] ",
    "[   12.345678][  T123] ",
    "[   12.345678] [C2] ",
    "<3>[   12.345678] ",
    "[   12.345678@3] ",
    "[  +0.000012] ",
    "[Mon Nov  3 09:08:07 2025] ",
    "[Nov 3 09:08:07] ",
    "2025-11-03T09:08:07,123456+01:00 ",
    "2025-11-03 09:08:07.123 ",
    "[2025-11-03 09:08:07] ",
    "Nov  3 09:08:07 host kernel: ",
    "Nov 03 09:08:07 host kernel: [   12.345678] ",
    "Mon, Nov 3 09:08:07 host kernel: ",
    "11-03 09:08:07.123  0  0 E ",
    "> [   12.345678] ",
    ">> > | [   12.345678] ",
    "INFO linux_log: [    0.981640] ",
    "12.345678: ",
  ];
  it.each(stamped)("takes %j off and knows that the line was stamped", (prefix) => {
    expect(stripPrefix(prefix + MESSAGE)).toEqual({ text: MESSAGE, stamped: true });
  });

  const plain: readonly string[] = [
    "",
    "> ",
    "  | ",
    "# ",
    "* ",
    '"',
    "- ",
    "kernel: ",
    "kern.err kernel: ",
    "host kernel: ",
  ];
  it.each(plain)("takes %j off a line without a stamp", (prefix) => {
    expect(stripPrefix(prefix + MESSAGE)).toEqual({ text: MESSAGE, stamped: false });
  });

  it("leaves a bracket that is no stamp", () => {
    expect(stripPrefix("[hwprod 0x00000020, hwcons 0x00000001]").text).toBe("[hwprod 0x00000020, hwcons 0x00000001]");
  });
});

describe("logLines", () => {
  const texts = (t: string) => logLines(t).map((l) => l.text);

  it("counts source lines from 1, whatever ends them", () => {
    expect(logLines("a b c\r\nd e f\rg h i\nj k l").map((l) => [l.line, l.text])).toEqual([
      [1, "a b c"],
      [2, "d e f"],
      [3, "g h i"],
      [4, "j k l"],
    ]);
  });

  it("cuts a line in which several messages ran together", () => {
    expect(texts(`[ 1.000001] ${MESSAGE} [ 1.000002] other: text`)).toEqual([MESSAGE, "other: text"]);
    const word = "arm-smmu-v3 2b400000.iommu: 0x0000004200000010";
    expect(texts(`${MESSAGE} ${word} ${word}`)).toEqual([MESSAGE, word, word]);
  });

  it("drops one letter of another program in front of a stamp", () => {
    expect(texts(`Q[  12.345678] ${MESSAGE}`)).toEqual(["Q", MESSAGE]);
  });

  it("reads line breaks written as \\n, colours, entities and hard blanks", () => {
    expect(texts(`${MESSAGE}\\n\\t0x0000004200000010`)).toEqual([MESSAGE, "0x0000004200000010"]);
    expect(texts(`\u001b[31m[ 1.000001]\u001b[0m ${MESSAGE}`)).toEqual([MESSAGE]);
    expect(texts(`&gt; ${MESSAGE}`)).toEqual([MESSAGE]);
    expect(texts("a:\u00a00x1")).toEqual(["a: 0x1"]);
  });
});

describe("deviceOf", () => {
  it("is the last word before the colon", () => {
    expect(deviceOf("arm-smmu-v3 arm-smmu-v3.0.auto:")).toBe("arm-smmu-v3.0.auto");
    expect(deviceOf("no device here")).toBeNull();
  });
});
