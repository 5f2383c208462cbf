/**
 * An event record's words, each with its fields beneath.
 */
import { decodeFields, type FieldValue } from "../../base/layout.ts";
import type { EventRecord } from "../../protocol/engine.ts";
import { Hex } from "../common/Hex.tsx";
import { useFacts } from "../common/use_facts.ts";
import { fieldText, isBinary } from "../inspector/field_text.ts";
import { eventLayout, eventWords } from "./event_reading.ts";

export function RecordFields({ event }: { readonly event: EventRecord }) {
  const facts = useFacts();
  const fields = decodeFields(eventLayout(facts, event), event.words);
  const words = eventWords(event).map((value, word) => ({ value, word }));
  return (
    <table className="record">
      <caption className="nw-sr">Fields of the {event.name} record</caption>
      {words.map(({ value, word }) => (
        <Word key={word} word={word} value={value} fields={fields.filter((f) => f.declaration.lo >> 6 === word)} />
      ))}
    </table>
  );
}

interface WordProps {
  readonly word: number;
  readonly value: bigint;
  readonly fields: readonly FieldValue[];
}

function Word({ word, value, fields }: WordProps) {
  // Undefined bits are worth a line only where they are set.
  const listed = fields.filter((f) => f.declaration.form !== "reserved" || f.value !== 0n);
  return (
    <tbody>
      <tr className="record-word">
        <th scope="rowgroup" colSpan={2}>
          Word {word} {listed.length === 0 && <span className="nw-3">not defined for this event</span>}
        </th>
        <td>
          <Hex value={value} digits={16} />
        </td>
      </tr>
      {listed.map((f) => (
        <Field key={f.declaration.name} field={f} />
      ))}
    </tbody>
  );
}

function Field({ field }: { readonly field: FieldValue }) {
  const { declaration: d, value, meaning } = field;
  const bits = d.hi === d.lo ? `${d.hi & 63}` : `${d.hi & 63}:${d.lo & 63}`;
  return (
    <tr>
      <td className="record-bits">{bits}</td>
      <th scope="row">
        {d.form === "reserved" ? <span className="nw-3">{d.about}</span> : d.name}{" "}
        <span className="nw-3 nw-small">{meaning ?? ""}</span>
      </th>
      <td>{isBinary(d) ? <code>{fieldText(d, value)}</code> : <Hex value={value} />}</td>
    </tr>
  );
}
