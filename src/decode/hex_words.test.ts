import { describe, expect, it } from "vitest";
import { decode } from "./decode.ts";
import { findHexWords } from "./hex_words.ts";

const WORDS = [0x0000_0042_0000_0010n, 0x0000_0208_0000_0000n, 0x0000_0000_1234_5680n, 0n];
const pad = (w: bigint) => w.toString(16).padStart(16, "0");
const halves = (w: bigint) => [pad(w).slice(8), pad(w).slice(0, 8)];
const bytes = (w: bigint) => pad(w).match(/../g)!.reverse();

const SHAPES: readonly (readonly [string, string])[] = [
  ["four words on a line", WORDS.map((w) => `0x${pad(w)}`).join(" ")],
  ["words without 0x", WORDS.map(pad).join("\n")],
  ["commas and braces", `{ ${WORDS.map((w) => `0x${pad(w)}ULL`).join(", ")} }`],
  ["short words", WORDS.map((w) => `0x${w.toString(16)}`).join(" ")],
  [
    "eight 32-bit words",
    WORDS.flatMap(halves)
      .map((h) => `0x${h}`)
      .join(" "),
  ],
  ["eight 32-bit words without 0x", WORDS.flatMap(halves).join(" ")],
  [
    "gdb x/4gx",
    `0xffff800010001000:\t0x${pad(WORDS[0]!)}\t0x${pad(WORDS[1]!)}\n0xffff800010001010:\t0x${pad(WORDS[2]!)}\t0x${pad(WORDS[3]!)}`,
  ],
  [
    "crash rd",
    `ffff800010001000:  ${pad(WORDS[0]!)} ${pad(WORDS[1]!)}   ....B...........\nffff800010001010:  ${pad(WORDS[2]!)} ${pad(WORDS[3]!)}   .V4.............`,
  ],
  [
    "hexdump -C",
    `00000000  ${bytes(WORDS[0]!).join(" ")}  ${bytes(WORDS[1]!).join(" ")}  |....B...........|\n00000010  ${bytes(WORDS[2]!).join(" ")}  ${bytes(WORDS[3]!).join(" ")}  |.V4.............|`,
  ],
  ["labels", WORDS.map((w, i) => `evt[${i}] = 0x${pad(w)};`).join("\n")],
  ["a title and a comment", `event record:\n# from the queue\n${WORDS.map((w) => `0x${pad(w)}`).join("\n")}`],
];

describe("findHexWords", () => {
  it.each(SHAPES)("reads %s", (_name, text) => {
    expect(findHexWords(text)?.words).toEqual(WORDS);
  });

  it.each(SHAPES)("and decode makes an event of %s", (_name, text) => {
    const { entries } = decode(text);
    expect(entries).toMatchObject([
      { type: "smmuv3-event", event: "0x10", sid: "0x42", rnw: "read", input_addr: "0x12345680", from: "hex words" },
    ]);
  });

  it("takes the hint of a label", () => {
    expect(findHexWords("STE: 0x1 0x0")?.hint).toBe("ste");
    expect(findHexWords("cd[0] = 0x0000000080000000")?.hint).toBe("cd");
  });

  it.each([
    "",
    "plain prose",
    "0x10",
    "hello 0x0000004200000010",
    "1 2 3 4",
    "face cafe",
    "Arg1: 0000000000000026, IOMMU detected DMA violation.",
    "0x0000004200000010 0x0000004200000010 and more",
  ])("refuses %j", (text) => {
    expect(findHexWords(text)).toBeNull();
  });

  it("keeps source lines of words", () => {
    expect(findHexWords("\n0x0000004200000010\n\n0x0000000000000001")?.lines).toEqual([2, 4]);
  });
});

describe("words that stand alone", () => {
  it("are all records of a queue where each is plausible, empty slots passed over", () => {
    const queue = [...WORDS, 0n, 0n, 0n, 0n, 0x0000_0100_0000_0007n, 0n, 0n, 0n];
    const { entries } = decode(queue.map((w) => `0x${pad(w)}`).join("\n"));
    expect(entries.map((e) => "name" in e && e.name)).toEqual(["F_TRANSLATION", "F_TRANSL_FORBIDDEN"]);
  });

  it.each([
    ["a reserved number", 0x0000_0042_0000_0030n],
    ["set bits that every record has clear", 0x0000_0042_0000_0310n],
  ])("are no event with %s", (_name, first) => {
    const r = decode([first, 0n, 0n, 0n].map((w) => `0x${pad(w)}`).join(" "));
    expect(r.entries).toEqual([]);
    expect(r.dump?.words).toHaveLength(4);
  });

  it("offer an STE or a CD for eight words", () => {
    const r = decode(`0x${pad(0x80000000n)} ${"0x0000000000000000 ".repeat(7)}`);
    expect(r.entries).toEqual([]);
    expect(r.dump?.kinds[0]).toBe("cd");
  });
});
