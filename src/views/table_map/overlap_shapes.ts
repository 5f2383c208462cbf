/** The overlap strip as plain shapes: a cell for each context that reaches a range, with its rights as in the maps. */
import type { OverlapStripPlan, overlapCells } from "../geometry/overlap_strip.ts";
import { fitText } from "../geometry/text_fit.ts";
import { permissionBar, rect, type Shape } from "./icicle_shapes.ts";

export const LANE_PX = 18;
const CELL_PX = 15;

interface OverlapLook {
  readonly width: number;
  /** The range that is chosen, -1 for none. */
  readonly chosen: number;
}

export function overlapShapes(
  plan: OverlapStripPlan,
  cells: ReturnType<typeof overlapCells>,
  { width, chosen }: OverlapLook,
): Shape[] {
  const lines = plan.lanes.map((_, lane) => rect(0, lane * LANE_PX + LANE_PX / 2, width, 0.5, { fill: "line-2" }));
  const drawn = cells.flatMap(({ lane, first, count, x, width: whole, permissions, ways }): Shape[] => {
    const y = lane * LANE_PX + 1.5;
    const inner = whole > 6 ? whole - 2 : Math.max(1, whole - 0.5);
    const bar: Shape[] = [];
    permissionBar(bar, permissions, x + 1, y + CELL_PX - 5, Math.max(0.5, inner - 2), "pa");
    const text = ways > 1 ? fitText([`×${ways} ways`, `×${ways}`], inner - 8, 11.5) : "";
    const words: Shape[] =
      text === "" ? [] : [{ type: "text", x: x + 4, y: y + 9, text, token: "text-2", anchor: "start" }];
    const ring = chosen >= first && chosen < first + count ? [rect(x - 1, y - 1, inner + 2, CELL_PX + 2, RING)] : [];
    return [rect(x, y, inner, CELL_PX, { fill: "pa-wash", stroke: "pa", opacity: 0.6 }), ...bar, ...words, ...ring];
  });
  return [...lines, ...drawn];
}

const RING = { stroke: "select", lineWidth: 2 } as const;
