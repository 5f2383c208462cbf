/**
 * The address strips of a walk: IOVA for stage 1, and the IPA that stage 2 is translating at the current step.
 */
import { addressFields, bitsToDraw, placeFields } from "../geometry/address_strip.ts";
import { LAST_LEVEL, type StageShape } from "../geometry/trace_step.ts";
import { AddressStripView } from "./AddressStripView.tsx";
import type { WalkDrawingProps } from "./WalkDrawing.tsx";
import { currentIpa, focusStep } from "./walk_view.ts";

interface StripOf {
  readonly name: string;
  readonly hue: "s1" | "s2";
  readonly shape: StageShape;
  readonly address: bigint | null;
  readonly hot: number | null;
  readonly leafLevel: number;
}

export function Strips({ steps, model, layout, view, iova }: WalkDrawingProps) {
  const { stage1, stage2 } = model;
  const focus = focusStep(steps, view);
  const leaf = (stage: 1 | 2, row: number | null): number =>
    steps.find((s) => s.stage === stage && s.leaf && (row === null || s.row === row))?.level ?? LAST_LEVEL;
  const strips: StripOf[] = [];
  if (stage1 !== null) {
    const hot =
      focus !== null && focus.phase === "table" && focus.kind === "Descriptor" ? stage1.startLevel + focus.row : null;
    strips.push({ name: "IOVA", hue: "s1", shape: stage1, address: iova, hot, leafLevel: leaf(1, null) });
  }
  if (stage2 !== null) {
    const same = stage1 === null && !model.stage1Unread;
    const ipa = same ? iova : currentIpa(steps, focus, true);
    const hot = focus?.stage === 2 && focus.kind === "Descriptor" ? focus.level : null;
    const name = same ? "IOVA = IPA" : "IPA";
    const leafLevel = focus === null || focus.phase === "config" ? LAST_LEVEL : leaf(2, focus.row);
    strips.push({ name, hue: "s2", shape: stage2, address: ipa, hot, leafLevel });
  }
  const top = Math.max(0, ...strips.map((s) => bitsToDraw(s.address ?? 0n, s.shape.inputBits)));
  return (
    <>
      {layout.strips.map((place, i) => {
        const strip = strips[i];
        if (strip === undefined) return null;
        const fields = addressFields(strip.address ?? 0n, { ...strip.shape, leafLevel: strip.leafLevel, topBits: top });
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
          />
        );
      })}
    </>
  );
}
