/**
 * Where an arrow key takes the cursor in a drawing of boxes.
 */
import type { Box } from "../geometry/walk_layout.ts";

/** The record that `key` moves to from `from` (null: nowhere yet), or undefined for a key that moves nothing. */
export function moveCursor(
  boxes: ReadonlyMap<number, readonly Box[]>,
  from: number | null,
  key: string,
): number | undefined {
  const records = [...boxes.keys()].sort((a, b) => a - b);
  const here = from === null ? undefined : boxes.get(from)?.at(-1);
  if (key === "Home") return records[0];
  if (key === "End") return records.at(-1);
  if (key === "ArrowLeft") return here === undefined ? records[0] : (records.findLast((r) => r < from!) ?? from!);
  if (key === "ArrowRight") return here === undefined ? records[0] : (records.find((r) => r > from!) ?? from!);
  if (key !== "ArrowUp" && key !== "ArrowDown") return undefined;
  if (here === undefined) return records[0];
  return nearest(boxes, here, key === "ArrowDown") ?? from!;
}

/** The nearest box above or below, in the closest row and then in the closest column. */
function nearest(boxes: ReadonlyMap<number, readonly Box[]>, here: Box, down: boolean): number | undefined {
  let best: { record: number; dy: number; dx: number } | undefined;
  for (const [record, places] of boxes) {
    for (const box of places) {
      const dy = down ? box.y - here.y : here.y - box.y;
      if (dy <= 0) continue;
      const dx = Math.abs(box.x + box.width / 2 - (here.x + here.width / 2));
      if (best === undefined || dy < best.dy || (dy === best.dy && dx < best.dx)) best = { record, dy, dx };
    }
  }
  return best?.record;
}
