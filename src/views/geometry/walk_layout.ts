/**
 * Places of everything in the drawing of a walk, in CSS pixels: label column at the left, address strips, the
 * configuration strip, column heads, rows of cells, and the connectors in the gutters between rows.
 *
 * Less room gives fewer words, never smaller type: below 800 px captions are short, below 480 px cells keep two facts.
 */

import { hexWidth } from "./text_fit.ts";
import { levelShift } from "./trace_step.ts";
import type { ConfigItem, GridCell, GridRow, WalkModel } from "./walk_model.ts";

/** How much is said: all words, short captions, or what a phone holds. */
export type Wording = "full" | "short" | "small";

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface PlacedCell extends Box {
  readonly cell: GridCell;
  /** Column in its row; the row's own cell is the last. */
  readonly column: number;
}

export interface PlacedRow extends Box {
  readonly row: GridRow;
  /** Left edge and width of the label. */
  readonly cells: readonly PlacedCell[];
}

/** Head of a stage-2 column, or of the rows' own cells where `tables` is null. */
interface PlacedHead {
  readonly x: number;
  readonly width: number;
  /** Baseline. */
  readonly y: number;
  /** Height of the tables that the column reads. */
  readonly tables: number | null;
  /** Input address bits that index them, "hi:lo". */
  readonly bits: string;
}

export interface PlacedItem extends Box {
  readonly item: ConfigItem;
}

/** From the own cell of one row to the label of the next; `points` are corners of an orthogonal line. */
export interface Connector {
  readonly from: PlacedRow;
  readonly to: PlacedRow;
  readonly points: readonly (readonly [number, number])[];
}

export interface WalkLayout {
  readonly wording: Wording;
  readonly width: number;
  /** Height needed, at least that of the box given. */
  readonly height: number;
  readonly labelX: number;
  /** Left and right edge of strips and grid. */
  readonly left: number;
  readonly right: number;
  readonly cellWidth: number;
  /** Tops of the address strips, in the order asked for. */
  readonly strips: readonly { readonly y: number; readonly x: number; readonly width: number }[];
  /** Caption of the configuration strip is at its left; null where nothing of it was read. */
  readonly configY: number | null;
  readonly items: readonly PlacedItem[];
  readonly headY: number;
  readonly heads: readonly PlacedHead[];
  readonly rows: readonly PlacedRow[];
  readonly connectors: readonly Connector[];
}

export interface LayoutOptions {
  readonly width: number;
  readonly height: number;
  /** Number of address strips. */
  readonly strips: number;
  /** Whether rows of configuration fetches are drawn. */
  readonly configOpen: boolean;
}

const MARGIN = 14;
const GAP = 5;
const WIDEST_CELL = 300;
/** Distances where there is room, and where rows would not fit otherwise. */
const ROOMY = { strip: 44, config: 34, head: 18, gutter: 14, row: 48 } as const;
const TIGHT = { strip: 40, config: 28, head: 16, gutter: 8, row: 42 } as const;
const SMALL_ROW = 58;

/** Wording for a drawing of this width. */
function wordingFor(width: number): Wording {
  return width < 480 ? "small" : width < 800 ? "short" : "full";
}

/** Place a walk in a box. The result may be higher than the box, never wider. */
export function layoutWalk(model: WalkModel, o: LayoutOptions): WalkLayout {
  const wording = wordingFor(o.width);
  const small = wording === "small";
  const labelX = small ? 10 : MARGIN;
  const left = labelX + (small ? 34 : labelWidth(model, wording));
  const right = o.width - (small ? 10 : MARGIN);
  const cellCount = model.columns.length + 1;
  const cellWidth = Math.max(24, Math.min(WIDEST_CELL, (right - left - (cellCount - 1) * GAP) / cellCount));

  const stripX = small ? labelX : left;
  const drawn = [...(o.configOpen ? model.configRows : []), ...model.rows];
  const room = roomFor(o, drawn.length, model.config.length > 0);
  const strips = Array.from({ length: o.strips }, (_, i) => ({
    y: 8 + room.strip * i,
    x: stripX,
    width: right - stripX,
  }));
  let y = 10 + room.strip * o.strips;
  const configY = model.config.length > 0 ? y : null;
  const items = configY === null ? [] : placeItems(model.config, left, right, configY);
  if (configY !== null) y += room.config;
  const headY = y + room.head / 2;
  y += room.head;

  const { gutter } = room;
  const most = drawn.length <= 2 ? 108 : 88;
  const each = (o.height - y - 6 - (drawn.length - 1) * gutter) / drawn.length;
  const rowHeight = Math.max(small ? SMALL_ROW : room.row, Math.min(most, Math.floor(each)));
  const rows = drawn.map((row, i) => placeRow(row, labelX, left, y + i * (rowHeight + gutter), cellWidth, rowHeight));
  const bottom = y + drawn.length * (rowHeight + gutter);
  return {
    wording,
    width: o.width,
    height: Math.max(o.height, bottom - gutter + 6),
    labelX,
    left,
    right,
    cellWidth,
    strips,
    configY,
    items,
    headY,
    heads: placeHeads(model, left, cellWidth, headY),
    rows,
    connectors: connect(rows, labelX, gutter),
  };
}

function roomFor(o: LayoutOptions, rows: number, config: boolean): typeof ROOMY | typeof TIGHT {
  const { strip, head, row, gutter } = ROOMY;
  const needed = 10 + strip * o.strips + (config ? ROOMY.config : 0) + head + rows * (row + gutter);
  return needed <= o.height ? ROOMY : TIGHT;
}

/** Wide enough for the longest address a row names, and never less than its captions. */
function labelWidth(model: WalkModel, wording: Wording): number {
  const targets = [...model.configRows, ...model.rows].map((r) => hexWidth(r.target ?? 0n, 11));
  return Math.max(wording === "full" ? 92 : 78, Math.ceil(Math.max(0, ...targets)) + 10);
}

function placeItems(config: readonly ConfigItem[], left: number, right: number, y: number): PlacedItem[] {
  const width = Math.min(220, (right - left - (config.length - 1) * GAP) / config.length);
  return config.map((item, i) => ({ item, x: left + i * (width + GAP), y, width, height: 22 }));
}

function placeHeads(model: WalkModel, left: number, cellWidth: number, y: number): PlacedHead[] {
  const shape = model.stage2;
  const bits = (tables: number, i: number): string => {
    if (shape === null) return "";
    const lo = levelShift(tables, shape.granuleLg2);
    const hi = i === 0 ? shape.inputBits - 1 : levelShift(tables + 1, shape.granuleLg2) - 1;
    return `${hi}:${lo}`;
  };
  const heads = model.columns.map((tables, i): PlacedHead => {
    return { x: left + i * (cellWidth + GAP), width: cellWidth, y, tables, bits: bits(tables, i) };
  });
  return [...heads, { x: left + heads.length * (cellWidth + GAP), width: cellWidth, y, tables: null, bits: "" }];
}

function placeRow(row: GridRow, labelX: number, left: number, y: number, width: number, height: number): PlacedRow {
  const cells = row.cells.map((cell, column): PlacedCell => {
    return { cell, column, x: left + column * (width + GAP), y, width, height };
  });
  return { row, x: labelX, y, width: left - labelX, height, cells };
}

function connect(rows: readonly PlacedRow[], labelX: number, gutter: number): Connector[] {
  const lines: Connector[] = [];
  for (let i = 0; i + 1 < rows.length; i++) {
    const from = rows[i]!;
    const to = rows[i + 1]!;
    const own = from.cells.at(-1)!;
    // Two configuration rows in a row are not one leading to the other unless the first is an L1CD.
    if (own.cell.type !== "access" || own.cell.step.verdict === "fault" || own.cell.step.verdict === "unknown")
      continue;
    const x = own.x + own.width / 2;
    const middle = Math.round(own.y + own.height + gutter / 2) + 0.5;
    lines.push({
      from,
      to,
      points: [
        [x, own.y + own.height],
        [x, middle],
        [labelX + 4.5, middle],
        [labelX + 4.5, to.y - 3],
      ],
    });
  }
  return lines;
}

/** Boxes in which each record is drawn; a CD stands in the strip and, opened, in its row. */
export function recordBoxes(layout: WalkLayout): ReadonlyMap<number, readonly Box[]> {
  const boxes = new Map<number, Box[]>();
  const add = (record: number, box: Box): void => {
    boxes.set(record, [...(boxes.get(record) ?? []), box]);
  };
  for (const item of layout.items) add(item.item.step.record, item);
  for (const placed of layout.rows.flatMap((r) => r.cells)) {
    const { cell } = placed;
    if (cell.type === "access" || cell.type === "check") add(cell.step.record, placed);
    else if (cell.type === "output" && cell.step !== null) add(cell.step.record, placed);
  }
  return boxes;
}
