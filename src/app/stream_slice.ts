/**
 * A device that runs: a stream of actions, so many a second, done in the worker while the page goes on.
 *
 * The worker gets one batch at a time, of what it does within {@link BATCH_MS}, so that whatever else it is asked comes
 * between batches. How far the device has come is told with every batch; the rest of the page follows more slowly, and is
 * whole when the device pauses.
 */
import type { EngineApi, Problem, Result, SessionSummary, StreamRow } from "../protocol/engine.ts";
import type { Action } from "../protocol/machine.ts";
import type { ProfileId } from "../protocol/profiles.ts";
import { LIMITS } from "../scenario/limits.ts";
import type { DeviceStream } from "../scenario/profiles/profiles.ts";
import type { Core } from "./core.ts";
import { STOPPED } from "./engine_client.ts";
import type { AppActions, LiveDevice } from "./state.ts";
import { tellHalt } from "./watch_slice.ts";

type StreamActions = Pick<AppActions, "startLive" | "pauseLive" | "goOnLive" | "stopLive" | "setLiveRate">;

/** Actions a second to choose from. */
export const LIVE_RATES = [10, 100, 1000, 5000] as const;

/** Between two batches: two frames of a screen. */
const TURN_MS = 33;
/** What a batch may take in the worker. */
const BATCH_MS = 10;
/** Least time between two updates of the whole page. */
const SHOW_MS = 250;
/** Time over which the rate that is reached is measured. */
const MEASURE_MS = 500;
/** What one action is taken to cost before any was done. */
const FIRST_GUESS_MS = 0.1;

const FULL: Problem = {
  title: "The device was held.",
  place: "log of actions",
  detail: `A session keeps ${LIMITS.actions.toLocaleString("en")} actions. Take some back to go on.`,
};
const NOT_FETCHED: Problem = {
  title: "The device could not be fetched.",
  place: "device",
  detail: "The server did not answer. What is open stays as it is.",
};

/** A device and how far it has come. */
interface Run {
  readonly device: DeviceStream;
  /** Actions of the device that were sent and not applied. */
  left: readonly Action[];
  /** The newest summary; the page may show an older one. */
  newest: SessionSummary;
  /** When the last batch was sent, and the part of an action that was due then. */
  turned: number;
  owed: number;
  /** What an action costs, milliseconds: the least of late. */
  cost: number;
  measured: { readonly at: number; readonly done: number };
  shown: number;
}

export function streamSlice(core: Core, refresh: () => Promise<void>): StreamActions {
  const { get, set, engine } = core;
  let run: Run | null = null;
  let stopTimer: (() => void) | null = null;
  /** The batch under way. */
  let batch: Promise<void> | null = null;
  let showing = false;

  /** Hold the device, and show what it did. It counts as held when the batch under way is back: no count follows. */
  async function pauseLive(): Promise<void> {
    stopTimer?.();
    stopTimer = null;
    if (get().live?.running !== true) return;
    await batch;
    const { live } = get();
    // Another request to hold it may have been waiting for the same batch.
    if (stopTimer !== null || live?.running !== true) return;
    set({ live: { ...live, running: false, reached: 0 } });
    await show();
  }

  function go(mine: Run): void {
    const { live, summary } = get();
    if (live === null || summary === null) return;
    run = mine;
    const now = performance.now();
    const measured = { at: now, done: live.done };
    Object.assign(mine, { newest: summary, turned: now, owed: 0, measured, shown: now });
    set({ live: { ...live, running: true } });
    stopTimer?.();
    stopTimer = core.every(TURN_MS, () => turn(mine));
  }

  function turn(mine: Run): void {
    const { live, liveRate, engine: state } = get();
    if (live?.running !== true || run !== mine || state.state !== "ready") return void pauseLive();
    if (batch !== null) return;
    const left = LIMITS.actions - mine.newest.step;
    if (left <= 0) {
      get().notify({ tone: "plain", ...FULL });
      return void pauseLive();
    }
    const now = performance.now();
    const due = mine.owed + (liveRate * (now - mine.turned)) / 1000;
    const count = Math.min(Math.floor(due), Math.max(1, Math.floor(BATCH_MS / mine.cost)), left);
    mine.turned = now;
    // What the worker cannot keep up with is let go of.
    mine.owed = Math.min(due - count, 1);
    if (count < 1) return;
    const next = mine.left.length > 0 ? mine.left : mine.device.next(count);
    batch = send(mine, next).finally(() => {
      batch = null;
    });
  }

  async function send(mine: Run, actions: readonly Action[], watches = get().watches): Promise<void> {
    const sent = performance.now();
    const from = mine.newest.step;
    const answer = await engine.ask("a running device", (api) => api.applyAll(actions, watches));
    const { live } = get();
    if (answer === STOPPED || run !== mine || live === null) return;
    if (!answer.ok) {
      set({ live: { ...live, running: false, reached: 0 } });
      get().notify({ tone: "fault", ...answer.error });
      return;
    }
    const now = performance.now();
    mine.newest = answer.value;
    const made = answer.value.step - from;
    // What comes after a watch was met is made when the device goes on.
    mine.left = actions.slice(made);
    mine.cost = Math.min(mine.cost * 1.1, (now - sent) / Math.max(1, made));
    const done = live.done + made;
    set({ live: { ...live, done, ...(live.running ? reachedOf(mine, done, now) : {}) } });
    if (answer.value.halt !== undefined) tellHalt(core, answer.value);
    else if (live.running && now - mine.shown >= SHOW_MS) void show();
  }

  /** Bring the page to the newest state, unless it is on its way there. */
  async function show(): Promise<void> {
    const { summary, live, share } = get();
    if (run === null || live === null || summary === null || run.newest.revision <= summary.revision) return;
    if (showing && live.running) return;
    const mine = run;
    showing = true;
    set({ summary: mine.newest, ...(share.state === "closed" ? {} : { share: { state: "closed" } }) });
    await refresh();
    mine.shown = performance.now();
    showing = false;
  }

  /** Whether what the device did is still done: nobody went back to before it. */
  function stands(mine: Run): boolean {
    const { summary, live } = get();
    const last = mine.newest.step - 1;
    return (
      live !== null && summary !== null && summary.step > last && summary.actions[last] === mine.newest.actions[last]
    );
  }

  async function stopLive(): Promise<void> {
    await pauseLive();
    const mine = run;
    if (mine !== null && stands(mine)) {
      const rest = [...mine.left, ...mine.device.end()].slice(0, LIMITS.actions - mine.newest.step);
      if (rest.length > 0) await send(mine, rest, []);
      await show();
    }
    run = null;
    set({ live: null });
  }

  async function startLive(profile: ProfileId, sid: number): Promise<void> {
    await stopLive();
    const { summary, streams } = get();
    const stream = streams?.find((row) => row.sid === sid);
    if (summary === null || stream === undefined) return;
    const found = await engine.ask("looking for what a device can reach", (api) => fetchDevice(api, profile, stream));
    if (found === STOPPED || get().summary !== summary) return;
    if (!found.ok) return get().notify({ tone: "warning", ...found.error });
    set({ live: { profile, sid, running: true, done: 0, reached: 0 } });
    const measured = { at: 0, done: 0 };
    go({
      device: found.value,
      newest: summary,
      turned: 0,
      owed: 0,
      left: [],
      cost: FIRST_GUESS_MS,
      measured,
      shown: 0,
    });
  }

  return {
    startLive,
    pauseLive,
    stopLive,
    goOnLive: async () => {
      const { live } = get();
      if (live === null || live.running || run === null) return;
      if (stands(run)) go(run);
      else await startLive(live.profile, live.sid);
    },
    setLiveRate: (liveRate) => set({ liveRate }),
  };
}

/** The rate that a device reached, measured from time to time. */
function reachedOf(mine: Run, done: number, now: number): Partial<LiveDevice> {
  const { at, done: before } = mine.measured;
  if (now - at < MEASURE_MS) return {};
  mine.measured = { at: now, done };
  return { reached: Math.round(((done - before) * 1000) / (now - at)) };
}

/** The device models come when one is started. */
async function fetchDevice(api: EngineApi, profile: ProfileId, stream: StreamRow): Promise<Result<DeviceStream>> {
  const part = await import("./live_ground.ts").catch(() => null);
  return part === null ? { ok: false, error: NOT_FETCHED } : part.liveDevice(api, profile, stream);
}
