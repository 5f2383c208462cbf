/** What is compared: two steps of the open session, or of it and another that was opened beside it. */
import type { SideQuery } from "../protocol/comparison.ts";
import type { Result } from "../protocol/engine.ts";
import type { SessionDocument } from "../protocol/machine.ts";
import type { Core } from "./core.ts";
import { STOPPED } from "./engine_client.ts";
import { readLesson } from "./library.ts";
import type { AppActions, AppState } from "./state.ts";

type CompareActions = Pick<AppActions, "setSide" | "swapSides" | "compareWithLesson" | "keepBeside">;

/**
 * A side of a comparison. Without a step it is where the session stands, or its last one while it stands before its
 * first action; of the other, the last.
 */
export interface ComparedSide {
  readonly of: SideQuery["of"];
  readonly step: number | null;
}

/** What was opened beside the session. */
interface Beside {
  readonly title: string;
  /** Its actions. */
  readonly steps: number;
  /** Its name in the library; null where it is from elsewhere. */
  readonly lesson: string | null;
}

export interface Comparison {
  readonly left: ComparedSide;
  readonly right: ComparedSide;
  readonly beside: Beside | null;
}

/** As a session began, and as it is or comes to be. */
export const FROM_THE_START: Comparison = {
  left: { of: "session", step: 0 },
  right: { of: "session", step: null },
  beside: null,
};

/** The state that a side stands for, within what there is; null where nothing is open. */
export function sideQuery({ of, step }: ComparedSide, { summary, comparison }: AppState): SideQuery | null {
  const last = of === "session" ? summary?.actionCount : comparison.beside?.steps;
  if (last === undefined) return null;
  const now = of === "session" ? summary?.step : last;
  return { of, step: Math.min(step ?? (now || last), last) };
}

export function compareSlice({ get, set, engine }: Core): CompareActions {
  engine.onStopped(() => {
    const { comparison } = get();
    const session = (side: ComparedSide): ComparedSide => (side.of === "session" ? side : FROM_THE_START.left);
    set({ comparison: { left: session(comparison.left), right: session(comparison.right), beside: null } });
  });

  async function open(read: Result<SessionDocument>, lesson: string | null): Promise<void> {
    if (!read.ok) return get().notify({ tone: "fault", ...read.error });
    const opened = await engine.ask("opening a case to compare with", (api) => api.openBeside(read.value));
    if (opened === STOPPED) return;
    if (!opened.ok) return get().notify({ tone: "fault", ...opened.error });
    const { title, actionCount: steps } = opened.value;
    const { comparison } = get();
    const left: ComparedSide = { of: "beside", step: null };
    const right: ComparedSide = comparison.right.of === "session" ? comparison.right : FROM_THE_START.right;
    set({ comparison: { left, right, beside: { title, steps, lesson } } });
  }

  return {
    setSide: (which, side) => set({ comparison: { ...get().comparison, [which]: side } }),
    swapSides: () => {
      const { left, right, beside } = get().comparison;
      set({ comparison: { left: right, right: left, beside } });
    },
    compareWithLesson: async (id) => open(await readLesson(id), id),
    keepBeside: async () => {
      const document = await engine.ask("reading the session", (api) => api.document());
      if (document !== STOPPED) await open({ ok: true, value: document }, null);
    },
  };
}
