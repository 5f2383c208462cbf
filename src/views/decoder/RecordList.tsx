/** The things found in a paste, one row each. */
import { Glyph } from "../common/Glyph.tsx";
import { Hex } from "../common/Hex.tsx";
import { VirtualList } from "../common/VirtualList.tsx";
import type { Reading, Readings } from "./record_reading.ts";

interface RecordListProps {
  readonly readings: Readings;
  readonly chosen: number;
  readonly onChoose: (record: number) => void;
}

/** Set in the style sheet: a narrow screen has no room for remarks. */
const COLUMNS = "var(--dec-columns)";

export function RecordList({ readings, chosen, onChoose }: RecordListProps) {
  return (
    <>
      <div className="dec-columns" style={{ gridTemplateColumns: COLUMNS }} aria-hidden="true">
        <span>Lines</span>
        <span />
        <span>Record</span>
        <span className="dec-remark">Remark</span>
        <span>Requester</span>
        <span>Address</span>
      </div>
      <VirtualList
        label="Records"
        count={readings.lines.length}
        chosen={chosen}
        reveal={readings}
        columns={COLUMNS}
        onChoose={onChoose}
        row={(i) => {
          const reading = readings.at(i);
          return reading === undefined ? null : <RecordCells reading={reading} />;
        }}
      />
    </>
  );
}

function RecordCells({ reading }: { readonly reading: Reading }) {
  const [from, to] = reading.lines;
  return (
    <>
      <span className="nw-mono nw-3">{from === to ? from : `${from}–${to}`}</span>
      <Glyph name={reading.glyph} />
      <span className="nw-strong nw-ellipsis">{reading.name}</span>
      <span className="dec-remark nw-2 nw-ellipsis">{reading.remark}</span>
      <span className="nw-mono nw-ellipsis">{reading.requester ?? ""}</span>
      {reading.address === null ? <span /> : <Hex value={reading.address} />}
    </>
  );
}
