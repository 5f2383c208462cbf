/**
 * Where an arrow key takes the cursor in a table map: up to the parent, down to the first child, to neighbours of the
 * same row.
 */
import type { TableMapColumns } from "../../protocol/engine.ts";
import type { TableMapPlan } from "../geometry/table_map.ts";

/** The node that `key` moves to from node `from` (null: nowhere yet), or null for a key that moves nothing. */
export function moveInMap(map: TableMapColumns, plan: TableMapPlan, from: number | null, key: string): number | null {
  if (!["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"].includes(key) || map.count === 0) return null;
  if (from === null || from >= map.count || key === "Home") return 0;
  if (key === "End") return map.count - 1;
  if (key === "ArrowUp") return Math.max(0, map.parent[from]!);
  if (key === "ArrowDown") {
    for (let i = from + 1; i < map.count; i++) if (map.parent[i] === from) return i;
    return from;
  }
  const row = plan.row[from]!;
  let best = from;
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < map.count; i++) {
    if (plan.row[i] !== row || i === from) continue;
    const away = key === "ArrowRight" ? plan.from[i]! - plan.from[from]! : plan.from[from]! - plan.from[i]!;
    if (away > 0 && away < least) {
      best = i;
      least = away;
    }
  }
  return best;
}
