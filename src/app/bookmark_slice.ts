/** Places in the session to come back to. They last as long as the session is open. */
import type { Core } from "./core.ts";
import type { AppActions } from "./state.ts";

type BookmarkActions = Pick<AppActions, "toggleBookmark" | "nextBookmark">;

export function bookmarkSlice({ get, set }: Core): BookmarkActions {
  return {
    toggleBookmark: () => {
      const { summary, bookmarks } = get();
      if (summary === null) return;
      const { step } = summary;
      const others = bookmarks.filter((b) => b !== step);
      set({ bookmarks: others.length < bookmarks.length ? others : [...bookmarks, step].sort((a, b) => a - b) });
    },
    nextBookmark: () => {
      const { summary, bookmarks } = get();
      const next = bookmarks.find((b) => b > (summary?.step ?? 0)) ?? bookmarks[0];
      if (next !== undefined) void get().seek(next);
    },
  };
}
