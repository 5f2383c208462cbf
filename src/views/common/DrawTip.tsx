/**
 * A tooltip of a drawing: below the shape it explains, above it where there is no room. Readers of the screen have the
 * table behind the drawing instead.
 */
import { type ReactNode, useLayoutEffect, useRef, useState } from "react";

/** Where the explained shape stands in the window. */
export type TipBox = Pick<DOMRect, "left" | "top" | "bottom">;

const AWAY = 6;

export function DrawTip({ box, children }: { readonly box: TipBox; readonly children: ReactNode }) {
  const ref = useRef<HTMLDivElement>(null);
  const [place, setPlace] = useState<{ left: number; top: number } | null>(null);
  useLayoutEffect(() => {
    const tip = ref.current;
    if (tip === null) return;
    const { width, height } = tip.getBoundingClientRect();
    const below = box.bottom + AWAY;
    const top = below + height > window.innerHeight - 4 ? box.top - AWAY - height : below;
    setPlace({ left: Math.max(4, Math.min(box.left, window.innerWidth - width - 8)), top: Math.max(4, top) });
  }, [box]);
  const style = place ?? { left: box.left, top: box.bottom + AWAY };
  return (
    <div
      ref={ref}
      className="draw-tip"
      style={{ ...style, visibility: place === null ? "hidden" : "visible" }}
      aria-hidden="true"
    >
      {children}
    </div>
  );
}
