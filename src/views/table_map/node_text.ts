/**
 * What a node of a table map says.
 */
import type { ArchitectureFacts } from "../../arch/architecture_facts.ts";
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

const capital = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}`;

/** A name for the node, for tooltips and readers. */
export function nodeName(facts: ArchitectureFacts, map: TableMapColumns, i: number): string {
  const own = nodeLevel(map, i);
  const level = facts.levelName(map.stage, own);
  switch (map.kind[i]) {
    case MapNodeKind.Table:
      return `${capital(level)} table`;
    case MapNodeKind.Leaves:
      return `${facts.fromLeaf(own) === 0 ? "Page" : "Block"}${map.used[i] === 1 ? "" : "s"} of ${level}`;
    case MapNodeKind.Bad:
      return `Bad entr${map.used[i] === 1 ? "y" : "ies"} of a ${level} table`;
    default:
      return `Table not in the session, pointed to from ${level}`;
  }
}

/** Rows of a tooltip: what, and how much. */
export function nodeFacts(
  facts: ArchitectureFacts,
  map: TableMapColumns,
  i: number,
): readonly (readonly [string, string | bigint])[] {
  const { from, to } = nodeRange(map, i);
  const input = map.stage === 1 ? "IOVA" : "IPA";
  const rows: [string, string | bigint][] = [
    [`${input} from`, from],
    [`${input} to`, to - 1n],
  ];
  if (map.kind[i] === MapNodeKind.Table) {
    rows.push(["Table at", nodeTarget(map, i)], ["In use", `${map.used[i]} of ${entriesPerTable(map)} entries`]);
  } else if (map.kind[i] === MapNodeKind.Leaves) {
    rows.push(
      ["Maps", runText(map, i)],
      ["First output", nodeTarget(map, i)],
      ["Allows", `${permissionText(map.permissions[i]!)}${map.permissions[i]! & CONTIGUOUS ? ", contiguous run" : ""}`],
    );
  } else {
    const reason = facts.reasons[map.reason[i]!];
    rows.push([map.kind[i] === MapNodeKind.Bad ? "Address" : "Entry at", nodeTarget(map, i)]);
    if (reason !== undefined && reason.text !== "" && map.reason[i] !== 0)
      rows.push(["Why", `${reason.text} ${reason.section}`]);
  }
  return rows;
}
