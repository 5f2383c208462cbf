/** Ticks above lanes, each with a line down through them. */
import { type LaneView, laneTicks } from "../geometry/lane_marks.ts";
import { textWidth } from "../geometry/text_fit.ts";

/** Room for the names of the lanes, and what is left free at the right. */
export const LANE_LABEL_PX = 118;
export const LANE_END_PX = 12;
/** Size of the words at ticks. */
const TICK = 10.5;

interface LaneTicksProps {
  /** Of the plot. */
  readonly width: number;
  readonly view: LaneView;
  /** Upper and lower edge of the lanes. */
  readonly top: number;
  readonly bottom: number;
  readonly text: (at: number) => string;
}

export function LaneTicks({ width, view, top, bottom, text }: LaneTicksProps) {
  return laneTicks(width, view).map(({ at, x }) => {
    const words = text(at);
    const fits = x + textWidth(words, TICK) / 2 <= width + LANE_END_PX;
    return (
      <g key={at}>
        <path d={`M${Math.round(LANE_LABEL_PX + x) + 0.5} ${top - 5}V${bottom}`} stroke="var(--nw-line)" />
        <text
          x={LANE_LABEL_PX + (fits ? x : width + LANE_END_PX - 2)}
          y={top - 8}
          textAnchor={fits ? "middle" : "end"}
          className="d-tick"
        >
          {words}
        </text>
      </g>
    );
  });
}
