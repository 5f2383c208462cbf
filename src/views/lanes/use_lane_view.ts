/**
 * The part of a line of lanes that is in view, moved by wheel and keys: the wheel or plus and minus zoom, the wheel with
 * Shift or arrows move, 0 shows all.
 */
import { type KeyboardEvent, type RefObject, useEffect, useState } from "react";
import { type LaneView, within, zoomed } from "../geometry/lane_marks.ts";
import { LANE_END_PX, LANE_LABEL_PX } from "./LaneTicks.tsx";

const MOVES: Readonly<Record<string, number>> = { ArrowLeft: -0.2, ArrowRight: 0.2 };
const ZOOMS: Readonly<Record<string, number>> = { "+": 0.8, "=": 0.8, "-": 1.25 };

interface Plot {
  /** The drawing, to listen to the wheel at. */
  readonly box: RefObject<HTMLElement | null>;
  /** Pixels of it without the labels of lanes. */
  readonly width: number;
  /** Units along the line. */
  readonly length: number;
  /** Lanes may be more than there is room for: the wheel alone scrolls them, with Control it zooms. */
  readonly scrolls: boolean;
  /** What keys zoom around, where it is in view; the middle of the view without. */
  readonly centre?: number;
}

/** Width of the plot of a drawing `whole` pixels wide. */
export const plotWidth = (whole: number | undefined): number => Math.max(0, (whole ?? 0) - LANE_LABEL_PX - LANE_END_PX);

export function useLaneView({ box, width, length, scrolls, centre }: Plot) {
  const [chosen, setView] = useState<LaneView | null>(null);
  const view = within(chosen ?? { from: 0, to: length }, length);
  const span = view.to - view.from;
  const move = (by: number): void => setView(within({ from: view.from + by * span, to: view.to + by * span }, length));
  const zoom = (factor: number, at: number): void => setView(zoomed(view, factor, at, length));

  // React listens to the wheel passively; zooming has to keep the page where it is.
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const onWheel = (event: WheelEvent): void => {
      if (scrolls && !event.ctrlKey && !event.shiftKey) return;
      event.preventDefault();
      const at = view.from + ((event.offsetX - LANE_LABEL_PX) / Math.max(1, width)) * span;
      if (event.shiftKey) move(0.1);
      else zoom(event.deltaY > 0 ? 1.25 : 0.8, at);
    };
    element.addEventListener("wheel", onWheel, { passive: false });
    return () => element.removeEventListener("wheel", onWheel);
  });

  function onKeyDown(event: KeyboardEvent): void {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const [by, factor] = [MOVES[event.key], ZOOMS[event.key]];
    const middle = view.from + span / 2;
    if (by !== undefined) move(by);
    else if (factor !== undefined) zoom(factor, Math.min(view.to, Math.max(view.from, centre ?? middle)));
    else if (event.key === "0") setView(null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
  return { view, zoom, onKeyDown, isWhole: chosen === null, showAll: () => setView(null) };
}
