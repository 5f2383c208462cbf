/** Lanes of actions as a drawing. */
import { LANES } from "../../app/action_lanes.ts";
import type { LaneMark, LaneView } from "../geometry/lane_marks.ts";
import { fitText } from "../geometry/text_fit.ts";
import { LANE_END_PX, LANE_LABEL_PX, LaneTicks } from "./LaneTicks.tsx";

const AXIS = 22;
/** Most height of a mark, and least of a lane. */
const MARK = 24;
const LEAST_LANE = 20;
/** Height that all lanes need. */
export const LEAST_LANES_PX = AXIS + LEAST_LANE * LANES.length;

interface LaneDrawingProps {
  readonly marks: readonly LaneMark[];
  /** Of the plot, beside the labels. */
  readonly width: number;
  readonly height: number;
  readonly view: LaneView;
  readonly step: number;
  readonly label: (action: number) => string;
  readonly onOpen: (mark: LaneMark) => void;
}

export function LaneDrawing({ marks, width, height, view, step, label, onOpen }: LaneDrawingProps) {
  const each = Math.max(LEAST_LANE, (height - AXIS) / LANES.length);
  const high = Math.min(MARK, each - 6);
  const span = view.to - view.from;
  const x = (at: number): number => LANE_LABEL_PX + ((at - view.from) / span) * width;
  const bottom = AXIS + each * LANES.length;
  const room = width / span;
  const inView = step >= view.from && step <= view.to;
  return (
    <svg className="nw-draw nw-lanes" width={LANE_LABEL_PX + width + LANE_END_PX} height={bottom} aria-hidden="true">
      {LANES.map((lane, i) => (
        <g key={lane.id}>
          {i % 2 === 1 && (
            <rect
              x="0"
              y={AXIS + i * each}
              width={LANE_LABEL_PX + width + LANE_END_PX}
              height={each}
              fill="var(--nw-sunken)"
            />
          )}
          <text x="12" y={AXIS + i * each + each / 2 + 4} className="d-b">
            <title>{lane.about}</title>
            {lane.text}
          </text>
        </g>
      ))}
      <LaneTicks width={width} view={view} top={AXIS} bottom={bottom} text={String} />
      {marks.map((m) => (
        // biome-ignore lint/a11y/noStaticElementInteractions: the list of actions does the same by keyboard.
        <g key={`${m.lane} ${m.first}`} className="lane-mark" onClick={() => onOpen(m)}>
          <title>
            {m.count === 1 ? `${m.first + 1}: ${label(m.first)}` : `${m.count} actions from ${m.first + 1}`}
          </title>
          <rect
            x={LANE_LABEL_PX + m.x}
            y={AXIS + m.lane * each + (each - high) / 2}
            width={m.width}
            height={high}
            rx="2"
            className={`lane-${LANES[m.lane]?.id}`}
            opacity={m.first < step ? 1 : 0.4}
          />
          {m.count === 1 && room > m.width + 50 && (
            <text x={LANE_LABEL_PX + m.x + m.width + 6} y={AXIS + m.lane * each + each / 2 + 4} className="d-2">
              {shortened(label(m.first), room - m.width - 12)}
            </text>
          )}
        </g>
      ))}
      {inView && (
        <g data-playhead>
          <path d={`M${Math.round(x(step))} ${AXIS - 6}V${bottom}`} stroke="var(--nw-text)" strokeWidth="2" />
          <path d={`M${Math.round(x(step)) - 5} ${AXIS - 8}h10l-5 7z`} fill="var(--nw-text)" />
        </g>
      )}
    </svg>
  );
}

/** The label, or as many of its first words as fit. */
function shortened(text: string, width: number): string {
  const words = text.split(" ");
  const candidates = words.map((_, i) => `${words.slice(0, words.length - 1 - i).join(" ")}…`);
  return fitText([text, ...candidates.slice(0, -1)], width, 11.5);
}
