/**
 * The actions of the session in lanes by who acted, and below them what the software did in the newest one. The wheel or
 * plus and minus zoom, arrows move, a click goes to the action.
 */
import "../common/drawing.css";
import "../timeline/timeline.css";
import "./lanes.css";
import { useMemo } from "react";
import { actionLanes, LANES } from "../../app/action_lanes.ts";
import type { SessionSummary } from "../../protocol/engine.ts";
import { actionText } from "../common/action_text.ts";
import { Button } from "../common/Button.tsx";
import { KeyedBox } from "../common/KeyedBox.tsx";
import { useApp, useEngineQuery } from "../common/use_app.ts";
import { useSize } from "../common/use_size.ts";
import { type LaneMark, laneMarks } from "../geometry/lane_marks.ts";
import { LaneDrawing, LEAST_LANES_PX } from "./LaneDrawing.tsx";
import { StepJournal } from "./StepJournal.tsx";
import { plotWidth, useLaneView } from "./use_lane_view.ts";

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
  const [ref, size] = useSize<HTMLDivElement>();
  const width = plotWidth(size?.width);
  const { view, zoom, onKeyDown, isWhole, showAll } = useLaneView({
    box: ref,
    width,
    length: count,
    scrolls: false,
    centre: step,
  });
  const lanes = actionLanes(actions);
  const marks = useMemo(
    () => laneMarks(lanes, { width, view: { from: view.from, to: view.to }, lanes: LANES.length }),
    [lanes, width, view.from, view.to],
  );

  const open = (mark: LaneMark): void => {
    if (mark.count > 1 && view.to - view.from > 8) zoom(0.25, mark.first);
    else void seek(mark.first + 1);
  };
  return (
    <div className="lanes-run" data-whole={whole}>
      <KeyedBox
        box={ref}
        className="lanes-plot"
        style={whole ? undefined : { height: LEAST_LANES_PX }}
        label="Actions in lanes. Plus and minus zoom, arrows move, 0 shows all."
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
      </KeyedBox>
      <p className="lanes-foot nw-2">
        Actions {Math.floor(view.from) + 1} to {Math.min(count, Math.ceil(view.to))} of {count}.{" "}
        {whole && <span className="nw-3">An action does not say which software made it.</span>}
        <span className="nw-grow" />
        {!isWhole && (
          <Button size="small" onClick={showAll}>
            Show all
          </Button>
        )}
      </p>
    </div>
  );
}
