/** What the session is to stop at while it is played or a device runs. */
import type { SessionSummary } from "../protocol/engine.ts";
import type { Watch } from "../protocol/watch.ts";
import type { Core } from "./core.ts";
import type { AppActions } from "./state.ts";

type WatchActions = Pick<AppActions, "addWatch" | "dropWatch">;

/** What is watched, in a few words. */
export function watchText(watch: Watch): string {
  if (watch.on === "event") return watch.name === "" ? "any record" : watch.name;
  const last = watch.to - 1n;
  return `${watch.label === "" ? "memory" : watch.label} at PA 0x${watch.from.toString(16)} to 0x${last.toString(16)}`;
}

/** Two watches of the same text stop at the same things. */
const sameWatch = (a: Watch, b: Watch): boolean => watchText(a) === watchText(b);

export function watchSlice({ get, set }: Core): WatchActions {
  return {
    addWatch: (watch) => set({ watches: [...get().watches.filter((other) => !sameWatch(other, watch)), watch] }),
    dropWatch: (watch) => set({ watches: get().watches.filter((other) => !sameWatch(other, watch)) }),
  };
}

/** Hold what moves, and say why, where a watch was met. */
export function tellHalt({ get }: Core, { step, halt }: Pick<SessionSummary, "step" | "halt">): void {
  if (halt === undefined) return;
  get().pause();
  void get().pauseLive();
  get().notify({
    tone: "plain",
    title: `Stopped after action ${step}.`,
    place: watchText(halt.watch),
    detail: halt.why,
  });
}
