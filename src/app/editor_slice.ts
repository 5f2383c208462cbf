/**
 * The scenario's text while somebody edits it: kept beside the open session, whatever is on screen, until it is opened
 * in that one's place.
 */
import type { Problem } from "../protocol/engine.ts";
import type { Core } from "./core.ts";
import type { AppActions } from "./state.ts";
import { texts } from "./texts.ts";
import { Turns } from "./turns.ts";

type EditorActions = Pick<AppActions, "editText" | "changeStep" | "dropText" | "openText">;

export function editorSlice({ get, set }: Core): EditorActions {
  const changes = new Turns();
  return {
    editText: (text, from) => set({ draft: text === from ? null : { text, from, refused: null } }),
    changeStep: (change, from) =>
      changes.take(async () => {
        get().editText(await texts().change(get().draft?.text ?? from, change), from);
      }),
    dropText: () => set({ draft: null }),
    openText: async () => {
      const { draft } = get();
      if (draft === null) return;
      const { scenario } = await texts().read(draft.text);
      // What is wrong is listed where the text is.
      if (scenario === null) return get().showPane("scenario");
      const still = (): boolean => get().draft?.text === draft.text;
      const why: Problem[] = [];
      const opened = await get().openDocument(scenario, "from the editor", (problem) => why.push(problem));
      const [refused = null] = await Promise.all(why.map((problem) => texts().place(draft.text, problem)));
      if (still()) set({ draft: opened ? null : { ...draft, refused } });
    },
  };
}
