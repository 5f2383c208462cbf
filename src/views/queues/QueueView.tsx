/** One queue: ring, facts, and the entries around the consumer. */
import { useState } from "react";
import {
  MAX_QUEUE_ENTRIES,
  type QueueEntry,
  type QueueIndex,
  type QueueReader,
  type QueueRow,
} from "../../protocol/inspection.ts";
import { DecodedFields, fieldsLine } from "../common/DecodedFields.tsx";
import { Glyph } from "../common/Glyph.tsx";
import { Hex } from "../common/Hex.tsx";
import { NoticeBox } from "../common/NoticeBox.tsx";
import { useEngineQuery } from "../common/use_app.ts";
import { VirtualList } from "../common/VirtualList.tsx";
import { WriterText } from "../common/WriterText.tsx";
import { Reader } from "./Reader.tsx";
import { RingDrawing } from "./RingDrawing.tsx";

const NONE: readonly QueueEntry[] = [];
/** Entries listed before the consumer. */
const BEFORE = 32;
const LISTED = Math.min(512, MAX_QUEUE_ENTRIES);

interface QueueViewProps {
  readonly queue: QueueRow;
  readonly reader: QueueReader | undefined;
}

export function QueueView({ queue, reader }: QueueViewProps) {
  const { id, entries, consumer } = queue;
  const [chosen, setChosen] = useState<number | null>(null);
  const count = Math.min(LISTED, entries);
  const from = count === entries ? 0 : Math.max(0, Math.min(entries - count, consumer.index - BEFORE));
  const { answer } = useEngineQuery(queue.enabled ? `entries ${id} ${from}` : null, (engine) =>
    engine.queueEntries(id, from, count),
  );
  const rows = answer ?? NONE;
  const entry = rows.find((e) => e.index === chosen) ?? null;
  return (
    <section className="queue" aria-label={queue.title}>
      <header className="queue-head">
        <h3>{queue.title}</h3>
        <span className="nw-3 nw-small nw-nowrap">
          {queue.enabled ? (
            <>
              PA <Hex value={queue.base} />, {entries.toLocaleString("en").replace(/,/g, "\u2009")} slots
            </>
          ) : (
            "not enabled"
          )}
        </span>
      </header>
      {queue.enabled ? (
        <>
          <Reader queue={id} waiting={queue.waiting} reader={reader} />
          <div className="queue-ring">
            <RingDrawing queue={queue} chosen={chosen} />
            <Facts queue={queue} />
          </div>
          {queue.error !== null && (
            <div className="queue-error">
              <NoticeBox tone="fault" title="The queue stands still." detail={queue.error} />
            </div>
          )}
          <VirtualList
            label={`Entries of the ${queue.title}`}
            count={rows.length}
            chosen={rows.findIndex((e) => e.index === chosen)}
            reveal={consumer.index}
            near={rows.findIndex((e) => e.index === consumer.index)}
            columns="58px 12px minmax(90px, auto) minmax(0, 1fr)"
            onChoose={(row) => setChosen(rows[row]?.index ?? null)}
            row={(row) => <EntryCells entry={rows[row]} queue={queue} />}
          />
          {entry !== null && <Slot entry={entry} bytes={queue.entryBytes} />}
        </>
      ) : (
        <p className="nw-empty">Software has not enabled it.</p>
      )}
    </section>
  );
}

function Slot({ entry, bytes }: { readonly entry: QueueEntry; readonly bytes: number }) {
  const { answer: writer } = useEngineQuery(`writer ${entry.at} ${bytes}`, (engine) => engine.writer(entry.at, bytes));
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reached by keyboard.
    <section className="queue-entry" aria-label={`Slot ${entry.index}`} tabIndex={0}>
      <p>
        <strong>{entry.name === "" ? "Slot" : entry.name}</strong>{" "}
        <span className="nw-3">
          at PA <Hex value={entry.at} />, written by <WriterText writer={writer} />
        </span>
      </p>
      <DecodedFields label={`Fields of slot ${entry.index}`} fields={entry.fields} />
    </section>
  );
}

function Facts({ queue }: { readonly queue: QueueRow }) {
  const end = ({ register, index, wrap }: QueueIndex) => (
    <>
      <dt>{register}</dt>
      <dd>
        <Hex value={index} />
        {wrap !== null && `, wrap ${wrap}`}
      </dd>
    </>
  );
  return (
    <dl className="queue-facts">
      {end(queue.producer)}
      {end(queue.consumer)}
      <dt>Written by</dt>
      <dd>{queue.writer}</dd>
      <dt>Entry</dt>
      <dd>{queue.entryBytes} bytes</dd>
      <dt>Overflow</dt>
      <dd className={queue.overflow ? "nw-fault" : ""}>{queue.overflow ? "records were lost" : "no"}</dd>
    </dl>
  );
}

function EntryCells({ entry, queue }: { readonly entry: QueueEntry | undefined; readonly queue: QueueRow }) {
  if (entry === undefined) return null;
  const next = entry.index === queue.consumer.index && entry.waiting;
  return (
    <>
      <span className="nw-3 nw-mono">0x{entry.index.toString(16)}</span>
      <span title={entry.waiting ? "waits" : "read, or never written"}>
        {next ? <Glyph name={queue.error === null ? "missed" : "fault"} /> : entry.waiting ? "»" : ""}
      </span>
      <span className={entry.waiting ? "nw-strong" : "nw-2"}>{entryName(entry)}</span>
      <span className="queue-operands nw-small">
        {(isEmpty(entry) ? [] : fieldsLine(entry.fields.filter((f) => f.meaning !== entry.name))).map(
          ({ name, value }) => (
            <span key={name}>
              <span className="nw-3">{name}</span> <Hex value={value} />
            </span>
          ),
        )}
      </span>
    </>
  );
}

const isEmpty = (entry: QueueEntry): boolean => !entry.waiting && entry.words?.every((w) => w === 0) === true;

function entryName(entry: QueueEntry): string {
  return entry.words === null ? "not in the session" : isEmpty(entry) ? "empty" : entry.name;
}
