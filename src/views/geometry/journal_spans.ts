/**
 * What actors did as spans in lanes: each lasts as long as what it causes, and stands in the lane of who did it, one row
 * below whatever of the same actor caused it. Spans of a row never overlap.
 */
import type { Actor, JournalEntry } from "../../protocol/journal.ts";
import type { LaneView } from "./lane_marks.ts";

/** From above down: who asks stands above who is asked. */
export const LANE_ACTORS: readonly Actor[] = ["guest", "VMM", "host", "IOMMU", "device"];

export interface JournalSpan {
  /** Index of its entry. */
  readonly entry: number;
  /** Index into {@link LANE_ACTORS}. */
  readonly lane: number;
  /** In its lane, from 0. */
  readonly row: number;
  readonly from: number;
  to: number;
  /** Index of the span of its cause; -1 for none. */
  readonly cause: number;
  /** Entries below it, shown or folded away. */
  below: number;
}

export interface JournalSpans {
  /** In the order of entries; those that are folded away are missing. */
  readonly spans: readonly JournalSpan[];
  /** Rows of each lane, at least 1. */
  readonly rows: readonly number[];
  /** Where the last span ends. */
  readonly length: number;
}

/** How long something takes by itself, without what it causes: by its deed, or 1 where everything counts alike. */
export type OwnLength = (deed: JournalEntry["deed"]) => number;

/**
 * @param entries in order of id: an entry stands after its cause, and before the next thing that its cause causes. Of
 *   causes that are not among them nothing is known
 * @param folded ids of entries whose effects are not shown
 * @param own null: everything that is shown has length 1, folded effects have none
 */
export function journalSpans(
  entries: readonly JournalEntry[],
  folded: ReadonlySet<number>,
  own: OwnLength | null,
): JournalSpans {
  const spans: JournalSpan[] = [];
  const rows = LANE_ACTORS.map(() => 1);
  // The span under way, and those that caused it; `hidden` is whether its effects are.
  const open: { readonly id: number; readonly span: number; readonly hidden: boolean }[] = [];
  let now = 0;
  entries.forEach((entry, index) => {
    while (open.length > 0 && open.at(-1)?.id !== entry.cause) close();
    const above = open.at(-1);
    open.forEach(({ span }, i) => {
      if (span !== open[i - 1]?.span) spans[span]!.below++;
    });
    const hidden = above?.hidden === true;
    const lane = Math.max(0, LANE_ACTORS.indexOf(entry.actor));
    if (hidden) open.push({ id: entry.id, span: above.span, hidden });
    else {
      const row = open.filter(({ span }) => spans[span]!.lane === lane).length;
      rows[lane] = Math.max(rows[lane]!, row + 1);
      spans.push({ entry: index, lane, row, from: now, to: now, cause: above?.span ?? -1, below: 0 });
      open.push({ id: entry.id, span: spans.length - 1, hidden: folded.has(entry.id) });
    }
    now += own === null ? Number(!hidden) : own(entry.deed);
  });
  while (open.length > 0) close();
  return { spans, rows, length: now };

  function close(): void {
    const ended = open.pop()!;
    spans[ended.span]!.to = now;
  }
}

/** What to draw of spans: one of them, or a run of such as are too narrow to tell apart. */
export interface SpanShape {
  /** Index of the first span. */
  readonly span: number;
  readonly count: number;
  readonly lane: number;
  readonly row: number;
  readonly x: number;
  readonly width: number;
}

/** Spans narrower than this are drawn as one with their neighbours. */
const LEAST = 4;

/** What is seen of `spans` where `view` is `width` px wide: never more shapes than fit into each row. */
export function spanShapes({ spans }: Pick<JournalSpans, "spans">, view: LaneView, width: number): SpanShape[] {
  const scale = width / Math.max(Number.EPSILON, view.to - view.from);
  const shapes: SpanShape[] = [];
  // The run that each row's last narrow span went into, and the place of it.
  const runs = new Map<number, { readonly bucket: number; readonly at: number }>();
  spans.forEach((span, index) => {
    // One that only touches an end of the view is out of it, unless it is a point.
    if (span.from < view.from ? span.to <= view.from : span.from >= view.to && span.to > view.to) return;
    if (span.from > view.to) return;
    const x = Math.max(0, (span.from - view.from) * scale);
    const wide = Math.min(width, (span.to - view.from) * scale) - x;
    const { lane, row } = span;
    if (wide >= LEAST) {
      shapes.push({ span: index, count: 1, lane, row, x, width: wide });
      return;
    }
    const key = lane * 65_536 + row;
    const bucket = Math.floor(x / LEAST);
    const run = runs.get(key);
    const before = run?.bucket === bucket ? shapes[run.at] : undefined;
    if (run !== undefined && before !== undefined) shapes[run.at] = { ...before, count: before.count + 1 };
    else {
      runs.set(key, { bucket, at: shapes.length });
      shapes.push({ span: index, count: 1, lane, row, x: bucket * LEAST, width: LEAST });
    }
  });
  return shapes;
}
