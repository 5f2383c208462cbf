/** Measuring the engine in this browser: what to measure, how far it has come, and the times. */
import "./bench.css";
import { useEffect, useId, useState } from "react";
import { useStore } from "zustand";
import { type BenchState, createBench, EXTENTS } from "../../app/bench.ts";
import { type BenchWork, benchText } from "../../protocol/bench.ts";
import { Button } from "../common/Button.tsx";
import { CopyButton } from "../common/CopyButton.tsx";
import { Sheet } from "../common/Sheet.tsx";
import { BenchTable } from "./BenchTable.tsx";

/** Kept while the dialog is closed, so that times can be looked at again. */
const BENCH = createBench();

/** Chosen at first: what the native yardstick measures too, and nested walks of the other architectures. */
const FIRST: ReadonlySet<string> = new Set(["uncached", "cached", "tlb", "cmdq", "vtd-4x4", "amdvi-4x4"]);

const EXTENT_TEXT: Readonly<Record<keyof typeof EXTENTS, string>> = {
  short: "Short: up to 4,096 pages, 5 runs of 50 ms",
  whole: "Whole: every size, 7 runs of 200 ms",
};

export function Bench() {
  const { rows, care, failed } = useStore(BENCH);
  useEffect(() => {
    void BENCH.getState().open();
    return () => BENCH.getState().cancel();
  }, []);
  return (
    <Sheet
      id="bench"
      title="Measure this browser"
      className="bench"
      actions={rows.length > 0 && <CopyButton text={benchText(care, rows)} label="Copy as JSON" />}
    >
      <Choice />
      {failed.map(({ job, why }) => (
        <p key={`${job.work} ${job.size}`} className="nw-fault">
          {job.work} of {job.size.toLocaleString("en")} was not measured: {why}
        </p>
      ))}
      <BenchTable rows={rows} />
    </Sheet>
  );
}

/** What to measure, and starting it. */
function Choice() {
  const { works, running, run } = useStore(BENCH);
  const [chosen, setChosen] = useState(FIRST);
  const [extent, setExtent] = useState<keyof typeof EXTENTS>("short");
  const sizes = useId();
  if (works === null) return <p className="nw-empty">Fetching what can be measured…</p>;
  const picked = works.filter(({ work }) => chosen.has(work));
  return (
    <form
      className="bench-choice"
      onSubmit={(event) => {
        event.preventDefault();
        void run(picked, EXTENTS[extent]);
      }}
    >
      <fieldset disabled={running !== null}>
        <legend className="nw-2">Work</legend>
        {works.map((work) => (
          <WorkBox
            key={work.work}
            work={work}
            checked={chosen.has(work.work)}
            onCheck={(on) =>
              setChosen(new Set(on ? [...chosen, work.work] : [...chosen].filter((w) => w !== work.work)))
            }
          />
        ))}
      </fieldset>
      <div className="bench-run">
        <label className="nw-2" htmlFor={sizes}>
          Extent
        </label>
        <select
          id={sizes}
          className="nw-field"
          disabled={running !== null}
          value={extent}
          onChange={(event) => setExtent(event.target.value === "whole" ? "whole" : "short")}
        >
          {Object.entries(EXTENT_TEXT).map(([id, text]) => (
            <option key={id} value={id}>
              {text}
            </option>
          ))}
        </select>
        {running === null ? (
          <Button type="submit" kind="primary" disabled={picked.length === 0}>
            Measure
          </Button>
        ) : (
          <Running running={running} />
        )}
      </div>
    </form>
  );
}

function WorkBox(props: {
  readonly work: BenchWork;
  readonly checked: boolean;
  readonly onCheck: (on: boolean) => void;
}) {
  const { work, checked, onCheck } = props;
  const title = `in sizes of ${work.sizes.map((size) => size.toLocaleString("en")).join("; ")}`;
  return (
    <label title={title}>
      <input type="checkbox" checked={checked} onChange={(event) => onCheck(event.target.checked)} />
      <span className="nw-mono">{work.work}</span> <span className="nw-2">{work.about}</span>
    </label>
  );
}

function Running({ running: { job, done, total } }: { readonly running: NonNullable<BenchState["running"]> }) {
  return (
    <>
      <Button onClick={() => BENCH.getState().cancel()}>Cancel</Button>
      <progress aria-label="Progress of measuring" value={done} max={total} />
      <span className="nw-2" role="status">
        {done + 1} of {total}: {job.work}, {job.size.toLocaleString("en")}
      </span>
    </>
  );
}
