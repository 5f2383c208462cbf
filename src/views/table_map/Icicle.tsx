/**
 * The tables of one stage as an icicle: rows are levels, widths follow what is mapped below.
 */
import { type KeyboardEvent, type MouseEvent, useMemo, useRef, useState } from "react";
import type { ArchitectureFacts } from "../../arch/architecture_facts.ts";
import { MapNodeKind, type TableMapColumns } from "../../protocol/engine.ts";
import { bytesText } from "../common/bytes_text.ts";
import { DrawTip, type TipBox } from "../common/DrawTip.tsx";
import { Glyph } from "../common/Glyph.tsx";
import { Hex } from "../common/Hex.tsx";
import { useFacts } from "../common/use_facts.ts";
import { useSize } from "../common/use_size.ts";
import type { MarkedRanges } from "../geometry/overlap_strip.ts";
import {
  type MapBox,
  type MapHole,
  type MapScale,
  mapBoxes,
  mapHoles,
  nodeRange,
  planTableMap,
  walkedNodes,
} from "../geometry/table_map.ts";
import { IcicleCanvas } from "./IcicleCanvas.tsx";
import { IcicleSvg } from "./IcicleSvg.tsx";
import { IcicleTable } from "./IcicleTable.tsx";
import { icicleShapes } from "./icicle_shapes.ts";
import { moveInMap } from "./move_in_map.ts";
import { nodeFacts, nodeLevel, nodeName } from "./node_text.ts";
import { useZoom } from "./use_zoom.ts";

interface IcicleProps {
  readonly map: TableMapColumns;
  readonly scale: MapScale;
  /** Input addresses the walk translated at this stage so far, and the one it translates now. */
  readonly walked: readonly bigint[];
  readonly current: bigint | null;
  /** Input that leads to memory which is reached in other ways, too; null where that is not asked. */
  readonly shared: MarkedRanges | null;
  /** An address below a leaf was chosen. */
  readonly onChoose: (node: number, input: bigint) => void;
  readonly chooseText: string;
}

const LABEL = 84;
const ROW_GAP = 3;
const SVG_SHAPES = 4000;

export function Icicle({ map, scale, walked, current, shared, onChoose, chooseText }: IcicleProps) {
  const facts = useFacts();
  const [ref, size] = useSize<HTMLDivElement>();
  const plot = useRef<HTMLDivElement>(null);
  const width = Math.max(0, (size?.width ?? 0) - LABEL - 12);
  const zoom = useZoom(plot, width, map.stage);
  const [hover, setHover] = useState<{ box: MapBox; at: TipBox } | null>(null);
  const [hole, setHole] = useState<{ hole: MapHole; at: TipBox } | null>(null);
  const [cursor, setCursor] = useState<number | null>(null);

  const plan = useMemo(() => planTableMap(map, scale), [map, scale]);
  const boxes = useMemo(
    () => mapBoxes(map, plan, { ...zoom.view, width: Math.max(1, width) }),
    [map, plan, zoom.view, width],
  );
  const holes = useMemo(
    () => mapHoles(map, plan, boxes, { ...zoom.view, width: Math.max(1, width) }),
    [map, plan, boxes, zoom.view, width],
  );
  const path = useMemo(() => walkedNodes(map, walked), [map, walked]);
  const now = useMemo(() => walkedNodes(map, current === null ? [] : [current]), [map, current]);
  const available = ((size?.height ?? 0) - 8) / Math.max(1, plan.rows) - ROW_GAP;
  const rowHeight = Math.max(26, Math.min(72, Math.floor(available)));
  const height = plan.rows * (rowHeight + ROW_GAP) + 6;
  const hue = map.stage === 1 ? "s1" : "s2";
  const shapes = useMemo(
    () =>
      icicleShapes(map, boxes, {
        hue,
        rowHeight,
        rowGap: ROW_GAP,
        walked: path,
        current: now,
        hovered: hover?.box ?? null,
        cursor,
        holes,
        shared,
      }),
    [map, boxes, hue, rowHeight, path, now, hover, cursor, holes, shared],
  );

  /** Of some places of the drawing, the one under the pointer, with where a tip to it stands. */
  function under<Place extends { readonly row: number; readonly x: number; readonly width: number }>(
    e: MouseEvent,
    places: readonly Place[],
  ): { place: Place; x: number; at: TipBox } | null {
    const frame = plot.current?.getBoundingClientRect();
    if (frame === undefined) return null;
    const x = e.clientX - frame.left;
    const row = Math.floor((e.clientY - frame.top) / (rowHeight + ROW_GAP));
    const place = places.find((p) => p.row === row && x >= p.x && x < p.x + p.width);
    if (place === undefined) return null;
    const top = frame.top + row * (rowHeight + ROW_GAP);
    return { place, x, at: { left: frame.left + Math.max(0, place.x), top, bottom: top + rowHeight } };
  }

  function onMove(e: MouseEvent): void {
    const box = under(e, boxes);
    setHover(box === null ? null : { box: box.place, at: box.at });
    const gap = box === null ? under(e, holes) : null;
    setHole(gap === null ? null : { hole: gap.place, at: gap.at });
  }

  function leave(): void {
    setHover(null);
    setHole(null);
  }

  function act(box: MapBox, part: number): void {
    const i = box.first;
    if (box.count > 1 || map.kind[i] === MapNodeKind.Table) {
      const last = box.first + box.count - 1;
      const margin = (plan.to[last]! - plan.from[i]!) * 0.02;
      zoom.show(plan.from[i]! - margin, plan.to[last]! + margin);
      return;
    }
    const { from, to } = nodeRange(map, i);
    const leaves = Math.max(1, map.used[i]!);
    const leaf = Math.min(leaves - 1, Math.max(0, Math.floor(part * leaves)));
    onChoose(i, from + ((to - from) / BigInt(leaves)) * BigInt(leaf));
  }

  function onKeyDown(e: KeyboardEvent): void {
    if (e.ctrlKey || e.altKey || e.metaKey) return;
    const keys: Record<string, () => void> = {
      "+": () => zoom.by(2),
      "=": () => zoom.by(2),
      "-": () => zoom.by(0.5),
      "0": zoom.reset,
      Enter: () => {
        const box = boxes.find((b) => cursor !== null && cursor >= b.first && cursor < b.first + b.count);
        if (box !== undefined) act(box, 0);
      },
    };
    const run = keys[e.key];
    const to = moveInMap(map, plan, cursor, e.key);
    if (run !== undefined) run();
    else if (to !== null) {
      setCursor(to);
      const span = zoom.view.to - zoom.view.from;
      if (plan.from[to]! < zoom.view.from) zoom.show(plan.from[to]!, plan.from[to]! + span);
      else if (plan.to[to]! > zoom.view.to) zoom.show(plan.to[to]! - span, plan.to[to]!);
    } else return;
    e.preventDefault();
    e.stopPropagation();
  }

  return (
    <div ref={ref} className="icicle">
      <div className="icicle-rows" style={{ height, width: LABEL }} aria-hidden="true">
        {Array.from({ length: plan.rows }, (_, row) => row).map((row) => (
          <span key={row} style={{ top: row * (rowHeight + ROW_GAP), height: rowHeight }} data-hue={hue}>
            <Glyph name={map.stage === 1 ? "stage1" : "stage2"} />
            {rowName(facts, map, row)}
          </span>
        ))}
      </div>
      {/* biome-ignore lint/a11y/useSemanticElements: a group of tables, not of form fields; a reader has the table. */}
      <div
        ref={plot}
        className="icicle-plot"
        style={{ left: LABEL, width, height }}
        role="group"
        aria-label={`Tables of stage ${map.stage}. Arrows move, Enter opens, plus and minus zoom.`}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the drawing is driven by keys.
        tabIndex={0}
        onKeyDown={onKeyDown}
        onBlur={() => setCursor(null)}
        onMouseMove={onMove}
        onMouseLeave={leave}
        onClick={(e) => {
          const hit = under(e, boxes);
          if (hit !== null) act(hit.place, (hit.x - hit.place.x) / hit.place.width);
        }}
        onDoubleClick={zoom.reset}
      >
        {shapes.length > SVG_SHAPES ? (
          <IcicleCanvas shapes={shapes} width={width} height={height} />
        ) : (
          <IcicleSvg shapes={shapes} width={width} height={height} />
        )}
        <IcicleTable map={map} walked={path} />
        <p className="nw-sr" aria-live="polite">
          {cursor === null ? "" : nodeName(facts, map, cursor)}
        </p>
      </div>
      {hole !== null && <HoleTip stage={map.stage} hole={hole.hole} at={hole.at} />}
      {hover !== null && <NodeTip map={map} box={hover.box} at={hover.at} chooseText={chooseText} />}
    </div>
  );
}

/** Rows are levels; the last holds what the tables of the last level map. */
function rowName(facts: ArchitectureFacts, map: TableMapColumns, row: number): string {
  const height = facts.fromLeaf(map.startLevel) - row;
  return height < 0 ? "pages" : `S${map.stage} ${facts.levelShort(map.stage, facts.levelAt(height))}`;
}

function HoleTip(props: { readonly stage: 1 | 2; readonly hole: MapHole; readonly at: TipBox }) {
  const { stage, hole, at } = props;
  const input = stage === 1 ? "IOVA" : "IPA";
  return (
    <DrawTip box={at}>
      <h4>Hole: nothing is mapped</h4>
      <dl>
        <dt>{input} from</dt>
        <dd>
          <Hex value={hole.from} />
        </dd>
        <dt>{input} to</dt>
        <dd>
          <Hex value={hole.to - 1n} />
        </dd>
        <dt>Bytes</dt>
        <dd>{bytesText(hole.to - hole.from)}</dd>
      </dl>
    </DrawTip>
  );
}

function NodeTip(props: {
  readonly map: TableMapColumns;
  readonly box: MapBox;
  readonly at: TipBox;
  readonly chooseText: string;
}) {
  const { map, box, at, chooseText } = props;
  const facts = useFacts();
  if (box.count > 1) {
    return (
      <DrawTip box={at}>
        <h4>{box.count} tables or runs</h4>
        <p className="draw-tip-keys">Too narrow to draw one by one. Click to zoom in.</p>
      </DrawTip>
    );
  }
  const table = map.kind[box.first] === MapNodeKind.Table;
  const leaves = map.kind[box.first] === MapNodeKind.Leaves;
  return (
    <DrawTip box={at}>
      <h4>
        <Glyph name={map.kind[box.first] === MapNodeKind.Bad ? "fault" : map.stage === 1 ? "stage1" : "stage2"} />
        {nodeName(facts, map, box.first)}
      </h4>
      <dl>
        {nodeFacts(facts, map, box.first).map(([name, value]) => (
          <div key={name} style={{ display: "contents" }}>
            <dt>{name}</dt>
            <dd>{typeof value === "string" ? value : <Hex value={value} />}</dd>
          </div>
        ))}
      </dl>
      <p className="draw-tip-keys">
        {table
          ? `Click to zoom to it${nodeLevel(map, box.first) === map.startLevel ? "" : ", double-click for the whole"}`
          : leaves
            ? chooseText
            : ""}
      </p>
    </DrawTip>
  );
}
