/** What stands on the two sides: which session, and how many of its actions are applied. */
import { useEffect, useId } from "react";
import { type ComparedSide, sideQuery } from "../../app/compare_slice.ts";
import type { SessionSummary } from "../../protocol/engine.ts";
import { actionText } from "../common/action_text.ts";
import { Button } from "../common/Button.tsx";
import { useApp } from "../common/use_app.ts";

export function Sides() {
  const swap = useApp((app) => app.swapSides);
  return (
    <div className="compare-sides">
      <Side which="left" title="Left" />
      <Button size="small" title="Left becomes right" onClick={swap}>
        Swap
      </Button>
      <Side which="right" title="Right" />
      <span className="nw-grow" />
      <Other />
    </div>
  );
}

function Side({ which, title }: { readonly which: "left" | "right"; readonly title: string }) {
  const side = useApp((app) => app.comparison[which]);
  const beside = useApp((app) => app.comparison.beside);
  const step = useApp((app) => sideQuery(side, app)?.step ?? 0);
  const last = useApp((app) => (side.of === "session" ? app.summary?.actionCount : app.comparison.beside?.steps) ?? 0);
  const about = useApp((app) => aboutStep(side, step, app.summary));
  const set = useApp((app) => app.setSide);
  const id = useId();
  return (
    <fieldset className="compare-side" data-side={which}>
      <legend className="nw-sr">{title}</legend>
      <span className="nw-strong" aria-hidden="true">
        {title}
      </span>
      {beside !== null && (
        <select
          className="nw-field"
          aria-label={`${title}: which session`}
          value={side.of}
          onChange={(event) => set(which, { of: event.target.value === "beside" ? "beside" : "session", step: null })}
        >
          <option value="session">this session</option>
          <option value="beside">{beside.title}</option>
        </select>
      )}
      <label className="nw-2" htmlFor={id}>
        step
      </label>
      <input
        id={id}
        className="nw-field nw-mono compare-step"
        type="number"
        min={0}
        max={last}
        value={step}
        onChange={(event) => {
          const typed = Number.parseInt(event.target.value, 10);
          if (Number.isInteger(typed)) set(which, { of: side.of, step: Math.max(0, Math.min(last, typed)) });
        }}
      />
      <span className="nw-3 nw-small nw-nowrap">of {last}</span>
      <span className="nw-2 nw-small nw-ellipsis" title={about}>
        {about}
      </span>
    </fieldset>
  );
}

/** What the step came to, and why it is the one where nobody chose it. */
function aboutStep({ of, step: chosen }: ComparedSide, step: number, summary: SessionSummary | null): string {
  if (step === 0) return "before the first action";
  const action = summary?.actions[step - 1];
  if (of !== "session" || summary === null || action === undefined) return "";
  const which = chosen !== null ? "" : step === summary.step ? "now, " : "in the end, ";
  return `${which}after ${actionText(action)}`;
}

/** What can be opened beside the session. */
function Other() {
  const library = useApp((app) => app.library);
  const list = useApp((app) => app.listLibrary);
  const withLesson = useApp((app) => app.compareWithLesson);
  const keep = useApp((app) => app.keepBeside);
  useEffect(() => {
    void list();
  }, [list]);
  return (
    <>
      <select
        className="nw-field compare-library"
        aria-label="Compare with a scenario of the library"
        value=""
        onChange={(event) => void withLesson(event.target.value)}
      >
        <option value="" disabled>
          Compare with…
        </option>
        {(library ?? []).map(({ id, title }) => (
          <option key={id} value={id}>
            {title}
          </option>
        ))}
      </select>
      <Button size="small" title="Then open another file, link or scenario" onClick={() => void keep()}>
        Keep this session
      </Button>
    </>
  );
}
