/**
 * One cell of the walk grid: where it read, what it read, and what came of it.
 */
import type { ReactNode } from "react";
import { CrispRect } from "../common/CrispRect.tsx";
import { SvgGlyph } from "../common/SvgGlyph.tsx";
import { digitsWidth, fitText } from "../geometry/text_fit.ts";
import type { TraceStep } from "../geometry/trace_step.ts";
import type { PlacedCell, PlacedRow, Wording } from "../geometry/walk_layout.ts";
import { sizeText } from "../translations/leaf_rows.ts";
import { SmallLines, Value, Verdict, Where } from "./CellLines.tsx";
import { cacheName, updateText } from "./walk_text.ts";
import type { WalkView } from "./walk_view.ts";

const PAD = 9;

/** Baselines of `lines` lines, from the top of a cell. */
function baselines(height: number, lines: 3 | 4): readonly [number, number, number, number] {
  const line = Math.max(12.5, Math.min(17, (height - 6) / lines));
  const first = height / 2 - (line * (lines - 1)) / 2 + 4;
  return [first, first + line, first + 2 * line, first + 3 * line];
}

/** Cells from this height have room for a line that explains the index. */
const TALL = 76;

/** A cell in its row; nothing is drawn for cells that belong to no access. */
export function GridCellView(props: {
  readonly placed: PlacedCell;
  readonly row: PlacedRow;
  readonly view: WalkView;
  readonly wording: Wording;
  /** Line that explains the index, for tall cells. */
  readonly note: string;
}): ReactNode {
  const { placed, view } = props;
  const { cell } = placed;
  switch (cell.type) {
    case "empty":
    case "output":
      return null;
    case "spared":
      return view.shown > cell.by.record ? <Spared placed={placed} by={cell.by} wording={props.wording} /> : null;
    case "kept":
      return view.shown > cell.by.record ? (
        <Kept placed={placed} by={cell.by} ordinal={ordinalLabel(props.row, cell.ordinal)} wording={props.wording} />
      ) : (
        <Waiting placed={placed} ordinal={ordinalLabel(props.row, cell.ordinal)} />
      );
    case "missed":
      return <Waiting placed={placed} ordinal={ordinalLabel(props.row, cell.ordinal)} />;
    default:
      if (cell.step.record >= view.shown)
        return <Waiting placed={placed} ordinal={ordinalLabel(props.row, cell.ordinal)} record={cell.step.record} />;
      return <Reached {...props} step={cell.step} ordinal={cell.ordinal} isCheck={cell.type === "check"} />;
  }
}

/** Accesses to configuration are counted apart. */
function ordinalLabel(row: PlacedRow, ordinal: number): string {
  return row.row.kind === "config" ? `c${ordinal}` : String(ordinal);
}

function Waiting({
  placed,
  ordinal,
  record,
}: {
  readonly placed: PlacedCell;
  readonly ordinal: string;
  readonly record?: number;
}) {
  const { x, y, width, height } = placed;
  const target = record === undefined ? {} : { "data-record": record };
  return (
    <g className="cell cell-waiting" {...target}>
      <CrispRect
        x={x}
        y={y}
        width={width}
        height={height}
        fill="url(#nw-p-missed)"
        stroke="var(--nw-line)"
        strokeDasharray="1 3"
      />
      <text x={x + width - 7} y={y + baselines(height, 3)[0]} textAnchor="end" className="d-mono-s d-3">
        {ordinal}
      </text>
    </g>
  );
}

/** A line through the place of an access that a block made needless. */
function Spared({
  placed,
  by,
  wording,
}: {
  readonly placed: PlacedCell;
  readonly by: TraceStep;
  readonly wording: Wording;
}) {
  const { x, y, width, height } = placed;
  const middle = Math.round(y + height / 2) + 0.5;
  const hue = by.stage === 1 ? "var(--nw-s1)" : "var(--nw-s2)";
  const words =
    wording === "small"
      ? ""
      : fitText([by.leaf ? `no read: ${sizeText(by.sizeLg2)} block` : "level skipped", "no read", ""], width - 8, 11.5);
  return (
    <g className="cell-spared">
      <path d={`M${x - 4} ${middle}H${x + width + 4}`} stroke={hue} strokeOpacity=".7" fill="none" />
      {words !== "" && (
        <text x={x + width / 2} y={middle - 6} textAnchor="middle" className="d-3">
          {words}
        </text>
      )}
    </g>
  );
}

/** The outline of what a cache answered. */
const CACHED = { fill: "none", stroke: "var(--nw-hit)", strokeDasharray: "4 3" } as const;

/** An access that a cache made needless: greyed, for nothing was read. */
function Kept(props: {
  readonly placed: PlacedCell;
  readonly by: TraceStep;
  readonly ordinal: string;
  readonly wording: Wording;
}) {
  const { placed, by, ordinal, wording } = props;
  const { x, y, width, height } = placed;
  const name = cacheName(by.hit);
  const words = wording === "small" ? "" : fitText([`no read: ${name}`, name, "cached", ""], width - PAD - 6, 11.5);
  return (
    <g className="cell-kept">
      <rect x={x + 0.5} y={y + 0.5} width={width - 1} height={height - 1} rx="2" {...CACHED} strokeOpacity=".6" />
      <text x={x + width - 7} y={y + baselines(height, 3)[0]} textAnchor="end" className="d-mono-s d-3">
        {ordinal}
      </text>
      <text x={x + PAD} y={y + baselines(height, 3)[2]} className="d-3">
        {words}
      </text>
    </g>
  );
}

interface ReachedProps {
  readonly placed: PlacedCell;
  readonly row: PlacedRow;
  readonly view: WalkView;
  readonly wording: Wording;
  readonly note: string;
  readonly step: TraceStep;
  readonly ordinal: number;
  readonly isCheck: boolean;
}

/** What a fourth line says: what the hardware writes back, else what the index comes from. */
function noteOf(step: TraceStep, note: string): string[] {
  const written = updateText(step.update);
  return written === "" ? (step.hit === "none" ? [note] : []) : [`hardware ${written}`, written];
}

function Reached({ placed, row, view, wording, note, step, ordinal, isCheck }: ReachedProps) {
  const { x, y, width, height } = placed;
  const bad = step.verdict === "fault";
  const unknown = step.verdict === "unknown";
  const hue =
    step.kind === "Descriptor" ? (step.stage === 1 ? "s1" : "s2") : step.kind === "Check" ? "line-3" : "config";
  const label = ordinalLabel(row, ordinal);
  const edited = view.edited.has(step.record);
  const current = step.record === view.current;
  const inner = width - PAD - 6;
  const passed = step.verdict === "next" || step.verdict === "done";
  const explained = height >= TALL && passed ? fitText(noteOf(step, note), inner, 11.5) : "";
  const line = baselines(height, explained === "" ? 3 : 4);
  const cached = step.hit !== "none";
  const written = updateText(step.update);
  const surface = cached ? "none" : bad ? "var(--nw-fault-wash)" : unknown ? "none" : `var(--nw-${hue}-wash)`;
  const edge = bad ? "var(--nw-fault)" : unknown ? "var(--nw-line-3)" : `var(--nw-${hue})`;
  return (
    <g className="cell" data-record={step.record} data-verdict={step.verdict}>
      <CrispRect
        x={x}
        y={y}
        width={width}
        height={height}
        fill={surface}
        stroke={edge}
        strokeWidth={bad ? 2 : 1}
        strokeOpacity={bad || unknown || current ? 1 : 0.45}
        {...(unknown ? { strokeDasharray: "3 2" } : {})}
        {...(cached ? CACHED : {})}
        className="cell-box"
      />
      {!bad && !unknown && !cached && <rect x={x} y={y} width="3" height={height} rx="1" fill={edge} />}
      {wording === "small" ? (
        <SmallLines
          step={step}
          ordinal={isCheck ? "–" : label}
          x={x}
          y={y}
          width={width}
          height={height}
          edited={edited}
        />
      ) : (
        <>
          <text x={x + width - 7} y={y + line[0]} textAnchor="end" className="d-mono-s d-2">
            {isCheck ? "–" : label}
          </text>
          {isCheck ? (
            <text x={x + PAD} y={y + line[0]} className="d-3">
              {fitText(["check, no read", "check"], inner - 16, 11.5)}
            </text>
          ) : cached ? (
            <text x={x + PAD} y={y + line[0]} className="d-3">
              {fitText([cacheName(step.hit), "cached"], inner - digitsWidth(label.length, 10.5) - 8, 11.5)}
            </text>
          ) : (
            <Where
              step={step}
              own={row.cells.at(-1) === placed}
              x={x + PAD}
              y={y + line[0]}
              width={inner - digitsWidth(label.length, 10.5) - 8}
            />
          )}
          {!isCheck && !unknown && step.hit !== "walk" && (
            <Value step={step} x={x + PAD} y={y + line[1]} width={inner} />
          )}
          <Verdict step={step} x={x + PAD} y={y + line[isCheck || unknown ? 1 : 2]} width={inner - (edited ? 14 : 0)} />
          {explained !== "" && (
            <text x={x + PAD} y={y + line[3]} className="d-3">
              {explained}
            </text>
          )}
          {explained === "" && written !== "" && (
            <text x={x + width - 7} y={y + line[2]} textAnchor="end" className="d-b">
              {fitText([written, step.update === 1 ? "AF" : "A/D"], inner / 2, 11.5)}
            </text>
          )}
          {edited && <SvgGlyph name="edited" x={x + width - 17} y={y + line[2] - 9} />}
        </>
      )}
      {edited && <rect x={x + 3} y={y + height - 4} width={width - 4} height="3" fill="url(#nw-p-edited)" />}
    </g>
  );
}
