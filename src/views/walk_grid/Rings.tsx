/**
 * Selection, links and the keyboard's cursor, over everything else.
 */
import { recordBoxes, type WalkLayout } from "../geometry/walk_layout.ts";
import type { WalkView } from "./walk_view.ts";

export function Rings({ layout, view }: { readonly layout: WalkLayout; readonly view: WalkView }) {
  const boxes = recordBoxes(layout);
  const ring = (record: number, className: string, away: number) =>
    (boxes.get(record) ?? []).map((b) => (
      <rect
        key={`${className} ${b.x} ${b.y}`}
        className={className}
        x={b.x - away}
        y={b.y - away}
        width={b.width + 2 * away}
        height={b.height + 2 * away}
        rx={2 + away}
        fill="none"
      />
    ));
  return (
    <g className="rings" pointerEvents="none">
      {[...view.linked].filter((r) => r < view.shown).map((r) => ring(r, "ring-linked", 0.5))}
      {view.current !== null && view.selected !== view.current && ring(view.current, "ring-current", 1)}
      {view.selected !== null && ring(view.selected, "ring-selected", 1.5)}
      {view.cursor !== null && ring(view.cursor, "ring-cursor", 4)}
    </g>
  );
}
