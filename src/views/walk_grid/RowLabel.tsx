/**
 * The label of a grid row: what it reads, and the address it has to reach once that is known.
 */

import type { Arch } from "../../protocol/machine.ts";
import { SvgGlyph } from "../common/SvgGlyph.tsx";
import { SvgHex } from "../common/SvgHex.tsx";
import { fitText } from "../geometry/text_fit.ts";
import type { PlacedRow, WalkLayout, Wording } from "../geometry/walk_layout.ts";
import type { WalkModel } from "../geometry/walk_model.ts";
import { levelWords, structureShort } from "./stage_words.ts";
import type { WalkView } from "./walk_view.ts";

/** First record of a row, or null where none belongs to it. */
function firstRecord(row: PlacedRow): number | null {
  const cell = row.cells
    .map((c) => c.cell)
    .find((c) => c.type === "access" || c.type === "check" || (c.type === "output" && c.step !== null));
  return cell === undefined
    ? null
    : cell.type === "access" || cell.type === "check"
      ? cell.step.record
      : cell.type === "output"
        ? (cell.step?.record ?? null)
        : null;
}

/** Where the name stands beside its glyph, and the size of its letters. */
const NAME_X = 14;
const NAME_SIZE = 12;

/** Why a row has no address to show. */
function unreadText(row: {
  readonly spared: boolean;
  readonly reached: boolean;
  readonly known: boolean;
  readonly width: number;
}): string {
  if (row.spared) return fitText(["no read needed", "no read"], row.width - 6, 11.5);
  if (!row.reached) return "not reached";
  return row.known ? "" : "not yet";
}

/** Names of the tables of a row, the longest first. */
const levelNames = (arch: Arch, height: number, wording: Wording): string[] =>
  [wording, "short", "small"].map((words) => levelWords(arch, 1, height, words as Wording));

export function RowLabel(props: {
  readonly row: PlacedRow;
  readonly layout: WalkLayout;
  readonly model: WalkModel;
  readonly view: WalkView;
  readonly arch: Arch;
}) {
  const { row, layout, model, view, arch } = props;
  const { wording } = layout;
  const first = firstRecord(row);
  const line = Math.min(17, (row.height - 6) / 3);
  const top = row.y + row.height / 2 - line + 4;
  const { kind, height, structure } = row.row;
  const glyph = kind === "config" ? "config" : kind === "stage1" ? "stage1" : "physical";
  const name =
    kind === "config"
      ? structureShort(structure ?? "CD")
      : kind === "output"
        ? wording === "small"
          ? "out"
          : "Output"
        : fitText(levelNames(arch, height ?? 0, wording), row.width - NAME_X, NAME_SIZE);
  const hue = kind === "config" ? "d-config" : kind === "stage1" ? "d-s1" : "";
  // The first table's address is known once configuration has been read; the others with the descriptor before.
  const known = first !== null && first <= view.shown;
  const spared = row.row.cells.some((c) => c.type === "kept" && c.by.record < view.shown);
  if (wording === "small") {
    return (
      <g>
        <SvgGlyph name={glyph} x={row.x} y={top - 10} size={9} />
        <text x={row.x} y={top + 14} className={`d-b ${hue}`}>
          {name}
        </text>
      </g>
    );
  }
  return (
    <g>
      <SvgGlyph name={glyph} x={row.x} y={top - 8.5} size={9} />
      <text x={row.x + NAME_X} y={top} className={`d-b ${hue}`}>
        {name}
      </text>
      {known && row.row.target !== null ? (
        <>
          <SvgHex x={row.x} y={top + line} value={row.row.target} />
          <text x={row.x} y={top + 2 * line} className={kind === "output" ? "d-3" : "d-mono-s d-2"}>
            {kind === "output"
              ? fitText(["the data's IPA", "data IPA"], row.width, 11.5)
              : row.row.entry === null
                ? ""
                : `[${row.row.entry.toString(16).padStart(3, "0")}]`}
          </text>
        </>
      ) : (
        <text x={row.x} y={top + line} className="d-3">
          {unreadText({ spared, reached: first !== null, known, width: row.width })}
        </text>
      )}
      {kind === "output" && model.columns.length === 0 && known && (
        <text x={row.x} y={top + line} className="d-3">
          {model.stage1 === null ? "bypass" : "of stage 1"}
        </text>
      )}
    </g>
  );
}
