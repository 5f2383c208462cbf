/**
 * The events pane: the session's recorded events with the one of the current walk on top, and beside them the chosen
 * record in full.
 */
import "../common/drawing.css";
import "./events.css";
import { useState } from "react";
import { sameAccess } from "../../app/first_choice.ts";
import type { EventRecord } from "../../protocol/engine.ts";
import { useApp, useEngineQuery } from "../common/use_app.ts";
import { EventDetail } from "./EventDetail.tsx";
import { EventTable } from "./EventTable.tsx";
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
  const [chosen, setChosen] = useState<EventRecord | null>(null);
  const own = walk?.outcome.type === "fault" ? walk.outcome.event : null;
  // A recorded event stays chosen while its access is: choosing another access elsewhere goes back to the walk's own.
  const held =
    chosen !== null && recorded.includes(chosen) && sameAccess(eventAccess(chosen).access, access) ? chosen : null;

  function choose(event: EventRecord | null): void {
    setChosen(event);
    if (event !== null) void chooseAccess(eventAccess(event).access);
  }

  return (
    <div className="events">
      <EventTable own={own} ended={walk !== null} recorded={recorded} chosen={held} onChoose={choose} />
      <EventDetail recorded={held} own={own} walk={walk} />
    </div>
  );
}
