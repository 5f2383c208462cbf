import { renderToStaticMarkup } from "react-dom/server";
import { describe, expect, it } from "vitest";
import { LANES } from "../../app/action_lanes.ts";
import { laneMarks } from "../geometry/lane_marks.ts";
import { LaneDrawing } from "./LaneDrawing.tsx";

function draw(count: number, view: { readonly from: number; readonly to: number }, step: number): string {
  const lanes = Uint8Array.from({ length: count }, (_, i) => (i * 7 + (i >> 3)) % LANES.length);
  const marks = laneMarks(lanes, { width: 600, view, lanes: LANES.length });
  const markup = renderToStaticMarkup(
    <LaneDrawing
      marks={marks}
      width={600}
      height={200}
      view={view}
      step={step}
      label={(at) => `action ${at} of a few words`}
      onOpen={() => {}}
    />,
  );
  return `${markup.replaceAll(/>(?=<(?!\/text|\/title))/g, ">\n")}\n`;
}

describe("the drawing of lanes", () => {
  it.each([
    ["six_actions_with_words", 6, { from: 0, to: 6 }, 4],
    ["part_of_a_long_log", 400, { from: 120.5, to: 160.5 }, 300],
  ] as const)("%s looks as it did", async (name, count, view, step) => {
    await expect(draw(count, view, step)).toMatchFileSnapshot(`./golden/${name}.golden.svg`);
  });

  it("marks where the session stands only where that is in view", () => {
    expect(draw(400, { from: 0, to: 100 }, 50)).toContain("data-playhead");
    expect(draw(400, { from: 0, to: 100 }, 150)).not.toContain("data-playhead");
  });
});
