import { renderToStaticMarkup } from "react-dom/server";
import { describe, expect, it } from "vitest";
import { composedAddresses } from "../geometry/composed_bits.ts";
import { BitComposition } from "./BitComposition.tsx";

const PASSED = { iova: 0x7f12_3456_7890n, ipa: 0x4056_7890n, pa: 0x1_2056_7890n };
const WORDS = { input: "of the IOVA", "stage 1": "Stage 1 leaf", "stage 2": "Stage 2 leaf" };

function draw(sizes: { readonly stage1: number | null; readonly stage2: number | null }, width: number): string {
  const markup = renderToStaticMarkup(
    <BitComposition addresses={composedAddresses(PASSED, sizes)} width={width} sourceWords={WORDS} />,
  );
  return `${markup.replaceAll(/>(?=<(?!\/?tspan|\/text))/g, ">\n")}\n`;
}

describe("the drawing of where bits come from", () => {
  it.each([
    ["small_over_large", { stage1: 12, stage2: 21 }, 900],
    ["large_over_small", { stage1: 21, stage2: 12 }, 900],
    ["one_stage", { stage1: null, stage2: 30 }, 900],
    ["narrow", { stage1: 12, stage2: 21 }, 340],
  ] as const)("%s looks as it did", async (name, sizes, width) => {
    await expect(draw(sizes, width)).toMatchFileSnapshot(`./golden/bits_${name}.golden.svg`);
  });

  it("has the bits of each source where they are, all within the width", () => {
    const markup = draw({ stage1: 12, stage2: 21 }, 900);
    const of = (address: string): string => markup.slice(markup.indexOf(`data-address="${address}"`));
    expect(
      [...of("PA").matchAll(/data-from="([^"]+)" data-bits="([^"]+)"/g)].map(([, from, bits]) => [from, bits]),
    ).toEqual([
      ["stage 2", "47:21"],
      ["stage 1", "20:12"],
      ["input", "11:0"],
    ]);
    for (const [, x, width] of markup.matchAll(/<rect x="([\d.]+)" y="[\d.]+" width="([\d.]+)"/g)) {
      expect(Number(x) + Number(width)).toBeLessThanOrEqual(900);
    }
  });
});
