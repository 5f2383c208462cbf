/** What actors did in a step, as a drawing: a lane for each actor, a box for each thing, its effects below or elsewhere. */
import type { JournalEntry } from "../../protocol/journal.ts";
import { SvgGlyph, type SvgGlyphName } from "../common/SvgGlyph.tsx";
import { type JournalSpans, LANE_ACTORS, type SpanShape, spanShapes } from "../geometry/journal_spans.ts";
import type { LaneView } from "../geometry/lane_marks.ts";
import { fitText } from "../geometry/text_fit.ts";
import { entryNames } from "./entry_text.ts";
import { LANE_END_PX, LANE_LABEL_PX, LaneTicks } from "./LaneTicks.tsx";

interface LaneLook {
  readonly name: string;
  readonly glyph: SvgGlyphName;
  readonly line: string;
  readonly fill: string;
}

const NEUTRAL = { line: "var(--nw-line-3)", fill: "var(--nw-pa-wash)" } as const;
const LOOKS: Readonly<Record<(typeof LANE_ACTORS)[number], LaneLook>> = {
  guest: { name: "Guest", glyph: "stage1", line: "var(--nw-s1)", fill: "var(--nw-s1-wash)" },
  VMM: { name: "VMM", glyph: "vmm", line: "var(--nw-vmm)", fill: "var(--nw-vmm-wash)" },
  host: { name: "Host kernel", glyph: "stage2", line: "var(--nw-s2)", fill: "var(--nw-s2-wash)" },
  IOMMU: { name: "IOMMU", glyph: "hardware", ...NEUTRAL },
  device: { name: "Device", glyph: "device", ...NEUTRAL },
};

const AXIS = 20;
/** Rows are as high as there is room for, between these. */
const ROW = { least: 22, most: 34 } as const;
const LANE_GAP = 8;
const FONT = 11.5;

export interface HoveredSpan {
  readonly span: number;
  readonly count: number;
  readonly box: DOMRect;
}

interface JournalDrawingProps {
  readonly entries: readonly JournalEntry[];
  readonly spans: JournalSpans;
  /** Of the plot, beside the names of the lanes. */
  readonly width: number;
  readonly height: number;
  readonly view: LaneView;
  /** Words at the ticks. */
  readonly tick: (at: number) => string;
  readonly onOpen: (shape: SpanShape) => void;
  readonly onHover: (hovered: HoveredSpan | null) => void;
}

export function JournalDrawing(props: JournalDrawingProps) {
  const { entries, spans, width, height, view, tick, onOpen, onHover } = props;
  const each = rowHeight(spans.rows, height);
  const tops = laneTops(spans.rows, each);
  const bottom = Math.max(height, tops.at(-1) ?? 0);
  const shapes = spanShapes(spans, view, width);
  const yOf = (lane: number, row: number): number => tops[lane]! + LANE_GAP / 2 + row * each;
  return (
    <svg className="nw-draw nw-journal" width={LANE_LABEL_PX + width + LANE_END_PX} height={bottom} aria-hidden="true">
      {LANE_ACTORS.map((actor, lane) => (
        <LaneName
          key={actor}
          look={LOOKS[actor]}
          each={each}
          y={tops[lane]!}
          height={tops[lane + 1]! - tops[lane]!}
          width={LANE_LABEL_PX + width + LANE_END_PX}
          shaded={lane % 2 === 1}
        />
      ))}
      <LaneTicks width={width} view={view} top={AXIS} bottom={bottom} text={tick} />
      {shapes.map((shape) => (
        <Cause key={`${shape.span}`} shape={shape} spans={spans} each={each} yOf={yOf} />
      ))}
      {shapes.map((shape) => (
        <Box
          key={shape.span}
          shape={shape}
          entry={entries[spans.spans[shape.span]!.entry]!}
          folded={isFolded(spans, shape)}
          below={spans.spans[shape.span]!.below}
          y={yOf(shape.lane, shape.row)}
          each={each}
          onOpen={onOpen}
          onHover={onHover}
        />
      ))}
    </svg>
  );
}

function rowHeight(rows: readonly number[], height: number): number {
  const count = rows.reduce((sum, r) => sum + r, 0);
  const room = Math.floor((height - AXIS - rows.length * LANE_GAP) / count);
  return Math.max(ROW.least, Math.min(ROW.most, room));
}

/** Upper edge of each lane, and the lower of the last. */
function laneTops(rows: readonly number[], each: number): readonly number[] {
  const tops = [AXIS];
  for (const count of rows) tops.push(tops.at(-1)! + count * each + LANE_GAP);
  return tops;
}

/** It has effects, and none of them is shown. */
const isFolded = ({ spans }: JournalSpans, { span }: SpanShape): boolean =>
  spans[span]!.below > 0 && spans[span + 1]?.cause !== span;

function LaneName(props: {
  readonly look: LaneLook;
  readonly each: number;
  readonly y: number;
  readonly height: number;
  readonly width: number;
  readonly shaded: boolean;
}) {
  const { look, each, y, height, width, shaded } = props;
  const middle = y + LANE_GAP / 2 + each / 2;
  return (
    <g>
      {shaded && <rect x="0" y={y} width={width} height={height} fill="var(--nw-sunken)" />}
      <SvgGlyph name={look.glyph} x={12} y={middle - 5} color={look.line} />
      <text x="28" y={middle + 4} className="d-b">
        {look.name}
      </text>
    </g>
  );
}

/** A line from another actor's thing that caused this one: it begins while that is under way, so it is upright. */
function Cause(props: {
  readonly shape: SpanShape;
  readonly spans: JournalSpans;
  readonly each: number;
  readonly yOf: (lane: number, row: number) => number;
}) {
  const { shape, spans, each, yOf } = props;
  const { lane, row, cause, from } = spans.spans[shape.span]!;
  const above = spans.spans[cause];
  if (above === undefined || above.lane === lane || shape.count > 1 || shape.x === 0 || from < above.from) return null;
  const down = above.lane < lane;
  const x = Math.round(LANE_LABEL_PX + shape.x) + 0.5;
  const y0 = yOf(above.lane, above.row) + (down ? each - 2 : 0);
  const y1 = yOf(lane, row) + (down ? 0 : each - 2);
  return <path d={`M${x} ${y0}V${y1}`} stroke={LOOKS[LANE_ACTORS[lane]!].line} strokeDasharray="2 2" />;
}

interface BoxProps {
  readonly shape: SpanShape;
  readonly entry: JournalEntry;
  readonly folded: boolean;
  readonly below: number;
  readonly y: number;
  readonly each: number;
  readonly onOpen: (shape: SpanShape) => void;
  readonly onHover: (hovered: HoveredSpan | null) => void;
}

function Box({ shape, entry, folded, below, y, each, onOpen, onHover }: BoxProps) {
  const { count, span } = shape;
  const look = LOOKS[LANE_ACTORS[shape.lane]!];
  const x = LANE_LABEL_PX + shape.x;
  // Runs stand side by side without gaps: there is more between them than can be seen.
  const wide = count > 1 ? shape.width : Math.max(2, shape.width - 1);
  const names = folded ? entryNames(entry).map((name) => `▸ ${name}, ${below} more`) : entryNames(entry);
  const text = count > 1 ? "" : fitText([...names, ...(folded ? [`▸ ${below}`] : [])], wide - 10, FONT);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the list of the same things does the same by keyboard.
    <g
      className="journal-box"
      data-entry={count === 1 ? entry.id : undefined}
      data-folded={folded || undefined}
      onClick={() => onOpen(shape)}
      onPointerEnter={(event) => onHover({ span, count, box: event.currentTarget.getBoundingClientRect() })}
      onPointerLeave={() => onHover(null)}
    >
      <rect x={x} y={y + 1} width={wide} height={each - 3} rx="2" fill="var(--nw-pane)" />
      <rect
        x={x + 0.5}
        y={y + 1.5}
        width={Math.max(1, wide - 1)}
        height={each - 4}
        rx="2"
        fill={count > 1 ? look.line : look.fill}
        stroke={look.line}
        strokeDasharray={folded ? "3 2" : undefined}
      />
      {text !== "" && (
        <text x={x + 6} y={y + each / 2 + 3.5}>
          {text}
        </text>
      )}
    </g>
  );
}
