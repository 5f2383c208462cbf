/** The list of what comes with the page, and opening an entry of it. */
import type { Core } from "./core.ts";
import { readLibrary } from "./library.ts";
import { writeLink } from "./link_view.ts";
import type { AppActions } from "./state.ts";

type LibraryActions = Pick<AppActions, "openLibrary" | "listLibrary" | "openLesson">;

export function librarySlice({ get, set, address }: Core): LibraryActions {
  return {
    openLibrary: async () => {
      set({ over: "library" });
      await get().listLibrary();
      if (get().library === null && get().over === "library") set({ over: null });
    },
    listLibrary: async () => {
      const read = await readLibrary();
      if (read.ok) set({ library: read.value });
      else get().notify({ tone: "fault", ...read.error });
    },
    openLesson: async (id) => {
      // The address names the entry, so that it can be sent on, opened again and gone back from.
      const fragment = writeLink("", { library: id });
      address.visit(fragment);
      await get().followFragment(fragment);
    },
  };
}
