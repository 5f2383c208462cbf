/** Which panes are open and where: presets, closed panes, one pane at full size. Remembered on this machine. */
import type { Core } from "./core.ts";
import {
  type ClosedPanes,
  isPane,
  isPreset,
  type PaneId,
  PRESETS,
  type Preset,
  panesOf,
  presetLayout,
  presetWith,
} from "./layout.ts";
import type { Settings } from "./settings.ts";
import type { AppActions, AppState } from "./state.ts";

type LayoutState = Pick<AppState, "preset" | "closed" | "maximised" | "asked" | "layoutRound">;
type LayoutActions = Pick<
  AppActions,
  "choosePreset" | "closePane" | "showPane" | "maximise" | "editMap" | "showOverlaps" | "resetLayout"
>;

const CLOSED = "closed";
const SIZES = "sizes.";

/** Name under which the sizes of a group of panes are remembered. */
export const sizesKey = (group: string): string => `${SIZES}${group}`;

export function readLayout(settings: Settings): LayoutState {
  const kept = settings.get("preset");
  return {
    preset: isPreset(kept) ? kept : "walk",
    closed: readClosed(settings.get(CLOSED)),
    maximised: null,
    asked: null,
    layoutRound: 0,
  };
}

/** What was kept, as far as it names panes that there are; anything else is as if nothing had been kept. */
function readClosed(kept: string | null): ClosedPanes {
  const closed: Partial<Record<Preset, readonly PaneId[]>> = {};
  for (const entry of kept?.split(" ") ?? []) {
    const [preset = "", ...panes] = entry.split(",");
    if (isPreset(preset)) closed[preset] = panes.filter((p) => isPane(p));
  }
  return closed;
}

function closedText(closed: ClosedPanes): string {
  return Object.entries(closed)
    .filter(([, panes]) => panes.length > 0)
    .map(([preset, panes]) => [preset, ...panes].join(","))
    .join(" ");
}

/** Whether a pane has anything to show. Two come and go: the pinned walk, and notes where the session has some. */
export function hasContent({ pinned, summary }: Pick<AppState, "pinned" | "summary">, pane: PaneId): boolean {
  if (pane === "notes") return summary !== null && summary.notes.length > 0;
  return pane !== "pinned" || pinned !== null;
}

/** Panes of the open preset that have nothing to show. */
export function emptyPanes(app: Pick<AppState, "pinned" | "summary" | "preset">): readonly PaneId[] {
  return panesOf(presetLayout(app.preset)).filter((pane) => !hasContent(app, pane));
}

export function layoutSlice({ get, set, settings }: Core): LayoutActions {
  function close(closed: ClosedPanes): void {
    settings.set(CLOSED, closedText(closed));
    set({ closed });
  }
  const choosePreset = (preset: Preset): void => {
    settings.set("preset", preset);
    set({ preset, maximised: null, asked: null });
  };
  return {
    choosePreset,
    closePane: (pane) => {
      const { preset, closed } = get();
      const now = closed[preset] ?? [];
      // The last pane stays: an empty preset would have nothing to be opened from.
      if (panesOf(presetLayout(preset)).every((p) => p === pane || now.includes(p))) return;
      close({ ...closed, [preset]: [...now.filter((p) => p !== pane), pane] });
      set({ maximised: null });
    },
    showPane: (pane) => {
      const preset = presetWith(pane, get().preset);
      if (preset !== get().preset) choosePreset(preset);
      const { closed, maximised } = get();
      close({ ...closed, [preset]: (closed[preset] ?? []).filter((p) => p !== pane) });
      set({ asked: pane, maximised: maximised === pane ? pane : null });
    },
    editMap: (mapEdited) => {
      set({ mapEdited });
      if (mapEdited !== null) get().showPane("maps");
    },
    showOverlaps: (overlapsShown) => {
      set({ overlapsShown });
      if (overlapsShown) get().showPane("maps");
    },
    maximise: (maximised) => set({ maximised }),
    resetLayout: () => {
      for (const { id } of PRESETS) settings.forget(sizesKey(id));
      close({});
      set({ maximised: null, layoutRound: get().layoutRound + 1 });
    },
  };
}
