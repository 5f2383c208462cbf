/** Fields that the engine decoded, as a table: bits, name with its meaning, value. */
import type { DecodedField } from "../../protocol/inspection.ts";
import { Hex } from "./Hex.tsx";
import "./decoded_fields.css";

interface DecodedFieldsProps {
  /** Name for readers of the screen. */
  readonly label: string;
  readonly fields: readonly DecodedField[];
}

export function DecodedFields({ label, fields }: DecodedFieldsProps) {
  if (fields.length === 0) return <p className="nw-empty">It has no fields of its own.</p>;
  return (
    <table className="decoded">
      <caption className="nw-sr">{label}</caption>
      <tbody>
        {fields.toReversed().map((f) => (
          <tr key={f.name}>
            <td className="decoded-bits">{f.hi === f.lo ? f.hi : `${f.hi}:${f.lo}`}</td>
            <th scope="row" title={f.about}>
              {f.name} {f.meaning !== null && <span className="nw-3 nw-small">{f.meaning}</span>}
            </th>
            <td>{f.hi === f.lo ? <span className="nw-mono">{f.value.toString()}</span> : <Hex value={f.value} />}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Fields that are set, in one line: `VMID 0x1, ASID 0x21`. */
export function fieldsLine(
  fields: readonly DecodedField[],
): readonly { readonly name: string; readonly value: bigint }[] {
  return fields.filter((f) => f.value !== 0n).map(({ name, value }) => ({ name, value }));
}
