/** A queue as a ring, with the registers that point at its ends. */
import "../common/drawing.css";
import type { QueueIndex, QueueRow } from "../../protocol/inspection.ts";
import { SvgGlyph } from "../common/SvgGlyph.tsx";
import { point, type Ring, type RingSlot, ringOf } from "../geometry/ring.ts";

const OUTER = 78;
const INNER = 54;
const MARGIN = 26;
/** Distance of the labels from the middle. */
const LABELS = OUTER + 15;
/** Nearer to the middle than that, across, a label has the width for two words, and no height for two lines. */
const WIDE = 55;
/** From line to line of a label. */
const LINE = 13;
/** Of the whole drawing; labels stand beside the ring. */
const RING_SIZE = { width: 2 * (OUTER + MARGIN) + 90, height: 2 * (OUTER + MARGIN) } as const;

const FILLS: Readonly<Record<RingSlot["state"], string>> = {
  free: "none",
  read: "var(--nw-hover)",
  waiting: "var(--nw-text-3)",
  next: "var(--nw-text)",
};

export function RingDrawing({ queue, chosen }: { readonly queue: QueueRow; readonly chosen: number | null }) {
  const { producer, consumer, entries, waiting, error } = queue;
  const ring = ringOf({ entries, producer: producer.index, consumer: consumer.index, waiting }, OUTER, INNER);
  const { width, height } = RING_SIZE;
  const stopped = error !== null;
  return (
    <svg
      className="nw-draw nw-ring"
      width={width}
      height={height}
      viewBox={`${-width / 2} ${-height / 2} ${width} ${height}`}
      aria-hidden="true"
    >
      {ring.slots.map((slot) => (
        <g key={slot.index}>
          <path
            d={slot.path}
            fill={stopped && slot.state === "next" ? "var(--nw-fault)" : FILLS[slot.state]}
            stroke={slot.index === chosen ? "var(--nw-select)" : "var(--nw-line-2)"}
            strokeWidth={slot.index === chosen ? 2 : 0.75}
          />
          {stopped && slot.state === "next" && (
            <SvgGlyph
              name="fault"
              x={slot.x - 4}
              y={slot.y - 4}
              size={8}
              color="var(--nw-pane)"
              cut="var(--nw-fault)"
            />
          )}
        </g>
      ))}
      {ring.whole || <path d={`M0 ${-OUTER - 3}V${-INNER + 3}`} stroke="var(--nw-text)" strokeWidth="2" />}
      <text y="0" textAnchor="middle" className="d-count">
        {waiting}
      </text>
      <text y="16" textAnchor="middle" className="d-2">
        waiting
      </text>
      <Ends ring={ring} queue={queue} />
    </svg>
  );
}

/** Ends so close that their names would stand on each other, in radians. */
const CLOSE = 0.5;

/** The part of a register's name that tells the ends apart: "PROD" of CMDQ_PROD, "TAIL" of EVT_TAIL_B; else all of it. */
const endName = ({ register }: QueueIndex): string => /PROD|CONS|TAIL|HEAD/.exec(register)?.[0] ?? register;

/** Arrows at the ring with the names of its ends: hollow where it is written, solid where it is read. */
function Ends({ ring, queue }: { readonly ring: Ring; readonly queue: QueueRow }) {
  const { producer, consumer } = ring;
  const [written, read] = [endName(queue.producer), endName(queue.consumer)];
  if (producer === null) return <End angle={consumer} name={read} solid shift={0} />;
  if (producer === consumer) return <End angle={consumer} name={`${written}, ${read}`} solid shift={0} />;
  const apart = Math.abs(producer - consumer);
  const close = Math.min(apart, 2 * Math.PI - apart) < CLOSE;
  return (
    <>
      <End angle={producer} name={written} solid={false} shift={close ? 8 : 0} />
      <End angle={consumer} name={read} solid shift={close ? -8 : 0} />
    </>
  );
}

/** `shift` moves the name clockwise along the ring, in pixels. */
function End(props: {
  readonly angle: number;
  readonly name: string;
  readonly solid: boolean;
  readonly shift: number;
}) {
  const { angle, name, solid, shift } = props;
  const [x, y] = point(angle, OUTER + 2);
  const [tx, ty] = point(angle + shift / OUTER, LABELS);
  const degrees = (angle * 180) / Math.PI + 180;
  const anchor = tx > 12 ? "start" : tx < -12 ? "end" : "middle";
  const stacked = Math.abs(tx) > WIDE && name.includes(" ");
  // Above the ring the name stands clear of the arrow's foot.
  const down = anchor === "middle" && ty < 0 ? 1 : 4;
  return (
    <g>
      <path
        d="M0 0 4 7H-4Z"
        transform={`translate(${x} ${y}) rotate(${degrees})`}
        fill={solid ? "var(--nw-text)" : "none"}
        stroke="var(--nw-text)"
      />
      <text x={tx} y={ty + down} textAnchor={anchor} className="d-b d-end">
        {stacked ? <Stacked x={tx} up={(1 - ty / LABELS) / 2} words={name.split(" ")} /> : name}
      </text>
    </g>
  );
}

/**
 * Two words one above the other, for beside the ring there is little width.
 * @param up how much of a line the first stands higher: away from the ring
 */
function Stacked(props: { readonly x: number; readonly up: number; readonly words: readonly string[] }) {
  return props.words.map((word, i) => (
    <tspan key={word} x={props.x} dy={i === 0 ? Math.round(-LINE * props.up) : LINE}>
      {word}
    </tspan>
  ));
}
