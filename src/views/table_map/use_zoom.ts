/**
 * Zooming and panning along x with d3-zoom: wheel, drag and pinch on an element, and calls for keys and buttons.
 */
import { select } from "d3-selection";
import { type D3ZoomEvent, type ZoomBehavior, zoom, zoomIdentity } from "d3-zoom";
import { type RefObject, useEffect, useMemo, useRef, useState } from "react";

/** The part of 0 to 1 in view. */
interface View {
  readonly from: number;
  readonly to: number;
}

export interface Zoom {
  readonly view: View;
  /** Bring a part of 0 to 1 into view. */
  readonly show: (from: number, to: number) => void;
  /** Zoom by a factor about the middle. */
  readonly by: (factor: number) => void;
  /** Pan by a part of the view. */
  readonly pan: (part: number) => void;
  readonly reset: () => void;
}

const WHOLE: View = { from: 0, to: 1 };
const DEEPEST = 1 << 20;

/** `key`: what is shown; a new one starts at the whole. */
export function useZoom(ref: RefObject<HTMLElement | null>, width: number, key: unknown): Zoom {
  const [view, setView] = useState<View>(WHOLE);
  const behavior = useRef<ZoomBehavior<HTMLElement, unknown> | null>(null);

  // biome-ignore lint/correctness/useExhaustiveDependencies: another map starts at the whole.
  useEffect(() => {
    const element = ref.current;
    if (element === null || width <= 0) return;
    const made = zoom<HTMLElement, unknown>()
      .scaleExtent([1, DEEPEST])
      .extent([
        [0, 0],
        [width, 1],
      ])
      .translateExtent([
        [0, Number.NEGATIVE_INFINITY],
        [width, Number.POSITIVE_INFINITY],
      ])
      .on("zoom", (e: D3ZoomEvent<HTMLElement, unknown>) => {
        setView({ from: e.transform.invertX(0) / width, to: e.transform.invertX(width) / width });
      });
    behavior.current = made;
    const target = select(element);
    target.call(made).on("dblclick.zoom", null);
    made.transform(target, zoomIdentity);
    return () => {
      target.on(".zoom", null);
    };
  }, [ref, width, key]);

  return useMemo(() => {
    const go = (from: number, to: number): void => {
      const element = ref.current;
      if (element === null || behavior.current === null) return;
      const span = Math.min(1, Math.max(1 / DEEPEST, to - from));
      const left = Math.max(0, Math.min(1 - span, from));
      const next = zoomIdentity.scale(1 / span).translate(-left * width, 0);
      behavior.current.transform(select(element), next);
    };
    const span = view.to - view.from;
    const middle = (view.from + view.to) / 2;
    return {
      view,
      show: go,
      by: (factor) => go(middle - span / factor / 2, middle + span / factor / 2),
      pan: (part) => go(view.from + part * span, view.to + part * span),
      reset: () => go(0, 1),
    };
  }, [ref, width, view]);
}
