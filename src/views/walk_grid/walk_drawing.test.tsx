import { renderToStaticMarkup } from "react-dom/server";
import { describe, expect, it } from "vitest";
import type { WalkAnswer } from "../../protocol/engine.ts";
import { traceSteps, walkStages } from "../common/walk_reading.ts";
import { layoutWalk } from "../geometry/walk_layout.ts";
import { walkModel } from "../geometry/walk_model.ts";
import * as sample from "./sample_walks.ts";
import { WalkDrawing } from "./WalkDrawing.tsx";
import type { WalkView } from "./walk_view.ts";

interface Look {
  readonly width: number;
  readonly height: number;
  readonly configOpen?: boolean;
  readonly view?: Partial<WalkView>;
}

/** The drawing of an answer as markup. */
function draw(answer: WalkAnswer, look: Look): string {
  const steps = traceSteps(answer);
  const model = walkModel(steps, walkStages(answer));
  const strips = (model.stage1 === null ? 0 : 1) + (model.stage2 === null ? 0 : 1);
  const layout = layoutWalk(model, { ...look, strips, configOpen: look.configOpen ?? false });
  const current = steps.findLast((s) => s.access > 0 || s.kind === "Check")?.record ?? null;
  const none = new Set<number>();
  const view = { shown: steps.length, current, selected: null, cursor: null, linked: none, edited: none, ...look.view };
  const sizeLg2 = answer.outcome.type === "ok" ? answer.outcome.sizeLg2 : null;
  const markup = renderToStaticMarkup(
    <WalkDrawing
      steps={steps}
      model={model}
      layout={layout}
      view={view}
      arch={answer.arch}
      iova={answer.access.iova}
      sizeLg2={sizeLg2}
    />,
  );
  // A line for each element, but none inside text, where it would show as a space.
  return `${markup.replaceAll(/>(?=<(?!\/?tspan|\/text))/g, ">\n")}\n`;
}

const GOLDEN: readonly (readonly [string, () => WalkAnswer, Look])[] = [
  ["nested_4x4", sample.nestedOk, { width: 780, height: 470 }],
  ["nested_4x4_config_open", sample.nestedOk, { width: 1180, height: 640, configOpen: true, view: { selected: 8 } }],
  ["nested_4x4_phone", sample.nestedOk, { width: 370, height: 470 }],
  ["nested_stage_2_fault_on_stage_1_table", sample.nestedTableFault, { width: 780, height: 470 }],
  [
    "nested_halfway",
    sample.nestedOk,
    { width: 780, height: 470, view: { shown: 16, current: 15, edited: new Set([11]), linked: new Set([9, 14]) } },
  ],
  ["stage_1_only", sample.stageOneOnly, { width: 780, height: 470 }],
  ["stage_2_only_concatenated", sample.stageTwoConcatenated, { width: 780, height: 470 }],
  ["nested_blocks", sample.nestedBlocks, { width: 780, height: 470 }],
  ["nested_walk_caches", sample.nestedWalkCaches, { width: 1180, height: 640 }],
  ["nested_tlb_hit", sample.nestedTlbHit, { width: 780, height: 470 }],
  ["nested_64k_52_bits", sample.nestedWide, { width: 736, height: 420 }],
  ["nested_five_levels", sample.nestedDeep, { width: 736, height: 420 }],
  ["bad_ste", sample.badSte, { width: 780, height: 470 }],
  ["cd_fetch_fault", sample.cdFetchFault, { width: 780, height: 470, configOpen: true }],
  ["range_check", sample.rangeCheck, { width: 780, height: 470 }],
  ["unknown_memory", sample.nestedUnknown, { width: 780, height: 470 }],
  ["bypass", sample.bypass, { width: 780, height: 470 }],
];

describe("the drawing of a walk", () => {
  it.each(GOLDEN)("%s looks as it did", async (name, answer, look) => {
    await expect(draw(answer(), look)).toMatchFileSnapshot(`./golden/${name}.golden.svg`);
  });

  it("shows a cell for each access that was made, and draws the same for the same input", () => {
    const answer = sample.nestedTableFault();
    const markup = draw(answer, { width: 900, height: 500 });
    expect(markup.match(/class="cell" data-record/g)).toHaveLength(17 + 3);
    expect(markup.match(/data-verdict="fault"/g)).toHaveLength(1);
    expect(draw(sample.nestedTableFault(), { width: 900, height: 500 })).toBe(markup);
  });

  it("gives away nothing beyond the step position", () => {
    const markup = draw(sample.nestedTableFault(), { width: 900, height: 500, view: { shown: 5, current: 4 } });
    expect(markup).not.toContain('data-verdict="fault" stroke');
    expect(markup).not.toContain("invalid");
    expect(markup).not.toContain("c080");
  });
});
