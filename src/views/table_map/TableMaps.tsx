/**
 * The tables of the chosen context: a map of stage 1 above a map of stage 2, with the path of the current walk.
 */
import "../common/drawing.css";
import "./table_map.css";
import { useMemo, useState } from "react";
import { currentRecord } from "../../app/records.ts";
import type { StructureQuery, TableMapColumns } from "../../protocol/engine.ts";
import type { OverlapQuery } from "../../protocol/overlaps.ts";
import { Button } from "../common/Button.tsx";
import { Glyph } from "../common/Glyph.tsx";
import { useApp, useEngineQuery } from "../common/use_app.ts";
import { useFacts } from "../common/use_facts.ts";
import { traceSteps } from "../common/walk_reading.ts";
import { type MarkedRanges, markedRanges } from "../geometry/overlap_strip.ts";
import { type MapScale, nodeRange, nodeTarget } from "../geometry/table_map.ts";
import { currentIpa, focusStep } from "../walk_grid/walk_view.ts";
import { Icicle } from "./Icicle.tsx";
import { MapEditor } from "./MapEditor.tsx";
import { leafLg2, nodeLevel } from "./node_text.ts";
import { Overlaps } from "./Overlaps.tsx";
import { useOverlaps } from "./use_overlaps.ts";

/** Which context the maps are of, for the pane's head. */
export function TableMapsCaption() {
  const stream = useApp((app) => app.stream);
  const { requester, context } = useFacts();
  if (stream === null) return null;
  const ssid = stream.ssid === null ? "" : `, ${context} 0x${stream.ssid.toString(16)}`;
  return `${requester} 0x${stream.sid.toString(16)}${ssid} · fill: entries in use`;
}

const FIRST_QUERY = { space: "PA", all: false, bypassing: false, at: null } as const;

export default function TableMaps() {
  const stream = useApp((app) => app.stream);
  const [scale, setScale] = useState<MapScale>("even");
  const key = stream === null ? null : `${stream.sid} ${stream.ssid}`;
  const ask = (stage: 1 | 2) => ({
    key: key === null ? null : `tables ${key} stage ${stage}`,
    sid: stream?.sid ?? 0,
    ssid: stream?.ssid ?? null,
  });
  const first = ask(1);
  const second = ask(2);
  const one = useEngineQuery(first.key, async (e) => ({ map: await e.tableMap(first.sid, first.ssid, 1) }));
  const two = useEngineQuery(second.key, async (e) => ({ map: await e.tableMap(second.sid, second.ssid, 2) }));
  const both = one.answer?.map != null && two.answer?.map != null;
  const shown = useApp((app) => app.overlapsShown);
  const showOverlaps = useApp((app) => app.showOverlaps);
  const [wanted, setWanted] = useState<Omit<OverlapQuery, "sid" | "ssid">>(FIRST_QUERY);
  const query = stream === null ? null : ({ ...wanted, ...stream, space: both ? wanted.space : "PA" } as const);
  const overlaps = useOverlaps(shown ? query : null);
  const shared = useMemo(
    () => (overlaps.answer === null ? null : markedRanges(overlaps.answer.marks)),
    [overlaps.answer],
  );
  if (stream === null) return <p className="nw-empty">Choose a stream to see its tables.</p>;
  return (
    <div className="table-maps">
      <fieldset className="table-scale" aria-label="Widths">
        <Button size="small" kind="quiet" aria-pressed={scale === "even"} onClick={() => setScale("even")}>
          Even widths
        </Button>
        <Button size="small" kind="quiet" aria-pressed={scale === "leaves"} onClick={() => setScale("leaves")}>
          Widths by leaves
        </Button>
        <Button size="small" kind="quiet" aria-pressed={shown} onClick={() => showOverlaps(!shown)}>
          Overlaps
        </Button>
        <span className="nw-3 nw-small">
          Bars: solid is read and write, ruled is read only, notched is contiguous; dashes are a hole.
          {shared !== null && " A solid upper edge: reached in other ways, too."} The wheel zooms, dragging moves, a
          click on a table shows it alone.
        </span>
      </fieldset>
      {shown && query !== null && (
        <Overlaps query={query} nested={both} {...overlaps} onQuery={setWanted} onStop={() => showOverlaps(false)} />
      )}
      <StageMap stage={1} answer={one.answer} nested={both} scale={scale} shared={shared} />
      <StageMap stage={2} answer={two.answer} nested={both} scale={scale} shared={both ? null : shared} />
    </div>
  );
}

export { TableMaps };

interface StageMapProps {
  readonly stage: 1 | 2;
  /** Null while it is on its way. */
  readonly answer: { readonly map: TableMapColumns | null } | null;
  readonly nested: boolean;
  readonly scale: MapScale;
  readonly shared: MarkedRanges | null;
}

function StageMap({ stage, answer, nested, scale, shared }: StageMapProps) {
  const stream = useApp((app) => app.stream);
  const chooseAccess = useApp((app) => app.chooseAccess);
  const inspect = useApp((app) => app.inspect);
  const edited = useApp((app) => app.mapEdited === stage);
  const editMap = useApp((app) => app.editMap);
  const inputs = useWalkedInputs(stage, nested);
  const map = answer?.map ?? null;
  const name = `Stage ${stage}`;
  return (
    <section className="stage-map" aria-label={name} data-empty={map === null}>
      <h3>
        <Glyph name={stage === 1 ? "stage1" : "stage2"} /> {name}{" "}
        <span className="stage-map-about nw-3 nw-small">
          {answer === null
            ? "reading tables"
            : map === null
              ? "not used by this stream"
              : `${count(map.leaves, "leaf", "leaves")} in ${count(map.tables, "table", "tables")} · ${map.inputBits} bits of input${map.truncated ? " · too many to show all" : ""}`}
        </span>
        {map !== null && (
          <Button
            size="small"
            kind="quiet"
            aria-expanded={edited}
            aria-label={`Change what stage ${stage} maps`}
            onClick={() => editMap(edited ? null : stage)}
          >
            Change…
          </Button>
        )}
      </h3>
      {map !== null && edited && <MapEditor stage={stage} near={inputs.current} granuleLg2={map.granuleLg2} />}
      {map !== null && map.count === 0 && <p className="nw-empty">The root table maps nothing.</p>}
      {map !== null && map.count > 0 && (
        <Icicle
          map={map}
          scale={scale}
          walked={inputs.walked}
          current={inputs.current}
          shared={shared}
          chooseText={stage === 2 && nested ? "Click to inspect its descriptor" : "Click to walk to it"}
          onChoose={(node, input) => {
            if (stream === null) return;
            if (stage === 2 && nested) inspect(leafQuery(map, node, input, stream.sid));
            else void chooseAccess({ ...stream, iova: input, write: false, privileged: false, instruction: false });
          }}
        />
      )}
    </section>
  );
}

const count = (n: number, one: string, many: string): string =>
  `${n.toLocaleString("en").replaceAll(",", "\u2009")} ${n === 1 ? one : many}`;

/** The stage-2 descriptor that maps `input` in run `node`: entry of the table above it. */
function leafQuery(map: TableMapColumns, node: number, input: bigint, sid: number): StructureQuery {
  const table = map.parent[node]!;
  const entry = (input - nodeRange(map, table).from) >> BigInt(leafLg2(map, node));
  return {
    kind: map.stage === 1 ? "S1 descriptor" : "S2 descriptor",
    pa: nodeTarget(map, table) + 8n * entry,
    level: nodeLevel(map, node),
    granuleLg2: map.granuleLg2,
    sid,
  };
}

/** Input addresses that the current walk translated at a stage, and the one in hand. */
function useWalkedInputs(stage: 1 | 2, nested: boolean): { walked: readonly bigint[]; current: bigint | null } {
  const walk = useApp((app) => app.walk);
  const shown = useApp((app) => app.shown);
  const selected = useApp((app) => app.selected);
  return useMemo(() => {
    if (walk === null) return { walked: [], current: null };
    const { iova } = walk.access;
    if (stage === 1) return { walked: [iova], current: iova };
    const steps = traceSteps(walk);
    const seen = steps.filter((s) => s.record < shown && s.kind === "Descriptor" && s.stage === 2).map((s) => s.input);
    const focus = focusStep(steps, { selected, current: currentRecord(walk.trace, shown) });
    return { walked: [...new Set(seen)], current: nested ? currentIpa(steps, focus, true) : iova };
  }, [walk, shown, selected, stage, nested]);
}
