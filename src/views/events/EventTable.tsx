/**
 * The list of events: the current walk's own first, then what the session holds, newest last as it was recorded.
 */
import { useMemo } from "react";
import type { EventRecord } from "../../protocol/engine.ts";
import { Glyph } from "../common/Glyph.tsx";
import { Hex } from "../common/Hex.tsx";
import { VirtualList } from "../common/VirtualList.tsx";
import { eventFacts } from "./event_reading.ts";

/** The style sheet decides: a narrow window has fewer. */
const COLUMNS = "var(--event-columns)";

interface TableProps {
  readonly own: EventRecord | null;
  /** Whether there is a walk at all. */
  readonly ended: boolean;
  readonly recorded: readonly EventRecord[];
  /** The recorded event chosen, or null for the walk's own. */
  readonly chosen: EventRecord | null;
  readonly onChoose: (event: EventRecord | null) => void;
}

export function EventTable({ own, ended, recorded, chosen, onChoose }: TableProps) {
  const rows = useMemo(() => [own, ...recorded], [own, recorded]);
  const at = chosen === null ? 0 : recorded.indexOf(chosen) + 1;
  return (
    <div className="event-list">
      <div className="event-heads" style={{ gridTemplateColumns: COLUMNS }} aria-hidden="true">
        <span>No.</span>
        <span>Event</span>
        <span>SID</span>
        <span>RnW</span>
        <span>S2</span>
        <span>CLASS</span>
        <span>InputAddr</span>
        <span>IPA, or PA read</span>
      </div>
      <VirtualList
        label="Events, the current walk's first"
        count={rows.length}
        chosen={at}
        reveal={chosen}
        onChoose={(row) => onChoose(row === 0 ? null : recorded[row - 1]!)}
        columns={COLUMNS}
        row={(row) => {
          const event = rows[row];
          if (event === null || event === undefined) {
            return (
              <>
                <span className="nw-3">walk</span>
                <span className="event-none nw-2">{ended ? "This walk records no event." : "No walk yet."}</span>
              </>
            );
          }
          return <Cells event={event} number={row === 0 ? "walk" : String(row)} />;
        }}
      />
    </div>
  );
}

function Cells({ event, number }: { readonly event: EventRecord; readonly number: string }) {
  const facts = eventFacts(event);
  return (
    <>
      <span className="nw-3">{number}</span>
      <span className="event-name">
        <Glyph name="fault" />
        {event.name}
      </span>
      <span>{facts.sid !== null && <Hex value={facts.sid} />}</span>
      <span className="nw-2">{facts.write === null ? "–" : facts.write ? "w" : "r"}</span>
      <span>{facts.s2 === null ? "–" : facts.s2 ? "1" : "0"}</span>
      <span>{facts.phase ?? "–"}</span>
      <span>{facts.input === null ? <span className="nw-3">–</span> : <Hex value={facts.input} />}</span>
      <span>
        {facts.second === null ? (
          <span className="nw-3">–</span>
        ) : (
          <>
            <span className="nw-3">{facts.second.space === "PA" ? "PA " : ""}</span>
            <Hex value={facts.second.value} />
          </>
        )}
      </span>
    </>
  );
}
