/**
 * The events pane: what the session holds, filtered and pinned, with the event of the current walk on top, and beside it
 * the chosen record in full.
 */
import "../common/drawing.css";
import "./events.css";
import { useCallback, useDeferredValue, useMemo, useState } from "react";
import { FILTER_BOX_ID } from "../../app/commands.ts";
import { readFilter } from "../../app/filter/filter.ts";
import { sameAccess } from "../../app/first_choice.ts";
import type { EventRecord } from "../../protocol/engine.ts";
import { Button } from "../common/Button.tsx";
import { FilterBox } from "../common/FilterBox.tsx";
import { useApp, useEngineQuery } from "../common/use_app.ts";
import { useFacts } from "../common/use_facts.ts";
import { EventDetail } from "./EventDetail.tsx";
import { EventRate } from "./EventRate.tsx";
import { EventTable } from "./EventTable.tsx";
import { eventFields } from "./event_fields.ts";
import { eventAccess } from "./event_reading.ts";

const NONE: readonly EventRecord[] = [];

/** How many events there are, for the pane's head. */
export function EventsCaption() {
  const recorded = useApp((app) => app.summary?.recorded.events ?? 0);
  const walk = useApp((app) => app.walk);
  const own = walk?.outcome.type === "fault" ? "this walk records one" : walk === null ? "" : "this walk records none";
  const list = recorded === 0 ? "none in the session" : `${recorded} in the session`;
  return own === "" ? list : `${list} · ${own}`;
}

export function Events() {
  const walk = useApp((app) => app.walk);
  const access = useApp((app) => app.access);
  const chooseAccess = useApp((app) => app.chooseAccess);
  const { answer } = useEngineQuery("events", (engine) => engine.events());
  const recorded = answer ?? NONE;
  const facts = useFacts();
  const [chosen, setChosen] = useState<EventRecord | null>(null);
  const [pins, setPins] = useState<readonly EventRecord[]>(NONE);
  const [text, setText] = useState("");
  const [rate, setRate] = useState(false);

  const typed = useDeferredValue(text);
  const fields = useMemo(() => eventFields(facts, recorded), [facts, recorded]);
  const filter = useMemo(() => readFilter(typed, fields), [typed, fields]);
  const all = useMemo(() => recorded.map((event, i) => ({ number: i + 1, event })), [recorded]);
  // What is wrong with a filter is said beside it; the list stays as it is without one.
  const passing = useMemo(() => (filter.ok ? all.filter(filter.test) : all), [all, filter]);
  const rows = useMemo(() => {
    const first = all.filter((r) => pins.includes(r.event));
    return first.length === 0 ? passing : [...first, ...passing.filter((r) => !pins.includes(r.event))];
  }, [all, passing, pins]);
  const passes = useCallback((row: number) => !filter.ok || filter.test(all[row]!), [filter, all]);

  const own = walk?.outcome.type === "fault" ? walk.outcome.event : null;
  // A recorded event stays chosen while its access is: choosing another access elsewhere goes back to the walk's own.
  const held =
    chosen !== null && recorded.includes(chosen) && sameAccess(eventAccess(chosen)?.access ?? access, access)
      ? chosen
      : null;

  function choose(event: EventRecord | null): void {
    setChosen(event);
    const leads = event === null ? null : eventAccess(event);
    if (leads !== null) void chooseAccess(leads.access);
  }
  const pin = (event: EventRecord): void =>
    setPins(pins.includes(event) ? pins.filter((e) => e !== event) : [...pins, event]);

  return (
    <div className="events">
      <div className="events-left">
        {recorded.length > 0 && (
          <div className="events-tools">
            <FilterBox
              id={FILTER_BOX_ID}
              label="Filter the events"
              placeholder={`event=${recorded[0]?.name ?? ""} sid=0x10 iova>=0x1000`}
              text={text}
              fields={fields}
              filter={filter}
              onText={setText}
            />
            <span className="nw-2 nw-small nw-nowrap" role="status" aria-label="Events that pass">
              {typed.trim() === "" || !filter.ok ? "" : `${passing.length} of ${recorded.length}`}
            </span>
            <Button size="small" aria-pressed={rate} onClick={() => setRate(!rate)}>
              Rate
            </Button>
          </div>
        )}
        {rate && <EventRate events={recorded} passes={passes} onFilter={setText} />}
        <EventTable
          own={own}
          ended={walk !== null}
          rows={rows}
          pinned={rows.length === 0 ? 0 : pins.filter((p) => recorded.includes(p)).length}
          chosen={held}
          onChoose={choose}
        />
      </div>
      <EventDetail recorded={held} own={own} walk={walk} pinned={held !== null && pins.includes(held)} onPin={pin} />
    </div>
  );
}
