/**
 * What a node of a table map says.
 */
import { REASONS } from "../../arch/smmuv3/reasons.ts";
import { MapNodeKind, type TableMapColumns } from "../../protocol/engine.ts";
import { nodeRange, nodeTarget } from "../geometry/table_map.ts";
import { permissionText, sizeText } from "../translations/leaf_rows.ts";

/** Bit of a run's permissions: its leaves have their Contiguous bit set. */
export const CONTIGUOUS = 8;

/** Level as the architecture numbers it: of the table itself, or of the table that holds the entry. */
export function nodeLevel(map: TableMapColumns, i: number): number {
  return map.level[i]! - 1;
}

/** Entries in one table of the map's granule. */
export function entriesPerTable(map: TableMapColumns): number {
  return 2 ** (map.granuleLg2 - 3);
}

/** log2 of the bytes that one leaf of a run maps. */
export function leafLg2(map: TableMapColumns, run: number): number {
  const { from, to } = nodeRange(map, run);
  const bytes = (to - from) / BigInt(Math.max(1, map.used[run]!));
  return bytes.toString(2).length - 1;
}

/** "8 × 4 KiB", or "2 MiB" for a single leaf. */
export function runText(map: TableMapColumns, run: number): string {
  const size = sizeText(leafLg2(map, run));
  return map.used[run] === 1 ? size : `${map.used[run]} × ${size}`;
}

/** A name for the node, for tooltips and readers. */
export function nodeName(map: TableMapColumns, i: number): string {
  const level = nodeLevel(map, i);
  switch (map.kind[i]) {
    case MapNodeKind.Table:
      return `Level ${level} table`;
    case MapNodeKind.Leaves:
      return `${level === 3 ? "Page" : "Block"}${map.used[i] === 1 ? "" : "s"} of level ${level}`;
    case MapNodeKind.Bad:
      return `Bad entr${map.used[i] === 1 ? "y" : "ies"} of a level ${level} table`;
    default:
      return `Table not in the session, pointed to from level ${level}`;
  }
}

/** Rows of a tooltip: what, and how much. */
export function nodeFacts(map: TableMapColumns, i: number): readonly (readonly [string, string | bigint])[] {
  const { from, to } = nodeRange(map, i);
  const input = map.stage === 1 ? "IOVA" : "IPA";
  const facts: [string, string | bigint][] = [
    [`${input} from`, from],
    [`${input} to`, to - 1n],
  ];
  if (map.kind[i] === MapNodeKind.Table) {
    facts.push(["Table at", nodeTarget(map, i)], ["In use", `${map.used[i]} of ${entriesPerTable(map)} entries`]);
  } else if (map.kind[i] === MapNodeKind.Leaves) {
    facts.push(
      ["Maps", runText(map, i)],
      ["First output", nodeTarget(map, i)],
      ["Allows", `${permissionText(map.permissions[i]!)}${map.permissions[i]! & CONTIGUOUS ? ", contiguous run" : ""}`],
    );
  } else {
    const reason = REASONS[map.reason[i]!];
    facts.push([map.kind[i] === MapNodeKind.Bad ? "Address" : "Entry at", nodeTarget(map, i)]);
    if (reason !== undefined && reason.text !== "" && map.reason[i] !== 0)
      facts.push(["Why", `${reason.text} ${reason.section}`]);
  }
  return facts;
}
