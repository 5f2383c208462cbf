/** The fields of a record under its words; the chosen field is set off in the bits and in the text. */
import { Hex } from "../common/Hex.tsx";
import { VirtualList } from "../common/VirtualList.tsx";
import { fieldText, isBinary } from "../inspector/field_text.ts";
import type { FieldLine } from "./record_reading.ts";

interface FieldListProps {
  readonly lines: readonly FieldLine[];
  /** Name of the field set off, or null. */
  readonly hot: string | null;
  readonly onHover: (field: string | null) => void;
  readonly onChoose: (field: string | null) => void;
}

export function FieldList({ lines, hot, onHover, onChoose }: FieldListProps) {
  const nameAt = (row: number | null): string | null => {
    const line = row === null ? undefined : lines[row];
    return line?.type === "field" ? line.field.declaration.name : null;
  };
  return (
    <VirtualList
      label="Fields"
      count={lines.length}
      chosen={lines.findIndex((l) => l.type === "field" && l.field.declaration.name === hot)}
      reveal={hot}
      columns="50px minmax(0, 1fr) auto"
      onChoose={(row) => onChoose(nameAt(row))}
      onHover={(row) => onHover(nameAt(row))}
      row={(i) => (lines[i] === undefined ? null : <FieldCells line={lines[i]} />)}
    />
  );
}

function FieldCells({ line }: { readonly line: FieldLine }) {
  if (line.type === "word") {
    return (
      <>
        <span />
        <span className="nw-strong">Word {line.word}</span>
        <Hex value={line.value} digits={line.digits} />
      </>
    );
  }
  const { declaration: d, value, meaning } = line.field;
  const reserved = d.form === "reserved";
  return (
    <>
      <span className="nw-mono nw-3">{d.hi === d.lo ? d.hi & 63 : `${d.hi & 63}:${d.lo & 63}`}</span>
      <span className="nw-ellipsis" title={d.about}>
        {reserved ? <span className="nw-stale">not defined, yet set</span> : d.name}{" "}
        <span className="nw-3">{meaning ?? (d.when === undefined ? "" : `when ${d.when}`)}</span>
      </span>
      {isBinary(d) ? <span className="nw-mono">{fieldText(d, value)}</span> : <Hex value={value} />}
    </>
  );
}
