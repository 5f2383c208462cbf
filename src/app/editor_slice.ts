/**
 * The scenario's text while somebody edits it: kept beside the open session, whatever is on screen, until it is opened
 * in that one's place. What reads and writes documents is fetched when it is needed.
 */
import type { SessionDocument } from "../protocol/machine.ts";
import type { TextReading } from "../scenario/check_text.ts";
import type { KnownValues, TextCompletion } from "../scenario/complete_text.ts";
import type { Core } from "./core.ts";
import type { AppActions } from "./state.ts";

export type { KnownValues, TextCompletion };

type EditorActions = Pick<AppActions, "editText" | "changeStep" | "dropText" | "openText">;

export function editorSlice({ get, set }: Core): EditorActions {
  return {
    editText: (text, from) => set({ draft: text === from ? null : { text, from, refused: null } }),
    changeStep: async (change, from) => {
      const { changeSteps } = await import("../scenario/edit_steps.ts");
      get().editText(changeSteps(get().draft?.text ?? from, change), from);
    },
    dropText: () => set({ draft: null }),
    openText: async () => {
      const { draft } = get();
      if (draft === null) return;
      const { readText, placeProblem } = await import("../scenario/check_text.ts");
      const { scenario } = readText(draft.text);
      // What is wrong is listed where the text is.
      if (scenario === null) return get().showPane("scenario");
      const still = (): boolean => get().draft?.text === draft.text;
      const opened = await get().openDocument(scenario, "from the editor", (problem) => {
        if (still()) set({ draft: { ...draft, refused: placeProblem(draft.text, problem) } });
      });
      if (opened && still()) set({ draft: null });
    },
  };
}

/** What a text says, or what is wrong with it. */
export async function readScenarioText(text: string): Promise<TextReading> {
  const { readText } = await import("../scenario/check_text.ts");
  return readText(text);
}

/** What may stand at a place of a text. */
export async function completeScenario(text: string, caret: number, known: KnownValues): Promise<TextCompletion[]> {
  const { completeText } = await import("../scenario/complete_text.ts");
  return completeText(text, caret, known);
}

/** A session as text. */
export async function scenarioText(document: SessionDocument): Promise<string> {
  const { formatScenario } = await import("../scenario/document.ts");
  return formatScenario(document);
}
