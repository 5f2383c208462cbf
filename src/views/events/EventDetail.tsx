/**
 * One event record whole and decoded, why it came about, and the checks in their order.
 */
import { ARCHITECTURES } from "../../arch/architectures.ts";
import type { EventRecord, WalkAnswer } from "../../protocol/engine.ts";
import { Button } from "../common/Button.tsx";
import { CopyButton } from "../common/CopyButton.tsx";
import { Glyph } from "../common/Glyph.tsx";
import { Icon } from "../common/Icon.tsx";
import { useFacts } from "../common/use_facts.ts";
import { outcomeText } from "../walk_grid/outcome_text.ts";
import { Checks } from "./Checks.tsx";
import { Comparison } from "./Comparison.tsx";
import { eventAccess, eventHex, eventSection, eventSentence } from "./event_reading.ts";
import { RecordFields } from "./RecordFields.tsx";

interface DetailProps {
  /** The recorded event chosen; null shows the walk's own. */
  readonly recorded: EventRecord | null;
  readonly own: EventRecord | null;
  readonly walk: WalkAnswer | null;
  /** Whether the recorded event stays on top of the list. */
  readonly pinned: boolean;
  readonly onPin: (event: EventRecord) => void;
}

export function EventDetail({ recorded, own, walk, pinned, onPin }: DetailProps) {
  const event = recorded ?? own;
  const facts = useFacts();
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reached by keyboard.
    <section className="event-detail" aria-label="Event record" tabIndex={0}>
      {event !== null && (
        <header className="event-head">
          <Glyph name="fault" />
          <h3>{event.name}</h3>
          <span className="nw-3 nw-small nw-ellipsis">
            0x{event.number.toString(16).padStart(2, "0")} · {eventSection(facts, event)}
          </span>
          <span className="nw-grow" />
          {recorded !== null && (
            <Button size="small" aria-pressed={pinned} onClick={() => onPin(recorded)}>
              <Icon name="pin" />
              {pinned ? "Unpin" : "Pin"}
            </Button>
          )}
          <CopyButton text={eventHex(event)} label="Copy record" />
        </header>
      )}
      <div className="event-body" data-event={event !== null}>
        <div>
          {event === null ? <NoEvent walk={walk} /> : <p className="event-text">{eventSentence(facts, event)}</p>}
          {recorded !== null && <Comparison recorded={recorded} own={own} walk={walk} />}
          {event !== null && <Why walk={walk} />}
          {recorded !== null && eventAccess(recorded)?.known !== true && (
            <p className="event-text nw-2">The record holds no address, so the walk shown is one of IOVA 0x0.</p>
          )}
        </div>
        {event !== null && <RecordFields event={event} />}
        {walk !== null && (
          <div>
            <Checks checks={walk.checks} />
          </div>
        )}
      </div>
    </section>
  );
}

function Why({ walk }: { readonly walk: WalkAnswer | null }) {
  if (walk?.outcome.type !== "fault") return null;
  const reason = ARCHITECTURES[walk.arch].reasons[walk.outcome.reason];
  if (reason === undefined) return null;
  return (
    <p className="event-text">
      <strong>{reason.text}</strong> <span className="nw-3">{reason.section}</span>
    </p>
  );
}

function NoEvent({ walk }: { readonly walk: WalkAnswer | null }) {
  if (walk === null) return <p className="nw-empty">Choose an access to see what it records.</p>;
  const text = outcomeText(walk);
  return (
    <p className="event-text">
      <strong>No event.</strong> {text.title} <span className="nw-2">{text.cause}</span>
    </p>
  );
}
