import { renderToStaticMarkup } from "react-dom/server";
import { describe, expect, it } from "vitest";
import { ARCHITECTURES } from "../../arch/architectures.ts";
import type { OverlapAnswer } from "../../protocol/overlaps.ts";
import { overlapCells, planOverlaps } from "../geometry/overlap_strip.ts";
import { IcicleSvg } from "./IcicleSvg.tsx";
import { lineAccess, lineOf, overlapLines } from "./overlap_list.ts";
import { LANE_PX, overlapShapes } from "./overlap_shapes.ts";
import { contextText, laneText } from "./overlap_text.ts";

/** A doorbell page that three devices write to, a buffer that one of them may only read, and a page at many addresses. */
const ANSWER: OverlapAnswer = {
  revision: 1,
  space: "PA",
  contexts: [
    { sid: 0x10, ssid: null },
    { sid: 0x18, ssid: null },
    { sid: 0x20, ssid: 3 },
  ],
  rows: [
    {
      from: 0x809_0000n,
      to: 0x809_1000n,
      reaches: [
        { context: 0, permissions: 2, count: 1, inputs: [0xffff_f000n] },
        { context: 1, permissions: 2, count: 1, inputs: [0xffff_f000n] },
        { context: 2, permissions: 2, count: 1, inputs: [0xffff_e000n] },
      ],
      reached: 3,
    },
    {
      from: 0x4000_0000n,
      to: 0x4001_0000n,
      reaches: [
        { context: 0, permissions: 3, count: 1, inputs: [0x1_0000n] },
        { context: 1, permissions: 1, count: 1, inputs: [0x8_0000n] },
      ],
      reached: 2,
    },
    {
      from: 0x4001_0000n,
      to: 0x4001_1000n,
      reaches: [{ context: 0, permissions: 7, count: 40, inputs: [0x0n, 0x1000n, 0x2000n, 0x3000n] }],
      reached: 1,
    },
  ],
  ranges: 3,
  bytes: 0x1_2000n,
  truncated: false,
  bypassing: [],
  marks: [],
};

const draw = (width: number, chosen: number): string => {
  const plan = planOverlaps(ANSWER.rows, 6);
  const cells = overlapCells(ANSWER.rows, plan, { from: 0, to: 1, width });
  const shapes = overlapShapes(plan, cells, { width, chosen });
  const markup = renderToStaticMarkup(<IcicleSvg shapes={shapes} width={width} height={plan.lanes.length * LANE_PX} />);
  return `${markup.replaceAll(/>(?=<(?!\/text))/g, ">\n")}\n`;
};

describe("the drawing of overlaps", () => {
  it.each([
    ["overlaps", 600, 1],
    ["overlaps_narrow", 20, -1],
  ] as const)("%s looks as it did", async (name, width, chosen) => {
    await expect(draw(width, chosen)).toMatchFileSnapshot(`./golden/${name}.golden.svg`);
  });
});

describe("the list of overlaps", () => {
  const lines = overlapLines(ANSWER.rows);
  it("has a line for each address that is known, and counts the rest", () => {
    expect(lines.map(({ row, first, more }) => [row, first, more])).toEqual([
      [0, true, 0],
      [0, false, 0],
      [0, false, 0],
      [1, true, 0],
      [1, false, 0],
      [2, true, 0],
      [2, false, 0],
      [2, false, 0],
      [2, false, 36],
    ]);
  });
  it("leads to an access that its rights allow, and is found by it", () => {
    expect(lineAccess(ANSWER, lines[2]!)).toMatchObject({ sid: 0x20, ssid: 3, iova: 0xffff_e000n, write: true });
    expect(lineAccess(ANSWER, lines[4]!)).toMatchObject({
      sid: 0x18,
      iova: 0x8_0000n,
      write: false,
      instruction: false,
    });
    for (const [i, line] of lines.entries()) {
      expect(lineOf(ANSWER, lines, { ...lineAccess(ANSWER, line), iova: line.input + 0xfffn })).toBe(i);
    }
    expect(lineOf(ANSWER, lines, null)).toBe(-1);
  });
  it("says whose a line is", () => {
    expect(contextText(ARCHITECTURES.smmuv3, ANSWER, 2)).toBe("SID 0x20, SSID 0x3");
    expect([0, 2].map((n) => laneText(ARCHITECTURES.smmuv3, ANSWER, n))).toEqual(["SID 0x10", "0x20 SSID 0x3"]);
  });
});
