/** What differs of one part: a row for each thing, and the fields of the chosen one. */
import { useState } from "react";
import { type DifferenceRow, type FieldDifference, MAX_DIFFERENCES } from "../../protocol/comparison.ts";
import { Hex } from "../common/Hex.tsx";
import { useApp } from "../common/use_app.ts";
import { VirtualList } from "../common/VirtualList.tsx";
import type { ListedPart, ListedRow } from "./walk_parts.ts";

interface DifferencesProps {
  readonly part: ListedPart;
  readonly names: readonly [string, string];
}

export function Differences({ part, names }: DifferencesProps) {
  const { rows, alike, id } = part;
  const [chosen, setChosen] = useState(0);
  const inspect = useApp((app) => app.inspect);
  const walk = useApp((app) => app.chooseAccess);
  if (part.why !== undefined) return <p className="nw-empty">Not compared. {part.why}</p>;
  if (rows.length === 0) {
    return (
      <p className="nw-empty">{alike === 0 ? "Neither side has any." : `All ${alike} are the same on both sides.`}</p>
    );
  }
  const row = rows[chosen];
  function choose(at: number): void {
    setChosen(at);
    const { access, places } = rows[at] ?? {};
    if (access !== undefined) void walk(access);
    const place = places?.[1] ?? places?.[0];
    if (place != null) inspect(place);
  }
  return (
    <div className="compare-part">
      <div className="compare-list">
        <div className="compare-heads nw-small nw-3" aria-hidden="true">
          <span />
          <span>{alike.toLocaleString("en").replaceAll(",", "\u2009")} alike</span>
          <span>{names[0]}</span>
          <span>{names[1]}</span>
        </div>
        <VirtualList
          label={`Differences: ${id}`}
          count={rows.length}
          chosen={chosen}
          reveal={id}
          columns={COLUMNS}
          onChoose={choose}
          row={(at) => <Cells row={rows[at]} />}
        />
        {rows.length === MAX_DIFFERENCES && <p className="nw-2 nw-small">There are more than these.</p>}
      </div>
      {row !== undefined &&
        (row.fields.length > 0 ? <Fields row={row} names={names} /> : <Whole row={row} names={names} />)}
    </div>
  );
}

const COLUMNS = "14px minmax(90px, 1.2fr) minmax(60px, 1fr) minmax(60px, 1fr)";

/** Which way a thing changed, from the left to the right. */
function turnOf({ left, right, isAlike }: ListedRow): { readonly sign: string; readonly text: string } {
  if (isAlike === true) return { sign: "=", text: "the same" };
  if (left === null) return { sign: "+", text: "added" };
  return right === null ? { sign: "\u2212", text: "removed" } : { sign: "\u2260", text: "changed" };
}

function Cells({ row }: { readonly row: ListedRow | undefined }) {
  if (row === undefined) return null;
  const { sign, text } = turnOf(row);
  return (
    <>
      <span className="nw-mono nw-strong" title={text} aria-label={text} role="img">
        {sign}
      </span>
      <span className="nw-ellipsis" title={row.what}>
        {row.what}
      </span>
      <Value text={row.left} other={row.right} />
      <Value text={row.right} other={row.left} />
    </>
  );
}

function Value({ text, other }: { readonly text: string | null; readonly other: string | null }) {
  if (text === null) return <span className="nw-3">–</span>;
  return (
    <span className={`nw-ellipsis nw-mono ${text === other ? "nw-3" : ""}`} title={text}>
      {text}
    </span>
  );
}

/** A row without fields, in full. */
function Whole({ row, names }: { readonly row: ListedRow; readonly names: readonly [string, string] }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reached by keyboard.
    <section className="compare-fields compare-whole" aria-label={`${row.what}, in full`} tabIndex={0}>
      <h3>{row.what}</h3>
      <dl>
        {[row.left, row.right].map((text, side) => (
          <div key={names[side as 0 | 1]}>
            <dt className="nw-3 nw-small">{names[side as 0 | 1]}</dt>
            <dd className={text === null ? "nw-3" : "nw-mono"}>{text ?? "none"}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function Fields({ row, names }: { readonly row: DifferenceRow; readonly names: readonly [string, string] }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reached by keyboard.
    <section className="compare-fields" aria-label={`Fields of ${row.what}`} tabIndex={0}>
      <table className="nw-table">
        <thead>
          <tr>
            <th scope="col">Field</th>
            <th scope="col">{names[0]}</th>
            <th scope="col">{names[1]}</th>
          </tr>
        </thead>
        <tbody>
          {row.fields.map(({ name, about, left, right }) => (
            <tr key={name}>
              <th scope="row" title={about}>
                {name}
              </th>
              <FieldCell side={left} />
              <FieldCell side={right} />
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function FieldCell({ side }: { readonly side: FieldDifference["left"] }) {
  if (side === null) return <td className="nw-3">–</td>;
  return (
    <td>
      <Hex value={side.value} /> {side.meaning !== null && <span className="nw-3 nw-small">{side.meaning}</span>}
    </td>
  );
}
