/**
 * A queue as a ring of slots, clockwise from the top: all of them where they fit, else a window around the consumer.
 */

/** What the ring needs to know of a queue. */
export interface RingQueue {
  readonly entries: number;
  readonly producer: number;
  readonly consumer: number;
  /** Entries that are written and not read. */
  readonly waiting: number;
}

export interface RingSlot {
  /** Number of the entry. */
  readonly index: number;
  /** `read`: before the consumer; `next`: the one it reads next; `waiting`: after that; `free`: not written yet. */
  readonly state: "read" | "next" | "waiting" | "free";
  /** Outline of the slot. */
  readonly path: string;
  /** Its middle on the ring's middle line. */
  readonly x: number;
  readonly y: number;
}

export interface Ring {
  readonly slots: readonly RingSlot[];
  /** Whether these are all the slots there are. */
  readonly whole: boolean;
  /** Where the two ends point at the ring, as angles clockwise from the top; null where the window does not hold them. */
  readonly producer: number | null;
  readonly consumer: number;
}

/** Most slots that can be told apart. */
const MOST = 48;

/** The first slot of the window: it stands still while the consumer moves in it, as long as it holds all that waits. */
function windowStart(queue: RingQueue): number {
  const aligned = Math.floor(queue.consumer / MOST) * MOST;
  const end = queue.consumer - aligned + queue.waiting;
  return end < MOST ? aligned : (queue.consumer - 4 + queue.entries) % queue.entries;
}

/** Place a ring with its middle at (0, 0). */
export function ringOf(queue: RingQueue, outer: number, inner: number): Ring {
  const count = Math.min(MOST, queue.entries);
  const whole = count === queue.entries;
  const start = whole ? 0 : windowStart(queue);
  const step = (2 * Math.PI) / Math.max(1, count);
  const gap = Math.min(0.02, step / 6);
  const placeOf = (index: number): number => (index - start + queue.entries) % queue.entries;
  const slots = Array.from({ length: count }, (_, place): RingSlot => {
    const index = (start + place) % queue.entries;
    const [x, y] = point((place + 0.5) * step, (outer + inner) / 2);
    return {
      index,
      state: stateOf(queue, index, start),
      path: sector(place * step + gap, (place + 1) * step - gap, outer, inner),
      x,
      y,
    };
  });
  const producer = placeOf(queue.producer);
  return {
    slots,
    whole,
    producer: producer < count ? producer * step : null,
    consumer: placeOf(queue.consumer) * step,
  };
}

function stateOf(queue: RingQueue, index: number, start: number): RingSlot["state"] {
  const after = (index - queue.consumer + queue.entries) % queue.entries;
  if (after < queue.waiting) return after === 0 ? "next" : "waiting";
  // Before the consumer, as far as the window goes back.
  const before = (queue.consumer - start + queue.entries) % queue.entries;
  return (index - start + queue.entries) % queue.entries < before ? "read" : "free";
}

/** A point at an angle clockwise from the top. */
export function point(angle: number, radius: number): readonly [number, number] {
  return [round(radius * Math.sin(angle)), round(-radius * Math.cos(angle))];
}

const round = (value: number): number => Math.round(value * 100) / 100;

function sector(from: number, to: number, outer: number, inner: number): string {
  const large = to - from > Math.PI ? 1 : 0;
  const at = (angle: number, radius: number): string => point(angle, radius).join(",");
  const [a, b, c, d] = [at(from, outer), at(to, outer), at(to, inner), at(from, inner)];
  return `M${a}A${outer} ${outer} 0 ${large} 1 ${b}L${c}A${inner} ${inner} 0 ${large} 0 ${d}Z`;
}
