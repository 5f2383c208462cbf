/**
 * Whether the model writes the record that was recorded, and where not, in which fields.
 */
import type { FieldValue } from "../../base/layout.ts";
import type { EventRecord, WalkAnswer } from "../../protocol/engine.ts";
import { Glyph } from "../common/Glyph.tsx";
import { useFacts } from "../common/use_facts.ts";
import { fieldText } from "../inspector/field_text.ts";
import { outcomeText } from "../walk_grid/outcome_text.ts";
import { differingFields } from "./event_reading.ts";

export function Comparison(props: {
  readonly recorded: EventRecord;
  readonly own: EventRecord | null;
  readonly walk: WalkAnswer | null;
}) {
  const { recorded, own, walk } = props;
  const facts = useFacts();
  if (walk === null) return null;
  if (own === null) {
    return (
      <p className="event-text event-differs">
        <Glyph name="stale" /> The model records no event for this access now. {outcomeText(walk).title}
      </p>
    );
  }
  const differing = differingFields(facts, recorded, own);
  if (differing === null) {
    return (
      <p className="event-text event-differs">
        <Glyph name="stale" /> The model records {own.name} for this access now.
      </p>
    );
  }
  if (differing.length === 0) {
    return (
      <p className="event-text nw-2">
        <Glyph name="ok" /> The model writes the same record for this access.
      </p>
    );
  }
  return (
    <p className="event-text event-differs">
      <Glyph name="stale" /> The model writes{" "}
      {differing.map(([was, is], i) => (
        <span key={was.declaration.name}>
          {i > 0 && ", "}
          {name(is)} <code>{fieldText(is.declaration, is.value)}</code> where{" "}
          <code>{fieldText(was.declaration, was.value)}</code> was recorded
        </span>
      ))}
      .
    </p>
  );
}

function name({ declaration: d }: FieldValue): string {
  return d.form === "reserved" ? `bits ${d.hi}:${d.lo}` : d.name;
}
