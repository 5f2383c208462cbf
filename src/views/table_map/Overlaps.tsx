/**
 * Memory that is reached in several ways: a strip of the ranges with a lane for each context, and a list whose lines lead
 * to the walks.
 */
import { useMemo, useRef, useState } from "react";
import { readAddress } from "../../app/address_input.ts";
import { REACH_BOX_ID } from "../../app/commands.ts";
import type { Progress } from "../../protocol/engine.ts";
import type { OverlapAnswer, OverlapQuery } from "../../protocol/overlaps.ts";
import { Button } from "../common/Button.tsx";
import { bytesText } from "../common/bytes_text.ts";
import { Hex } from "../common/Hex.tsx";
import { Tabs } from "../common/Tabs.tsx";
import { useApp } from "../common/use_app.ts";
import { useFacts } from "../common/use_facts.ts";
import { useSize } from "../common/use_size.ts";
import { VirtualList } from "../common/VirtualList.tsx";
import { overlapCells, planOverlaps } from "../geometry/overlap_strip.ts";
import { permissionText } from "../translations/leaf_rows.ts";
import { IcicleSvg } from "./IcicleSvg.tsx";
import { lineAccess, lineOf, type OverlapLine, overlapLines } from "./overlap_list.ts";
import { LANE_PX, overlapShapes } from "./overlap_shapes.ts";
import { contextText, laneText } from "./overlap_text.ts";
import { useZoom } from "./use_zoom.ts";

interface OverlapsProps {
  readonly query: OverlapQuery;
  /** Both stages translate, so that there are addresses between them. */
  readonly nested: boolean;
  /** Null while the search goes on. */
  readonly answer: OverlapAnswer | null;
  readonly progress: Progress | null;
  readonly onQuery: (query: OverlapQuery) => void;
  readonly onStop: () => void;
}

export function Overlaps({ query, nested, answer, progress, onQuery, onStop }: OverlapsProps) {
  const { requester } = useFacts();
  return (
    <section className="overlaps" aria-label="Overlaps">
      <div className="overlaps-head">
        <h3>Overlaps</h3>
        <Tabs<"this" | "all">
          label="Whose overlaps"
          chosen={query.all ? "all" : "this"}
          onChoose={(which) => onQuery({ ...query, all: which === "all" })}
          tabs={[
            { id: "this", text: `${requester} 0x${query.sid.toString(16)}` },
            { id: "all", text: "All" },
          ]}
        />
        {nested && (
          <Tabs<OverlapQuery["space"]>
            label="Addresses"
            chosen={query.space}
            onChoose={(space) => onQuery({ ...query, space })}
            tabs={[
              { id: "PA", text: "PA" },
              { id: "IPA", text: "IPA" },
            ]}
          />
        )}
        <AddressField space={query.space} onAddress={(at) => onQuery({ ...query, at })} />
        <span className="nw-2 nw-small" role="status">
          {answer === null ? searchText(progress) : <Summary answer={answer} at={query.at} />}
        </span>
        {answer === null && (
          <Button size="small" onClick={onStop}>
            Stop
          </Button>
        )}
      </div>
      {answer !== null && <Bypassing answer={answer} query={query} onQuery={onQuery} />}
      {answer !== null && answer.rows.length > 0 && <Found answer={answer} drawn={query.at === null} />}
    </section>
  );
}

const searchText = (progress: Progress | null): string =>
  progress === null
    ? "Looking…"
    : `Looking at ${progress.what}: ${Math.floor((100 * progress.done) / Math.max(1, progress.total))} %`;

/** An address whose ways are asked for; what is no address asks for overlaps. */
function AddressField(props: { readonly space: string; readonly onAddress: (at: bigint | null) => void }) {
  const [text, setText] = useState("");
  const read = readAddress(text);
  return (
    <label className="overlaps-address">
      <span className="nw-3">who reaches {props.space}</span>
      <input
        id={REACH_BOX_ID}
        className="nw-field nw-mono"
        placeholder="any address"
        spellCheck={false}
        autoComplete="off"
        value={text}
        aria-invalid={read.type === "wrong"}
        title={read.type === "wrong" ? read.why : undefined}
        onChange={({ target }) => {
          setText(target.value);
          const typed = readAddress(target.value);
          props.onAddress(typed.type === "address" ? typed.value : null);
        }}
      />
    </label>
  );
}

function Summary({ answer, at }: { readonly answer: OverlapAnswer; readonly at: bigint | null }) {
  const { ranges, bytes, contexts, rows, truncated, space } = answer;
  const seen = `${contexts.length} ${contexts.length === 1 ? "address space" : "address spaces"} looked through`;
  const cut = truncated ? ", not all there is" : "";
  if (at !== null) {
    const ways = rows.flatMap(({ reaches }) => reaches).reduce((sum, { count }) => sum + count, 0);
    const lead =
      ways === 0 ? "Nothing leads there" : ways === 1 ? "One address leads there" : `${ways} addresses lead there`;
    return `${lead}; ${seen}${cut}.`;
  }
  if (ranges === 0) return `Nothing is reached in more than one way; ${seen}${cut}.`;
  const first = rows.length < ranges ? `, the first ${rows.length} shown` : "";
  return `${ranges} ${ranges === 1 ? "range" : "ranges"} of ${space}, ${bytesText(bytes)} in all${first}; ${seen}${cut}.`;
}

/** Most streams that are named. */
const NAMED = 6;

/** Other streams that pass untranslated: they reach everything, and count where somebody wants to see that. */
function Bypassing(props: Pick<OverlapsProps, "query" | "onQuery"> & { readonly answer: OverlapAnswer }) {
  const { query, onQuery, answer } = props;
  const { requester } = useFacts();
  const others = answer.bypassing.filter((sid) => sid !== query.sid);
  if (others.length === 0 || answer.space === "IPA" || query.at !== null) return null;
  const names = others.slice(0, NAMED).map((sid) => `0x${sid.toString(16)}`);
  const rest = others.length - names.length;
  const one = others.length === 1;
  return (
    <p className="overlaps-note nw-small">
      {requester} {names.join(", ")}
      {rest > 0 && ` and ${rest} more`} {one ? "passes" : "pass"} untranslated and {one ? "reaches" : "reach"} all
      memory.{" "}
      <Button
        size="small"
        kind="quiet"
        aria-pressed={query.bypassing}
        onClick={() => onQuery({ ...query, bypassing: !query.bypassing })}
      >
        {one ? "Count it" : "Count them"}
      </Button>
    </p>
  );
}

/** Height of a line of the list. */
const LINE_PX = 22;
const LANES = 6;
const LABEL = 84;

function Found({ answer, drawn }: { readonly answer: OverlapAnswer; readonly drawn: boolean }) {
  const facts = useFacts();
  const access = useApp((app) => app.access);
  const choose = useApp((app) => app.chooseAccess);
  const lines = useMemo(() => overlapLines(answer.rows), [answer]);
  const chosen = useMemo(() => lineOf(answer, lines, access), [answer, lines, access]);
  const go = (line: OverlapLine | undefined): void => {
    if (line !== undefined) void choose(lineAccess(answer, line));
  };
  return (
    <>
      {drawn && (
        <Strip
          answer={answer}
          chosen={lines[chosen]?.row ?? -1}
          onChoose={(row, context) => go(lines.find((line) => line.row === row && line.reach.context === context))}
        />
      )}
      <div className="overlaps-list" style={{ flexBasis: lines.length * LINE_PX + 2 }}>
        <VirtualList
          label="Overlapping ranges"
          count={lines.length}
          chosen={chosen}
          reveal={answer}
          columns="minmax(6.5em, 14em) 5em minmax(4.5em, 12em) minmax(6.5em, 22em) minmax(3em, 1fr)"
          onChoose={(i) => go(lines[i])}
          row={(i) => (
            <Line answer={answer} line={lines[i]!} name={contextText(facts, answer, lines[i]!.reach.context)} />
          )}
        />
      </div>
    </>
  );
}

function Line(props: { readonly answer: OverlapAnswer; readonly line: OverlapLine; readonly name: string }) {
  const { answer, line, name } = props;
  const { from, to } = answer.rows[line.row]!;
  return (
    <>
      <span>
        <span className={line.first ? "" : "nw-sr"}>
          <span className="nw-sr">{answer.space} </span>
          <Hex value={from} />
        </span>
      </span>
      <span className="nw-2">{line.first && to - from > 1n ? bytesText(to - from) : ""}</span>
      <span>{name}</span>
      <span>
        <Hex value={line.input} />
        {line.more > 0 && <span className="nw-3"> and {line.more} more</span>}
      </span>
      <span className="nw-mono nw-3">{permissionText(line.reach.permissions)}</span>
    </>
  );
}

interface StripProps {
  readonly answer: OverlapAnswer;
  readonly chosen: number;
  readonly onChoose: (row: number, context: number) => void;
}

function Strip({ answer, chosen, onChoose }: StripProps) {
  const facts = useFacts();
  const [ref, size] = useSize<HTMLDivElement>();
  const plot = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState("");
  const width = Math.max(0, (size?.width ?? 0) - LABEL - 12);
  const zoom = useZoom(plot, width, answer.space);
  const plan = useMemo(() => planOverlaps(answer.rows, LANES), [answer]);
  const cells = useMemo(
    () => overlapCells(answer.rows, plan, { ...zoom.view, width: Math.max(1, width) }),
    [answer, plan, zoom.view, width],
  );
  const height = plan.lanes.length * LANE_PX;
  const cellAt = (e: { clientX: number; clientY: number }) => {
    const frame = plot.current?.getBoundingClientRect();
    if (frame === undefined) return undefined;
    const [x, lane] = [e.clientX - frame.left, Math.floor((e.clientY - frame.top) / LANE_PX)];
    return cells.find((c) => c.lane === lane && x >= c.x && x < c.x + c.width);
  };
  return (
    <div ref={ref} className="overlaps-strip" aria-hidden="true">
      <div className="overlaps-lanes" style={{ width: LABEL }}>
        {plan.lanes.map((context) => (
          <span key={context} style={{ height: LANE_PX }}>
            {laneText(facts, answer, context)}
          </span>
        ))}
      </div>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: a drawing of the list below, which keys reach. */}
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: as above. */}
      <div
        ref={plot}
        className="overlaps-plot"
        style={{ width, height }}
        title={at}
        onMouseMove={(e) => {
          const cell = cellAt(e);
          setAt(cell === undefined ? "" : cellText(answer, cell));
        }}
        onClick={(e) => {
          const cell = cellAt(e);
          if (cell !== undefined) onChoose(cell.first, plan.lanes[cell.lane]!);
        }}
        onDoubleClick={zoom.reset}
      >
        <IcicleSvg shapes={overlapShapes(plan, cells, { width, chosen })} width={width} height={height} />
      </div>
      {plan.hidden > 0 && <p className="overlaps-note nw-3 nw-small">and {plan.hidden} more in the list</p>}
    </div>
  );
}

function cellText({ rows, space }: OverlapAnswer, { first, count }: { first: number; count: number }): string {
  const { from } = rows[first]!;
  const { to } = rows[first + count - 1]!;
  const range = `${space} 0x${from.toString(16)} to 0x${(to - 1n).toString(16)}`;
  return count === 1 ? range : `${count} ranges, ${range}`;
}
