/** The host kernel's objects: the drawing, and a line about the chosen one. Arrows choose, Escape lets go. */
import { type KeyboardEvent, useState } from "react";
import type { KernelObjectRow } from "../../protocol/software.ts";
import { KeyedBox } from "../common/KeyedBox.tsx";
import { useSize } from "../common/use_size.ts";
import { NextCalls } from "./NextCalls.tsx";
import { ObjectDrawing, usersText } from "./ObjectDrawing.tsx";

export function Objects({ objects, late }: { readonly objects: readonly KernelObjectRow[]; readonly late: boolean }) {
  const [ref, size] = useSize<HTMLDivElement>();
  const [chosen, setChosen] = useState<number | null>(null);
  const at = objects.findIndex(({ id }) => id === chosen);
  const row = objects[at];

  function onKeyDown(event: KeyboardEvent): void {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape" && row !== undefined) setChosen(null);
    else if (by !== undefined) {
      const next = at < 0 ? (by > 0 ? 0 : -1) : (at + by + objects.length) % objects.length;
      setChosen(objects.at(next)?.id ?? null);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }
  return (
    <section className="objects" aria-label="Objects of the host kernel">
      <h3>
        Kernel objects <span className="nw-3 nw-small">an arrow points at what is held</span>
      </h3>
      <KeyedBox box={ref} className="objects-plot" label="Graph of objects. Arrows choose one." onKeyDown={onKeyDown}>
        {size !== null && (
          <ObjectDrawing
            objects={objects}
            width={size.width}
            height={size.height}
            chosen={row === undefined ? null : chosen}
            onChoose={(id) => setChosen(id === chosen ? null : id)}
          />
        )}
        <ObjectTable objects={objects} />
      </KeyedBox>
      {row !== undefined && <Chosen row={row} objects={objects} />}
      {row !== undefined && !late && <NextCalls row={row} objects={objects} />}
    </section>
  );
}

const named = (rows: readonly KernelObjectRow[]): string =>
  rows.length === 0 ? "nothing" : rows.map(({ type, id }) => `${type} ${id}`).join(", ");

const heldBy = ({ holds }: KernelObjectRow, objects: readonly KernelObjectRow[]): readonly KernelObjectRow[] =>
  objects.filter(({ id }) => holds.includes(id));
const holdersOf = ({ id }: KernelObjectRow, objects: readonly KernelObjectRow[]): readonly KernelObjectRow[] =>
  objects.filter(({ holds }) => holds.includes(id));

function Chosen({ row, objects }: { readonly row: KernelObjectRow; readonly objects: readonly KernelObjectRow[] }) {
  const holders = holdersOf(row, objects);
  return (
    <p className="objects-foot" role="status">
      <strong>
        {row.type} {row.id}
      </strong>{" "}
      {row.about}. <span className="nw-3">Holds</span> {named(heldBy(row, objects))}.{" "}
      <span className="nw-3">Held by</span> {named(holders)}.{" "}
      {row.users > 0 ? `It has ${usersText(row)}: IOMMU_DESTROY would answer EBUSY.` : "Nobody holds it."}
    </p>
  );
}

/** For readers of the screen, who do not see the drawing. */
function ObjectTable({ objects }: { readonly objects: readonly KernelObjectRow[] }) {
  return (
    <table className="nw-sr">
      <caption>Objects of the host kernel</caption>
      <thead>
        <tr>
          <th>Id</th>
          <th>Type</th>
          <th>About</th>
          <th>Users</th>
          <th>Holds</th>
        </tr>
      </thead>
      <tbody>
        {objects.map((row) => (
          <tr key={row.id} data-object-row={row.id}>
            <td>{row.id}</td>
            <td>{row.type}</td>
            <td>{row.about}</td>
            <td>{row.users}</td>
            <td>{named(heldBy(row, objects))}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
