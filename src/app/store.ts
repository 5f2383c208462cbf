/**
 * The store of the page: state, and actions that ask the engine. No React here; views read it through an adapter.
 */
import { createStore, type StoreApi } from "zustand/vanilla";
import { bookmarkSlice } from "./bookmark_slice.ts";
import { compareSlice, FROM_THE_START } from "./compare_slice.ts";
import type { AppEnvironment, Core } from "./core.ts";
import { editSlice } from "./edit_slice.ts";
import { editorSlice } from "./editor_slice.ts";
import { layoutSlice, readLayout } from "./layout_slice.ts";
import { librarySlice } from "./library_slice.ts";
import { playSlice, RATES } from "./play_slice.ts";
import { sessionSlice } from "./session_slice.ts";
import { readTheme } from "./settings.ts";
import { shareSlice } from "./share_slice.ts";
import type { App, AppState } from "./state.ts";
import { LIVE_RATES, streamSlice } from "./stream_slice.ts";
import { Turns } from "./turns.ts";
import { walkSlice } from "./walk_slice.ts";
import { watchSlice } from "./watch_slice.ts";

export type AppStore = StoreApi<App>;

const EMPTY: Omit<AppState, "theme" | "preset" | "closed" | "maximised" | "asked" | "layoutRound"> = {
  engine: { state: "starting", opening: null, progress: null, stopped: null },
  notices: [],
  summary: null,
  source: "",
  streams: null,
  stream: null,
  leaves: null,
  access: null,
  made: false,
  walk: null,
  shown: 0,
  pinned: null,
  playing: null,
  rate: RATES[0],
  live: null,
  liveRate: LIVE_RATES[2],
  bookmarks: [],
  selected: null,
  structure: null,
  structureAnswer: null,
  share: { state: "closed" },
  embedded: false,
  mapEdited: null,
  overlapsShown: false,
  watches: [],
  comparison: FROM_THE_START,
  typedCommand: "",
  typedQueue: null,
  over: null,
  library: null,
  pasted: "",
  draft: null,
};

/** A store with nothing open; `start` opens the first session. */
export function createAppStore(environment: AppEnvironment): AppStore {
  return createStore<App>()((set, get) => {
    const core: Core = { ...environment, get, set: (part) => set(part) };
    const walk = walkSlice(core);
    const turns = new Turns();
    let notices = 0;
    return {
      ...EMPTY,
      theme: readTheme(environment.settings),
      ...readLayout(environment.settings),
      ...walk.actions,
      ...sessionSlice(core, walk, turns),
      ...editSlice(core, walk, turns),
      ...shareSlice(core),
      ...layoutSlice(core),
      ...playSlice(core, walk.show),
      ...streamSlice(core, walk.refresh),
      ...bookmarkSlice(core),
      ...librarySlice(core),
      ...editorSlice(core),
      ...compareSlice(core),
      ...watchSlice(core),
      // The same message is not said twice: the newer one takes the place of the older.
      notify: (notice) => {
        const others = get().notices.filter((n) => n.title !== notice.title || n.place !== notice.place);
        set({ notices: [...others, { ...notice, id: ++notices }] });
      },
      dismiss: (id) => set({ notices: get().notices.filter((n) => n.id !== id) }),
      chooseTheme: (theme) => {
        environment.settings.set("theme", theme);
        set({ theme });
      },
      showOver: (over) => set({ over }),
      typeCommand: (typedCommand) => set({ typedCommand }),
      chooseCommandQueue: (typedQueue) => set({ typedQueue }),
      paste: (pasted) => set({ pasted }),
    };
  });
}
