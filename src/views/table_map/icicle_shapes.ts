/**
 * The icicle as a list of plain shapes, so that SVG and canvas draw the same picture.
 */
import { MapNodeKind, type TableMapColumns } from "../../protocol/engine.ts";
import { type MarkedRanges, markedParts } from "../geometry/overlap_strip.ts";
import { type MapBox, type MapHole, nodeTarget } from "../geometry/table_map.ts";
import { fitText, hexWidth, textWidth } from "../geometry/text_fit.ts";
import { CONTIGUOUS, entriesPerTable, runText } from "./node_text.ts";

/** A token of the theme, without `--nw-`. */
type Token = string;

export type Shape =
  | {
      readonly type: "rect";
      readonly x: number;
      readonly y: number;
      readonly width: number;
      readonly height: number;
      readonly fill: Token | null;
      readonly stroke: Token | null;
      readonly lineWidth: number;
      readonly opacity: number;
      readonly dashed: boolean;
    }
  | {
      readonly type: "text";
      readonly x: number;
      readonly y: number;
      readonly text: string;
      readonly token: Token;
      readonly anchor: "start" | "middle" | "end";
    }
  | { readonly type: "hex"; readonly x: number; readonly y: number; readonly value: bigint }
  | { readonly type: "glyph"; readonly name: "fault" | "unknown"; readonly x: number; readonly y: number };

export interface IcicleLook {
  /** Hue of the stage. */
  readonly hue: "s1" | "s2";
  readonly rowHeight: number;
  readonly rowGap: number;
  /** Nodes on the walk's path, and those of the address that is being translated now. */
  readonly walked: ReadonlySet<number>;
  readonly current: ReadonlySet<number>;
  readonly hovered: MapBox | null;
  readonly cursor: number | null;
  readonly holes: readonly MapHole[];
  /** Input that leads to memory which is reached in other ways, too. */
  readonly shared: MarkedRanges | null;
}

type Rect = Extract<Shape, { type: "rect" }>;

export function rect(x: number, y: number, width: number, height: number, o: Partial<Rect>): Rect {
  const plain = { fill: null, stroke: null, lineWidth: 1, opacity: 1, dashed: false } as const;
  return { type: "rect", x, y, width: Math.max(0.5, width), height: Math.max(0.5, height), ...plain, ...o };
}

/** Shapes of all boxes; those on top come last. */
export function icicleShapes(map: TableMapColumns, boxes: readonly MapBox[], look: IcicleLook): Shape[] {
  const shapes: Shape[] = look.holes.map(({ row, x, width }) => {
    const y = row * (look.rowHeight + look.rowGap) + look.rowHeight / 2;
    return rect(x - 1, y, width, 0.5, { stroke: "line-3", dashed: true });
  });
  const rings: Shape[] = [];
  for (const box of boxes) {
    const y = box.row * (look.rowHeight + look.rowGap);
    const width = box.width > 8 ? box.width - 3 : Math.max(1, box.width - 0.5);
    if (box.count > 1) shapes.push(joined(box, y, width, look));
    else node(shapes, map, box.first, box.x, y, width, look);
    if (look.shared !== null) sharedEdge(shapes, map, box, y, width, look.shared);
    for (let i = box.first; i < box.first + box.count; i++) {
      if (!look.walked.has(i) && !look.current.has(i)) continue;
      const now = look.current.has(i);
      const ring = { stroke: now ? "select" : "linked", lineWidth: now ? 2 : 1 };
      rings.push(rect(box.x - 0.5, y - 0.5, width + 1, look.rowHeight + 1, ring));
      break;
    }
    if (look.cursor !== null && look.cursor >= box.first && look.cursor < box.first + box.count) {
      rings.push(rect(box.x - 3, y - 3, width + 6, look.rowHeight + 6, { stroke: "focus", lineWidth: 2 }));
    }
    if (look.hovered === box) {
      rings.push(rect(box.x, y, width, look.rowHeight, { fill: "text", opacity: 0.07 }));
    }
  }
  return [...shapes, ...rings];
}

const wide = (hi: Uint32Array, lo: Uint32Array, i: number): number => hi[i]! * 0x1_0000_0000 + lo[i]!;

/** The upper edge of what leads to memory that is reached in other ways, too. */
function sharedEdge(
  shapes: Shape[],
  map: TableMapColumns,
  box: MapBox,
  y: number,
  width: number,
  shared: MarkedRanges,
): void {
  if (map.kind[box.first] === MapNodeKind.Table) return;
  const from = wide(map.fromHi, map.fromLo, box.first);
  const to = wide(map.toHi, map.toLo, box.first + box.count - 1);
  for (const [start, end] of markedParts(shared, from, to)) {
    const part = Math.max(2, width * (end - start));
    shapes.push(rect(box.x + Math.min(width - part, width * start), y, part, 4, { fill: "pa" }));
  }
}

function joined(box: MapBox, y: number, width: number, look: IcicleLook): Shape {
  return rect(box.x, y, width, look.rowHeight, { fill: box.bad ? "fault" : look.hue, opacity: box.bad ? 0.9 : 0.55 });
}

function node(
  shapes: Shape[],
  map: TableMapColumns,
  i: number,
  x: number,
  y: number,
  width: number,
  look: IcicleLook,
): void {
  const { hue, rowHeight } = look;
  const kind = map.kind[i];
  const frame = { lineWidth: 1, opacity: 0.8 };
  if (kind === MapNodeKind.Bad || kind === MapNodeKind.Unknown) {
    const bad = kind === MapNodeKind.Bad;
    const look = bad ? { fill: "fault-wash", stroke: "fault" } : { stroke: "line-3", dashed: true };
    shapes.push(rect(x + 0.5, y + 0.5, width - 1, rowHeight - 1, look));
    if (width > 13)
      shapes.push({ type: "glyph", name: bad ? "fault" : "unknown", x: x + Math.min(7, width / 2 - 5), y: y + 7 });
    address(shapes, map, i, x + 16, y, width - 16, rowHeight, bad ? "bad entry" : "not in session");
    return;
  }
  if (kind === MapNodeKind.Table) {
    shapes.push(rect(x + 0.5, y + 0.5, width - 1, rowHeight - 1, { fill: "pane", stroke: hue, ...frame }));
    if (width > 12) {
      const whole = width - 6;
      const used = Math.max(2, (whole * map.used[i]!) / entriesPerTable(map));
      shapes.push(rect(x + 3, y + rowHeight - 6, whole, 3, { fill: "line" }));
      shapes.push(rect(x + 3, y + rowHeight - 6, Math.min(whole, used), 3, { fill: hue }));
    }
    address(shapes, map, i, x, y, width, rowHeight, `${map.used[i]} used`);
    return;
  }
  shapes.push(
    rect(x + 0.5, y + 0.5, width - 1, rowHeight - 1, { fill: `${hue}-wash`, stroke: hue, lineWidth: 1, opacity: 0.6 }),
  );
  permissionBar(shapes, map.permissions[i]!, x + 1, y + rowHeight - 5, width - 2, hue);
  if (map.permissions[i]! & CONTIGUOUS) notches(shapes, map.used[i]!, x + 1, y + rowHeight - 8, width - 2);
  address(shapes, map, i, x, y, width, rowHeight, runText(map, i));
}

/** Solid for read and write, ruled for read only, a dotted row for anything else. */
export function permissionBar(
  shapes: Shape[],
  permissions: number,
  x: number,
  y: number,
  width: number,
  hue: Token,
): void {
  const [read, write] = [(permissions & 1) !== 0, (permissions & 2) !== 0];
  if (read && write) shapes.push(rect(x, y, width, 4, { fill: hue }));
  else if (read) {
    shapes.push(
      rect(x, y - 3, width, 1.5, { fill: hue }),
      rect(x, y, width, 1.5, { fill: hue }),
      rect(x, y + 3, width, 1, { fill: hue }),
    );
  } else shapes.push(rect(x, y, width, 3, { stroke: hue, dashed: true }));
}

/** Cuts in the bar of a contiguous run: one between leaves, or as many as can be told apart. */
function notches(shapes: Shape[], leaves: number, x: number, y: number, width: number): void {
  const count = Math.min(leaves, Math.floor(width / 4));
  for (let i = 1; i < count; i++) {
    shapes.push(rect(x + (width * i) / count - 0.5, y, 1, 8, { fill: "pane" }));
  }
}

/** The node's address and a few words, as far as they fit. */
function address(
  shapes: Shape[],
  map: TableMapColumns,
  i: number,
  x: number,
  y: number,
  width: number,
  height: number,
  words: string,
): void {
  const target = nodeTarget(map, i);
  const digits = hexWidth(target, 10.5);
  const inner = width - 14;
  const hasAddress = target !== 0n && digits <= inner;
  if (hasAddress) shapes.push({ type: "hex", x: x + 7, y: y + 15, value: target });
  const beside = digits + 12 + textWidth(words, 11.5) <= inner;
  if (beside) shapes.push({ type: "text", x: x + width - 7, y: y + 15, text: words, token: "text-2", anchor: "end" });
  else if (height >= 38 || !hasAddress) {
    const text = fitText([words], inner + 6, 11.5);
    if (text !== "")
      shapes.push({ type: "text", x: x + 7, y: y + (hasAddress ? 29 : 15), text, token: "text-2", anchor: "start" });
  }
}
