/** The streams of the session: what the IOMMU would do with each, and how many events it recorded for it. */
import { useMemo } from "react";
import type { StreamRow } from "../../protocol/engine.ts";
import { Glyph } from "../common/Glyph.tsx";
import { Hex } from "../common/Hex.tsx";
import { Pane } from "../common/Pane.tsx";
import { useApp } from "../common/use_app.ts";
import { useWords } from "../common/use_words.ts";
import { VirtualList } from "../common/VirtualList.tsx";
import { NothingOpen } from "./NothingOpen.tsx";
import { type ListedRow, listRows } from "./stream_rows.ts";
import "./streams.css";

export function Streams() {
  const streams = useApp((app) => app.streams);
  const total = useApp((app) => app.summary?.streams ?? 0);
  const stream = useApp((app) => app.stream);
  const choose = useApp((app) => app.chooseStream);
  const rows = useMemo(() => listRows(streams ?? [], stream?.sid ?? null), [streams, stream?.sid]);
  const exact = rows.findIndex((r) => r.stream.sid === stream?.sid && r.ssid === stream.ssid);
  // A context that is not listed (no valid CD) belongs to its stream.
  const chosen = exact >= 0 ? exact : rows.findIndex((r) => r.stream.sid === stream?.sid);
  return (
    <Pane id="streams" title="Streams" about={streams === null ? undefined : String(total)}>
      {streams === null ? (
        <NothingOpen />
      ) : rows.length === 0 ? (
        <p className="nw-empty">No stream table entry is valid, and no device is named.</p>
      ) : (
        <VirtualList
          label="Streams"
          count={rows.length}
          chosen={chosen}
          reveal={streams}
          columns="10px 30px minmax(0, 1fr) auto"
          onChoose={(i) => {
            const row = rows[i];
            if (row !== undefined) void choose(row.stream.sid, row.ssid);
          }}
          row={(i) => (rows[i] === undefined ? null : <StreamCells row={rows[i]} />)}
        />
      )}
    </Pane>
  );
}

function StreamCells({ row }: { readonly row: ListedRow }) {
  const { stream, ssid } = row;
  const { context } = useWords();
  if (ssid !== null) {
    return (
      <>
        <span />
        <span className="nw-3">{context}</span>
        <Hex value={ssid} />
      </>
    );
  }
  const bad = stream.state === "invalid";
  const iommu = stream.tags.find(({ name }) => name === "IOMMU")?.value;
  return (
    <>
      <Glyph name={bad ? "fault" : stream.state === "unknown" ? "unknown" : "config"} />
      <Hex value={stream.sid} digits={2} />
      <span className="nw-ellipsis">
        {stream.bdf !== null && <span className="nw-2">{shortBdf(stream.bdf)} </span>}
        <span className={`nw-3${isPciId(stream.label) ? " stream-id" : ""}`}>
          {stream.label ?? (stream.bdf === null ? "no device named" : "")}
        </span>
      </span>
      <span className="stream-end">
        {iommu !== undefined && (
          <span className="stream-iommu nw-3" title={`behind IOMMU ${iommu}`}>
            <span>IOMMU </span>
            {iommu}
          </span>
        )}
        <Stages state={stream.state} />
        <span className="stream-events nw-fault">
          {stream.events > 0 && (
            <span title={`${stream.events} recorded ${stream.events === 1 ? "event" : "events"}`}>
              <Glyph name="fault" /> {stream.events}
              <span className="nw-sr"> recorded {stream.events === 1 ? "event" : "events"}</span>
            </span>
          )}
        </span>
      </span>
    </>
  );
}

/** What the stream table entry makes of a stream: a glyph for each stage, else a word. */
function Stages({ state }: { readonly state: StreamRow["state"] }) {
  const first = state === "nested" || state === "stage 1";
  const second = state === "nested" || state === "stage 2";
  if (!first && !second) return <span className={state === "invalid" ? "nw-fault" : "nw-3"}>{state}</span>;
  return (
    <span className="stream-stages" title={state}>
      {first ? <Glyph name="stage1" /> : <span />}
      {second ? <Glyph name="stage2" /> : <span />}
      <span className="nw-sr">{state}</span>
    </span>
  );
}

/** Whether a label is vendor:device, which says little and has to stand whole or not at all. */
function isPciId(label: string | null): boolean {
  return /^(0x)?[0-9a-f]{4}:(0x)?[0-9a-f]{4}$/i.test(label ?? "");
}

/** PCI segment 0 goes without saying. */
function shortBdf(bdf: string): string {
  return bdf.replace(/^0000:/, "");
}
