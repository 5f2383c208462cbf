/**
 * The address strips of a walk: IOVA for stage 1, and the IPA that stage 2 is translating at the current step.
 */
import { addressFields, bitsToDraw, placeFields } from "../geometry/address_strip.ts";
import type { StageShape, TraceStep } from "../geometry/trace_step.ts";
import { AddressStripView } from "./AddressStripView.tsx";
import { levelShort } from "./stage_words.ts";
import type { WalkDrawingProps } from "./WalkDrawing.tsx";
import { currentIpa, focusStep } from "./walk_view.ts";

interface StripOf {
  readonly name: string;
  readonly hue: "s1" | "s2";
  readonly shape: StageShape;
  readonly address: bigint | null;
  readonly hot: number | null;
  readonly leafHeight: number;
  readonly stage: 1 | 2;
}

/** Height of the stage-1 table that a step of a row has to do with: its own, or the one stage 2 was walked to reach. */
function stageOneHeight(steps: readonly TraceStep[], focus: TraceStep): number | undefined {
  const own = steps.filter((s) => s.phase === "table" && s.stage === 1 && s.kind === "Descriptor");
  const next = own.find((s) => s.record >= focus.record)?.height;
  // The walk ended on the way to the table below the last one that was read.
  const last = own.at(-1)?.height;
  return next ?? (last === undefined ? undefined : last - 1);
}

export function Strips({ steps, model, layout, view, arch, iova }: WalkDrawingProps) {
  const { stage1, stage2 } = model;
  const focus = focusStep(steps, view);
  const leaf = (stage: 1 | 2, row: number | null): number =>
    steps.find((s) => s.stage === stage && s.leaf && (row === null || s.row === row))?.height ?? 0;
  const strips: StripOf[] = [];
  if (stage1 !== null) {
    const hot =
      focus !== null && focus.phase === "table" && focus.kind === "Descriptor"
        ? (stageOneHeight(steps, focus) ?? stage1.startHeight)
        : null;
    strips.push({ name: "IOVA", hue: "s1", shape: stage1, address: iova, hot, leafHeight: leaf(1, null), stage: 1 });
  }
  if (stage2 !== null) {
    const same = stage1 === null && !model.stage1Unread;
    const ipa = same ? iova : currentIpa(steps, focus, true);
    const hot = focus?.stage === 2 && focus.kind === "Descriptor" ? focus.height : null;
    const name = same ? "IOVA = IPA" : "IPA";
    const leafHeight = focus === null || focus.phase === "config" ? 0 : leaf(2, focus.row);
    strips.push({ name, hue: "s2", shape: stage2, address: ipa, hot, leafHeight, stage: 2 });
  }
  const top = Math.max(0, ...strips.map((s) => bitsToDraw(s.address ?? 0n, s.shape.inputBits)));
  return (
    <>
      {layout.strips.map((place, i) => {
        const strip = strips[i];
        if (strip === undefined) return null;
        const shape = { ...strip.shape, leafHeight: strip.leafHeight, topBits: top };
        const fields = addressFields(strip.address ?? 0n, shape);
        return (
          <AddressStripView
            key={strip.name}
            name={strip.name}
            hue={strip.hue}
            address={strip.address}
            strip={placeFields(fields, place.x, place.width)}
            labelX={layout.labelX}
            labelWidth={layout.left - layout.labelX - 6}
            y={place.y}
            hot={strip.hot}
            levelName={(height) => levelShort(arch, strip.stage, height)}
          />
        );
      })}
    </>
  );
}
