/** Playing: accesses of the walk or actions of the session, one after the other, at a rate that can be set. */
import type { Core } from "./core.ts";
import { recordCount, stepFrom } from "./records.ts";
import type { AppActions } from "./state.ts";

type PlayActions = Pick<AppActions, "play" | "pause" | "setRate">;

/** Steps a second to choose from. */
export const RATES = [2, 10, 50, 1000] as const;

/** Shortest time between two steps: two frames of a screen. Faster rates take several at once. */
const SHORTEST_MS = 33;

export function playSlice(core: Core, show: (count: number) => void): PlayActions {
  const { get, set } = core;
  let stopTimer: (() => void) | null = null;
  let busy = false;

  function pause(): void {
    stopTimer?.();
    stopTimer = null;
    if (get().playing !== null) set({ playing: null });
  }

  function nextAccess(by: number): void {
    const { walk, shown } = get();
    if (walk === null) {
      pause();
      return;
    }
    let to = shown;
    for (let i = 0; i < by; i++) to = stepFrom(walk.trace, to, 1);
    show(to);
    if (to >= recordCount(walk.trace)) pause();
  }

  async function nextAction(by: number): Promise<void> {
    // A slow step is waited for, so that every step is seen.
    const { summary } = get();
    if (summary === null || busy) return;
    busy = true;
    await get().runTo(summary.step + by);
    busy = false;
    const now = get().summary;
    if (now === null || now.step >= now.actions.length || now.step === summary.step) pause();
  }

  function run(): void {
    const { rate, playing } = get();
    const ms = Math.max(SHORTEST_MS, 1000 / rate);
    const by = Math.max(1, Math.round((rate * ms) / 1000));
    stopTimer?.();
    stopTimer = core.every(ms, () => (playing === "accesses" ? nextAccess(by) : void nextAction(by)));
  }

  return {
    pause,
    play: (what) => {
      const { walk, shown, summary } = get();
      pause();
      if (what === "accesses") {
        if (walk === null) return;
        if (shown >= recordCount(walk.trace)) show(0);
      } else {
        if (summary === null || summary.actions.length === 0) return;
        if (summary.step >= summary.actions.length) void get().seek(0);
      }
      set({ playing: what });
      run();
    },
    setRate: (rate) => {
      set({ rate });
      if (get().playing !== null) run();
    },
  };
}
