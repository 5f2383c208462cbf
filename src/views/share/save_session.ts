/** Saving the whole session as a file. */
import { useCallback } from "react";
import { useAppNow } from "../common/use_app.ts";
import { downloadText, fileName } from "./download.ts";

export function useSaveSession(): () => Promise<void> {
  const now = useAppNow();
  return useCallback(async () => {
    const title = now().summary?.title ?? "session";
    const text = await now().wholeSession();
    if (text !== null) downloadText(fileName(title), text);
  }, [now]);
}
