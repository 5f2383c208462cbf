/**
 * The actions of the session in lanes by who acted, and below them what the software did in the newest one. The wheel or
 * plus and minus zoom, arrows move, a click goes to the action.
 */
import "../common/drawing.css";
import "../timeline/timeline.css";
import "./lanes.css";
import { type KeyboardEvent, useEffect, useMemo, useState } from "react";
import { actionLanes, LANES } from "../../app/action_lanes.ts";
import type { SessionSummary } from "../../protocol/engine.ts";
import { actionText } from "../common/action_text.ts";
import { Button } from "../common/Button.tsx";
import { useApp, useEngineQuery } from "../common/use_app.ts";
import { useSize } from "../common/use_size.ts";
import { type LaneMark, type LaneView, laneMarks, within, zoomed } from "../geometry/lane_marks.ts";
import { LANE_LABEL_PX, LaneDrawing, LEAST_LANES_PX } from "./LaneDrawing.tsx";
import { StepJournal } from "./StepJournal.tsx";

export function Lanes() {
  const summary = useApp((app) => app.summary);
  if (summary === null) return <p className="nw-empty">No session is open.</p>;
  return <OpenLanes summary={summary} />;
}

function OpenLanes({ summary }: { readonly summary: SessionSummary }) {
  const { answer } = useEngineQuery("prices", async (engine) => ({
    prices: (await engine.software())?.prices ?? null,
  }));
  const acted = summary.actions.length > 0;
  const prices = answer?.prices ?? null;
  return (
    <div className="lanes">
      {acted && <Run summary={summary} whole={prices === null} />}
      {prices !== null && <StepJournal step={summary.step} prices={prices} />}
      {!acted && answer !== null && prices === null && (
        <p className="nw-empty">Nothing was done yet. Each action will stand here in the lane of who made it.</p>
      )}
    </div>
  );
}

/** @param whole nothing stands below */
function Run({ summary, whole }: { readonly summary: SessionSummary; readonly whole: boolean }) {
  const { actions, step } = summary;
  const count = actions.length;
  const seek = useApp((app) => app.seek);
  const [chosen, setView] = useState<LaneView | null>(null);
  const [ref, size] = useSize<HTMLDivElement>();
  const view = within(chosen ?? { from: 0, to: count }, count);
  const width = Math.max(0, (size?.width ?? 0) - LANE_LABEL_PX - 12);
  const lanes = actionLanes(actions);
  const marks = useMemo(
    () => laneMarks(lanes, { width, view: { from: view.from, to: view.to }, lanes: LANES.length }),
    [lanes, width, view.from, view.to],
  );
  const span = view.to - view.from;

  // React listens to the wheel passively; zooming has to keep the page where it is.
  useEffect(() => {
    const box = ref.current;
    if (box === null) return;
    const onWheel = (event: WheelEvent): void => {
      event.preventDefault();
      const at = view.from + ((event.offsetX - LANE_LABEL_PX) / Math.max(1, width)) * span;
      if (event.shiftKey) setView(within({ from: view.from + span / 10, to: view.to + span / 10 }, count));
      else setView(zoomed(view, event.deltaY > 0 ? 1.25 : 0.8, at, count));
    };
    box.addEventListener("wheel", onWheel, { passive: false });
    return () => box.removeEventListener("wheel", onWheel);
  });

  function onKeyDown(event: KeyboardEvent): void {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const shift = { ArrowLeft: -0.2, ArrowRight: 0.2 }[event.key];
    const scale = { "+": 0.8, "=": 0.8, "-": 1.25 }[event.key];
    if (shift !== undefined) setView(within({ from: view.from + shift * span, to: view.to + shift * span }, count));
    else if (scale !== undefined) setView(zoomed(view, scale, Math.min(view.to, Math.max(view.from, step)), count));
    else if (event.key === "0") setView(null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  const open = (mark: LaneMark): void => {
    if (mark.count > 1 && span > 8) setView(zoomed(view, 0.25, mark.first, count));
    else void seek(mark.first + 1);
  };
  return (
    <div className="lanes-run" data-whole={whole}>
      {/* biome-ignore lint/a11y/useSemanticElements: a drawing, not a set of form fields. */}
      <div
        ref={ref}
        className="lanes-plot"
        style={whole ? undefined : { height: LEAST_LANES_PX }}
        role="group"
        aria-label="Actions in lanes. Plus and minus zoom, arrows move, 0 shows all."
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the drawing is driven by keys.
        tabIndex={0}
        onKeyDown={onKeyDown}
      >
        {size !== null && (
          <LaneDrawing
            marks={marks}
            width={width}
            height={size.height}
            view={view}
            step={step}
            label={(at) => (actions[at] === undefined ? "" : actionText(actions[at]))}
            onOpen={open}
          />
        )}
      </div>
      <p className="lanes-foot nw-2">
        Actions {Math.floor(view.from) + 1} to {Math.min(count, Math.ceil(view.to))} of {count}.{" "}
        {whole && <span className="nw-3">An action does not say which software made it.</span>}
        <span className="nw-grow" />
        {chosen !== null && (
          <Button size="small" onClick={() => setView(null)}>
            Show all
          </Button>
        )}
      </p>
    </div>
  );
}
