/**
 * The journal as Chrome trace JSON, which Perfetto and chrome://tracing open: a thread for each actor, a slice for each
 * entry, an arrow where an actor makes another act. Google, "Trace Event Format": duration (X), flow (s, f) and metadata
 * (M) events; `ts` and `dur` in microseconds.
 *
 * The clock is the cost model's: things stand one after the other, each as long as its deed costs.
 */
import type { JournalEntry } from "../../protocol/journal.ts";
import { journalSpans, LANE_ACTORS } from "../geometry/journal_spans.ts";
import { deedText } from "./deed_text.ts";
import { hexText, valueText } from "./entry_text.ts";

interface TraceEvent {
  readonly name: string;
  readonly ph: "X" | "M" | "s" | "f";
  readonly pid: number;
  readonly tid: number;
  readonly [part: string]: unknown;
}

const PID = 1;
/** The thread that shows how long each action of the session is. */
const ACTIONS_TID = 1;
const tidOf = (lane: number): number => ACTIONS_TID + 1 + lane;
const NOTHING_FOLDED: ReadonlySet<number> = new Set();

/** @param prices nanoseconds for each deed, by name */
export function chromeTrace(
  title: string,
  entries: readonly JournalEntry[],
  prices: Readonly<Record<string, number>>,
): string {
  const { spans, length } = journalSpans(entries, NOTHING_FOLDED, (deed) => prices[deed] ?? 0);
  const us = (ns: number): number => ns / 1000;
  const events: TraceEvent[] = [...names(title)];
  spans.forEach(({ entry: at, lane, from, to, cause }, flow) => {
    const entry = entries[at]!;
    events.push({ ...sliceOf(entry), pid: PID, tid: tidOf(lane), ts: us(from), dur: us(to - from) });
    const above = spans[cause];
    if (above === undefined || above.lane === lane) return;
    const arrow = { name: "causes", cat: "cause", id: flow, pid: PID, ts: us(from) };
    events.push({ ...arrow, ph: "s", tid: tidOf(above.lane) }, { ...arrow, ph: "f", bp: "e", tid: tidOf(lane) });
  });
  let first = 0;
  while (first < spans.length) {
    const { action } = entries[spans[first]!.entry]!;
    let next = first + 1;
    while (next < spans.length && entries[spans[next]!.entry]!.action === action) next++;
    const [from, to] = [spans[first]!.from, spans[next]?.from ?? length];
    const name = action < 0 ? "before the first action" : `action ${action + 1}`;
    events.push({ name, ph: "X", pid: PID, tid: ACTIONS_TID, ts: us(from), dur: us(to - from) });
    first = next;
  }
  const otherData = { title, clock: "nanoseconds of the cost model, everything one after the other" };
  return JSON.stringify({ traceEvents: events, displayTimeUnit: "ns", otherData });
}

function sliceOf(entry: JournalEntry): Pick<TraceEvent, "name" | "ph"> & Record<string, unknown> {
  const { id, cause, action, deed, about, at } = entry;
  const value = valueText(entry);
  return {
    name: about === "" ? deedText(deed) : about,
    cat: deed,
    ph: "X",
    args: {
      deed: deedText(deed),
      entry: id,
      ...(action >= 0 && { action: action + 1 }),
      ...(cause !== null && { cause }),
      ...(at >= 0 && { at: hexText(at) }),
      ...(value !== null && { value }),
    },
  };
}

function names(title: string): TraceEvent[] {
  const thread = (tid: number, name: string): TraceEvent[] => [
    { name: "thread_name", ph: "M", pid: PID, tid, args: { name } },
    { name: "thread_sort_index", ph: "M", pid: PID, tid, args: { sort_index: tid } },
  ];
  return [
    { name: "process_name", ph: "M", pid: PID, tid: 0, args: { name: title } },
    ...thread(ACTIONS_TID, "Actions"),
    ...LANE_ACTORS.flatMap((actor, lane) => thread(tidOf(lane), actor)),
  ];
}
