/**
 * The list of events: the current walk's own first, then those that are pinned, then what passes the filter in the
 * order in which it was recorded.
 */
import type { EventRecord } from "../../protocol/engine.ts";
import { Glyph } from "../common/Glyph.tsx";
import { Hex } from "../common/Hex.tsx";
import { Icon } from "../common/Icon.tsx";
import { useFacts } from "../common/use_facts.ts";
import { VirtualList } from "../common/VirtualList.tsx";
import { fieldText, isBinary } from "../inspector/field_text.ts";
import type { NumberedEvent } from "./event_fields.ts";
import { eventNotes } from "./event_reading.ts";

/** The style sheet decides: a narrow window has fewer. */
const COLUMNS = "var(--event-columns)";

interface TableProps {
  readonly own: EventRecord | null;
  /** Whether there is a walk at all. */
  readonly ended: boolean;
  readonly rows: readonly NumberedEvent[];
  /** How many of the rows, from the first, are pinned. */
  readonly pinned: number;
  /** The recorded event chosen, or null for the walk's own. */
  readonly chosen: EventRecord | null;
  readonly onChoose: (event: EventRecord | null) => void;
}

export function EventTable({ own, ended, rows, pinned, chosen, onChoose }: TableProps) {
  const { requester } = useFacts();
  const at = chosen === null ? 0 : rows.findIndex((r) => r.event === chosen) + 1;
  return (
    <div className="event-list">
      <div className="event-heads" style={{ gridTemplateColumns: COLUMNS }} aria-hidden="true">
        <span>No.</span>
        <span>Event</span>
        <span>{requester}</span>
        <span />
        <span>Address</span>
        <span>Says</span>
      </div>
      <VirtualList
        label="Events, the current walk's first"
        count={rows.length + 1}
        chosen={at}
        reveal={chosen}
        onChoose={(row) => onChoose(row === 0 ? null : (rows[row - 1]?.event ?? null))}
        columns={COLUMNS}
        row={(row) => {
          const event = row === 0 ? own : rows[row - 1]?.event;
          if (event === null || event === undefined) {
            return (
              <>
                <span className="nw-3">walk</span>
                <span className="event-none nw-2">{ended ? "This walk records no event." : "No walk yet."}</span>
              </>
            );
          }
          const number = row === 0 ? "walk" : String(rows[row - 1]?.number);
          return <Cells event={event} number={number} pinned={row > 0 && row <= pinned} />;
        }}
      />
    </div>
  );
}

interface CellsProps {
  readonly event: EventRecord;
  readonly number: string;
  readonly pinned: boolean;
}

function Cells({ event, number, pinned }: CellsProps) {
  const { sid, access } = event;
  const facts = useFacts();
  return (
    <>
      <span className="nw-3 event-number">
        {pinned && <Icon name="pin" />}
        {number}
      </span>
      <span className="event-name">
        <Glyph name="fault" />
        {event.name}
      </span>
      <span>{sid !== null && <Hex value={sid} />}</span>
      <span className="nw-2">{access === null ? "–" : access.instruction ? "x" : access.write ? "w" : "r"}</span>
      <span>{access === null ? <span className="nw-3">–</span> : <Hex value={access.iova} />}</span>
      <span className="event-notes">
        {event.iommu !== undefined && (
          <span>
            <span className="nw-3">IOMMU</span> <span className="nw-mono">{event.iommu}</span>
          </span>
        )}
        {eventNotes(facts, event).map(({ declaration: d, value, meaning }) => (
          <span key={d.name}>
            <span className="nw-3">{d.name}</span>{" "}
            {isBinary(d) ? (
              <span className="nw-mono">{codeName(meaning) ?? fieldText(d, value)}</span>
            ) : (
              <Hex value={value} />
            )}
          </span>
        ))}
      </span>
    </>
  );
}

/** The name of a code, where its meaning begins with one: `TT: a table` is `TT`. */
function codeName(meaning: string | undefined): string | undefined {
  return /^([A-Z0-9]{1,6}):/.exec(meaning ?? "")?.[1];
}
