/**
 * The walk as one drawing: address strips, configuration, the grid of accesses and the way from row to row. A pure
 * function of model, layout and view; it knows no store and handles no event.
 */

import type { Arch } from "../../protocol/machine.ts";
import { SvgGlyph } from "../common/SvgGlyph.tsx";
import { fitText, textWidth } from "../geometry/text_fit.ts";
import type { TraceStep } from "../geometry/trace_step.ts";
import type { Connector, PlacedCell, WalkLayout } from "../geometry/walk_layout.ts";
import type { WalkModel } from "../geometry/walk_model.ts";
import { ConfigStrip } from "./ConfigStrip.tsx";
import { GridCellView } from "./GridCellView.tsx";
import { OutputCell } from "./OutputCell.tsx";
import { Patterns } from "./Patterns.tsx";
import { Rings } from "./Rings.tsx";
import { RowLabel } from "./RowLabel.tsx";
import { Strips } from "./Strips.tsx";
import { entryNoun, levelWords, stageWords } from "./stage_words.ts";
import type { WalkView } from "./walk_view.ts";

export interface WalkDrawingProps {
  readonly steps: readonly TraceStep[];
  readonly model: WalkModel;
  readonly layout: WalkLayout;
  readonly view: WalkView;
  readonly arch: Arch;
  readonly iova: bigint;
  /** log2 of the bytes that the whole translation maps as one; null where it did not go through. */
  readonly sizeLg2: number | null;
}

export function WalkDrawing(props: WalkDrawingProps) {
  const { layout, model, view } = props;
  return (
    <svg
      className="nw-draw nw-walk"
      width={layout.width}
      height={layout.height}
      viewBox={`0 0 ${layout.width} ${layout.height}`}
      aria-hidden="true"
    >
      <Patterns />
      <Strips {...props} />
      <ConfigStrip layout={layout} view={view} />
      <Heads {...props} />
      {layout.connectors.map((c) => (
        <ConnectorLine key={c.from.y} connector={c} view={view} />
      ))}
      {layout.rows.map((row) => (
        <g key={row.y} className="grid-row">
          <RowLabel row={row} {...props} />
          {row.cells.map((placed) => (
            <GridCellView
              key={placed.column}
              placed={placed}
              row={row}
              view={view}
              wording={layout.wording}
              note={cellNote(placed, layout, model)}
            />
          ))}
          {row.row.kind === "output" && <OutputCell row={row} {...props} />}
        </g>
      ))}
      <EndedEarly {...props} />
      <Rings layout={layout} view={view} />
    </svg>
  );
}

function Heads({ layout, model, arch }: WalkDrawingProps) {
  const { wording, headY } = layout;
  const space =
    model.columns.length > 0 && model.stage1 !== null ? "IPA to read" : model.stage1 !== null ? "PA to read" : "";
  const forConfig = model.stage1 === null;
  const ownName = forConfig
    ? "structure"
    : wording === "small"
      ? "S1"
      : `${stageWords(arch, 1, wording)} ${entryNoun(arch)}`;
  return (
    <g className="heads">
      {wording !== "small" && (
        <text x={layout.labelX} y={headY} className="d-3">
          {space}
        </text>
      )}
      {layout.heads.map((head) => {
        const own = head.tables === null;
        if (own && forConfig && layout.rows.every((r) => r.row.kind !== "config")) return null;
        const name = own ? ownName : levelWords(arch, 2, head.tables ?? 0, wording);
        const fits = head.width > textWidth(name, 12) + 18 + textWidth(head.bits, 10.5);
        return (
          <g key={head.x}>
            <SvgGlyph name={!own ? "stage2" : forConfig ? "config" : "stage1"} x={head.x} y={headY - 8.5} size={9} />
            <text x={head.x + 14} y={headY} className={`d-b ${!own ? "d-s2" : forConfig ? "d-config" : "d-s1"}`}>
              {name}
            </text>
            {fits && (
              <text x={head.x + head.width} y={headY} textAnchor="end" className="d-mono-s d-3">
                {head.bits}
              </text>
            )}
          </g>
        );
      })}
    </g>
  );
}

/** What the index of a tall cell is made of. */
function cellNote(placed: PlacedCell, layout: WalkLayout, model: WalkModel): string {
  if (placed.cell.type !== "access" || placed.cell.step.kind !== "Descriptor") return "";
  const { step } = placed.cell;
  if (step.stage === 1) return model.columns.length > 0 ? "read at that PA" : `index 0x${step.entry.toString(16)}`;
  const bits = layout.heads[placed.column]?.bits ?? "";
  return bits === "" ? "" : `IPA ${bits} is 0x${step.entry.toString(16)}`;
}

function ConnectorLine({ connector, view }: { readonly connector: Connector; readonly view: WalkView }) {
  const own = connector.from.cells.at(-1)?.cell;
  if (own?.type !== "access" || own.step.record >= view.shown) return null;
  const stops = connector.to.cells.some(
    ({ cell }) =>
      (cell.type === "access" || cell.type === "check") &&
      cell.step.verdict === "fault" &&
      cell.step.record < view.shown,
  );
  const hue = stops ? "var(--nw-fault)" : connector.from.row.kind === "config" ? "var(--nw-config)" : "var(--nw-s1)";
  const end = connector.points.at(-1)!;
  const path = connector.points.map(([x, y], i) => `${i === 0 ? "M" : "L"}${x} ${y}`).join("");
  return (
    <g className="connector">
      <path d={path} fill="none" stroke={hue} strokeOpacity=".8" />
      <path d={`M${end[0] - 3.5} ${end[1] - 1}h7l-3.5 4z`} fill={hue} />
    </g>
  );
}

/** Says why there is no grid where configuration was as far as the walk came. */
function EndedEarly({ steps, model, layout, view }: WalkDrawingProps) {
  const last = layout.rows.at(-1);
  const ended = steps.length > 0 && steps.every((s) => s.phase === "config") && view.shown >= steps.length;
  if (!ended || last === undefined || model.rows.length > 1) return null;
  const words = ["The walk ended in its configuration: no table was read.", "No table was read."];
  return (
    <text x={layout.left} y={last.y + last.height + 22} className="d-2">
      {fitText(words, layout.right - layout.left, 11.5)}
    </text>
  );
}
