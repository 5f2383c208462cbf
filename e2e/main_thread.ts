/** What the page's main thread does, measured by the browser itself. */
import type { Browser, Page } from "@playwright/test";

interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly ts: number;
  /** Microseconds, of the clock and of the processor. */
  readonly dur?: number;
  readonly tdur?: number;
  readonly pid: number;
  readonly tid: number;
}

const SCRIPT = new Set([
  "FunctionCall",
  "EvaluateScript",
  "RunMicrotasks",
  "FireAnimationFrame",
  "TimerFire",
  "EventDispatch",
]);
/** The value below which a share of them lies. */
export const at = (sorted: readonly number[], share: number): number =>
  sorted[Math.floor((sorted.length - 1) * share)] ?? 0;

/**
 * What the page's main thread does meanwhile, in milliseconds of the processor, for other programs run on this machine
 * beside it: script of each frame that had any, all work of frames that answered input, and tasks; each in ascending order.
 */
export async function mainThread(browser: Browser, page: Page, meanwhile: () => Promise<void>) {
  await page.evaluate(() => {
    const frame = (): void => {
      performance.mark("nestwalk-frame");
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
  const categories = ["devtools.timeline", "disabled-by-default-devtools.timeline", "blink.user_timing"];
  await browser.startTracing(page, { categories });
  await meanwhile();
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString()) as { traceEvents: TraceEvent[] };
  const marks = traceEvents.filter(({ name }) => name === "nestwalk-frame");
  const edges = marks.map(({ ts }) => ts).sort((a, b) => a - b);
  const main = traceEvents
    .filter((e) => e.ph === "X" && e.pid === marks[0]?.pid && e.tid === marks[0].tid && e.dur !== undefined)
    .sort((a, b) => a.ts - b.ts);
  const runs = main.filter(({ name }) => name === "RunTask");
  const script = byFrame(
    main.filter(({ name }) => SCRIPT.has(name)),
    edges,
  );
  const answered = byFrame(
    main.filter(({ name }) => name === "EventDispatch"),
    edges,
  );
  const work = byFrame(runs, edges).filter((_, frame) => answered[frame]! > 0);
  const tasks = runs.map(({ tdur = 0 }) => tdur / 1000);
  const busy = script.filter((t) => t > 0);
  const ascending = (times: readonly number[]): number[] => [...times].sort((a, b) => a - b);
  return { frames: edges.length, busy: ascending(busy), work: ascending(work), tasks: ascending(tasks) };
}

/** Milliseconds of the processor in each frame. */
function byFrame(events: readonly TraceEvent[], edges: readonly number[]): number[] {
  const sums = Array<number>(edges.length).fill(0);
  let end = 0;
  for (const { ts, dur = 0, tdur = 0 } of events) {
    // What is called within a call is counted with it.
    if (ts < end) continue;
    end = ts + dur;
    const frame = edges.findLastIndex((edge) => edge <= ts);
    if (frame >= 0) sums[frame]! += tdur / 1000;
  }
  return sums;
}
