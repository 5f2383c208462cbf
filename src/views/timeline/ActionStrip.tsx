/**
 * The whole log as a strip of ticks with a playhead: drag or use the arrow keys to go to any action.
 */
import { type KeyboardEvent, type PointerEvent, useMemo } from "react";
import { actionLanes, LANES } from "../../app/action_lanes.ts";
import type { SessionSummary } from "../../protocol/engine.ts";
import { actionText } from "../common/action_text.ts";
import { useApp, useAppNow } from "../common/use_app.ts";
import { useSize } from "../common/use_size.ts";
import { laneMarks } from "../geometry/lane_marks.ts";
import "./timeline.css";

const HEIGHT = 26;

export function ActionStrip({ summary }: { readonly summary: SessionSummary }) {
  const { actions, step } = summary;
  const bookmarks = useApp((app) => app.bookmarks);
  const seek = useApp((app) => app.seek);
  const now = useAppNow();
  const [ref, size] = useSize<HTMLDivElement>();
  const width = size?.width ?? 0;
  const marks = useMemo(
    () => laneMarks(actionLanes(actions), { width, view: { from: 0, to: actions.length }, lanes: LANES.length }),
    [actions, width],
  );
  const x = (at: number): number => Math.round((at / actions.length) * width);

  function onPointer(event: PointerEvent): void {
    if (event.buttons !== 1 || width === 0) return;
    if (event.type === "pointerdown") event.currentTarget.setPointerCapture(event.pointerId);
    const left = event.currentTarget.getBoundingClientRect().left;
    void seek(Math.round(((event.clientX - left) / width) * actions.length));
  }
  function onKeyDown(event: KeyboardEvent): void {
    const page = Math.max(1, Math.round(actions.length / 20));
    const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -page, PageUp: page }[event.key];
    const to = by !== undefined ? (now().summary?.step ?? 0) + by : { Home: 0, End: actions.length }[event.key];
    if (to === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    void seek(to);
  }

  const newest = actions[step - 1];
  return (
    <div
      ref={ref}
      className="action-strip"
      role="slider"
      tabIndex={0}
      aria-label="Action"
      aria-valuemin={0}
      aria-valuemax={actions.length}
      aria-valuenow={step}
      aria-valuetext={newest === undefined ? "as opened" : `${step}: ${actionText(newest)}`}
      onPointerDown={onPointer}
      onPointerMove={onPointer}
      onKeyDown={onKeyDown}
    >
      {width > 0 && (
        <svg width={width} height={HEIGHT} aria-hidden="true">
          <path d={`M0 ${HEIGHT - 4.5}H${width}`} stroke="var(--nw-line-2)" />
          {marks.map((m) => (
            <rect
              key={`${m.lane} ${m.first}`}
              x={m.x}
              y={HEIGHT - 13}
              width={Math.min(2, m.width)}
              height="8"
              className={`lane-${LANES[m.lane]?.id}`}
              opacity={m.first < step ? 1 : 0.45}
            />
          ))}
          {bookmarks.map((at) => (
            <path key={at} d={`M${x(at) - 3} 1h6v7l-3-2.4-3 2.4z`} fill="var(--nw-text-2)" />
          ))}
          <path d={`M${x(step) - 0.5} 2V${HEIGHT - 4}`} stroke="var(--nw-text)" strokeWidth="2" />
          <path d={`M${x(step) - 4.5} ${HEIGHT}h9l-4.5-6z`} fill="var(--nw-text)" />
        </svg>
      )}
    </div>
  );
}
