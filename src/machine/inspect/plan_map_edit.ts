/** A change to the tables of a context, for everybody who uses them. */
import type { PhysicalMemory } from "../../engine/memory/physical_memory.ts";
import type { MapEdit, MapPlan } from "../../protocol/map_edit.ts";
import type { UnitInspection } from "../unit.ts";
import { heldRanges, mappedRanges } from "./free_ranges.ts";
import { planEdit } from "./map_edit.ts";
import { type ContextTables, stageSource, tablesId } from "./table_source.ts";
import type { Upkeep } from "./upkeep.ts";

const PAGE_BYTES = 4096n;
/** Most streams that are asked whether they use the tables that change. */
const MAX_STREAMS = 256;

type Contexts = Pick<UnitInspection, "streams" | "tables">;

/** What software would do to change a table, or a sentence where it cannot. */
export function planMapEdit(
  inspect: Contexts & Pick<UnitInspection, "owners">,
  memory: PhysicalMemory,
  { sid, ssid, stage, change }: MapEdit,
): Pick<MapPlan, "actions" | "freed" | "bigEndian"> | string {
  const tables = inspect.tables(sid, ssid);
  const source = stageSource(tables, stage);
  if (source === null) return "The context does not use tables of that stage.";
  const upkeep = tables.upkeep(stage);
  if (upkeep === null) return "The format of these tables is not known.";
  const owned = [...inspect.owners()];
  const isFree = (at: number): boolean =>
    owned.every(({ from, to }) => BigInt(at) + PAGE_BYTES <= from || BigInt(at) >= to);
  const beneath = stage === 1 ? stageSource(tables, 2) : null;
  const ranges = () => (beneath === null ? heldRanges(memory) : mappedRanges(beneath));
  const users = othersOf(inspect, tables, { sid, ssid }, stage);
  return planEdit(source, [upkeep, ...users], change, { ranges, isFree });
}

/** How the tables of a stage are kept for the other contexts that use them. */
function othersOf(
  inspect: Contexts,
  tables: ContextTables,
  chosen: Pick<MapEdit, "sid" | "ssid">,
  stage: 1 | 2,
): Upkeep[] {
  const id = tablesId(tables, stage);
  const contexts = inspect
    .streams([], new Map())
    .slice(0, MAX_STREAMS)
    .flatMap(({ sid, ssids }) => [null, ...ssids].map((ssid) => ({ sid, ssid })));
  return contexts.flatMap(({ sid, ssid }) => {
    if (sid === chosen.sid && ssid === chosen.ssid) return [];
    const other = inspect.tables(sid, ssid);
    const upkeep = tablesId(other, stage) === id ? other.upkeep(stage) : null;
    return upkeep === null ? [] : [upkeep];
  });
}
