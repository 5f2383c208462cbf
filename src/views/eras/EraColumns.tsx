/** One scenario in the eras that have it: a column for each kernel, words first, then what its run came to. */
import type { ReactNode } from "react";
import { ERA_ASPECTS, type EraAspect, type EraColumn, type EraRun, type EraTable } from "../../protocol/eras.ts";
import { ERAS } from "../../protocol/software.ts";
import { Button } from "../common/Button.tsx";
import { useApp } from "../common/use_app.ts";
import { type Counted, RUN_FIGURES, RUN_LISTS, sameInAll } from "./era_rows.ts";

const ASPECTS = Object.entries(ERA_ASPECTS) as [EraAspect, string][];

export function EraColumns({ table: { title, scenario, columns } }: { readonly table: EraTable }) {
  const runs = columns.map(({ run }) => run);
  return (
    <table>
      <caption>
        <span className="nw-strong">{title}</span> <span className="nw-2">{scenario}</span>
      </caption>
      <thead>
        <tr>
          <td />
          {columns.map((column) => (
            <Kernel key={column.era} column={column} />
          ))}
        </tr>
      </thead>
      <tbody>
        {ASPECTS.map(([aspect, head]) => (
          <Row key={aspect} head={head} cells={columns.map(({ said }) => said[aspect])} />
        ))}
        {RUN_FIGURES.map(({ head, of }) => (
          <Row key={head} head={head} cells={runs.map(of)} figure={sameInAll(runs.map(of)) ? "same" : "differs"} />
        ))}
        {RUN_LISTS.map(({ head, of }) => (
          <Row key={head} head={head} cells={runs.map((run) => list(of(run)))} />
        ))}
        <Row head="Refused by the kernel" cells={runs.map(refusals)} />
      </tbody>
    </table>
  );
}

function Kernel({ column: { era, lesson } }: { readonly column: EraColumn }) {
  const show = useApp((app) => app.showOver);
  const open = useApp((app) => app.openLesson);
  return (
    <th scope="col">
      <span className="nw-strong">{era}</span>
      <span>{ERAS[era]}</span>
      <Button
        size="small"
        aria-label={`Open the lesson of ${era}`}
        onClick={() => {
          show(null);
          void open(lesson);
        }}
      >
        Open the lesson
      </Button>
    </th>
  );
}

interface RowProps {
  readonly head: string;
  /** By kernel. */
  readonly cells: readonly ReactNode[];
  readonly figure?: "same" | "differs";
}

function Row({ head, cells, figure }: RowProps) {
  return (
    <tr data-figure={figure}>
      <th scope="row">{head}</th>
      {cells.map((cell, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: cells stand in the order of the columns.
        <td key={i}>{cell}</td>
      ))}
    </tr>
  );
}

function list(counted: readonly Counted[]): ReactNode {
  if (counted.length === 0) return <span className="nw-3">None</span>;
  return (
    <ul>
      {counted.map(({ name, count }) => (
        <li key={name}>
          {count > 1 && <span className="nw-2">{count} × </span>}
          {name}
        </li>
      ))}
    </ul>
  );
}

function refusals({ refused }: EraRun): ReactNode {
  if (refused.length === 0) return <span className="nw-3">Nothing</span>;
  return refused.map((line) => (
    <p key={line} className="nw-fault">
      {line}
    </p>
  ));
}
