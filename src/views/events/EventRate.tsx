/** How often each kind of event comes along the stream; a click on a kind filters by it, on a bar by its records. */
import { useMemo } from "react";
import type { EventRecord } from "../../protocol/engine.ts";
import { useSize } from "../common/use_size.ts";
import { eventRate } from "../geometry/event_rate.ts";

const LANE_PX = 16;
const LABEL_PX = 150;
const MOST_LANES = 6;

interface EventRateProps {
  readonly events: readonly EventRecord[];
  /** Whether an event passes the filter. */
  readonly passes: (row: number) => boolean;
  readonly onFilter: (text: string) => void;
}

export function EventRate({ events, passes, onFilter }: EventRateProps) {
  const [ref, size] = useSize<HTMLDivElement>();
  const width = Math.max(0, (size?.width ?? 0) - LABEL_PX - 12);
  const names = useMemo(() => [...new Set(events.map((e) => e.name))], [events]);
  const lanes = useMemo(() => {
    const index = new Map(names.map((name, i) => [name, i]));
    const kindOf = Uint16Array.from(events, (e, i) => (passes(i) ? (index.get(e.name) ?? 0) : names.length));
    return eventRate(kindOf, names.length, width, MOST_LANES);
  }, [events, names, passes, width]);
  return (
    <div ref={ref} className="event-rate">
      {lanes.map((lane) => {
        const name = names[lane.kind] ?? "";
        return (
          <div key={name} className="event-rate-lane">
            <button type="button" className="event-rate-name" onClick={() => onFilter(`event=${name}`)}>
              <span className="nw-ellipsis">{name}</span>
              <span className="nw-3">{lane.count}</span>
            </button>
            <svg className="nw-draw" width={width} height={LANE_PX} aria-hidden="true">
              <path d={`M0 ${LANE_PX - 0.5}H${width}`} stroke="var(--nw-line)" />
              {lane.buckets.map((b) => (
                // biome-ignore lint/a11y/noStaticElementInteractions: typing no>= and no<= does the same.
                <rect
                  key={b.from}
                  x={b.x}
                  y={LANE_PX - 1 - b.height * (LANE_PX - 3)}
                  width={b.width}
                  height={b.height * (LANE_PX - 3)}
                  fill="var(--nw-fault)"
                  onClick={() => onFilter(`event=${name} no>=${b.from + 1} no<=${b.to}`)}
                >
                  <title>{`${b.count} of records ${b.from + 1} to ${b.to}`}</title>
                </rect>
              ))}
            </svg>
          </div>
        );
      })}
    </div>
  );
}
