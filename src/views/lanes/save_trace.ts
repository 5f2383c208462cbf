/** Saving what the software did up to the current step as a trace that Perfetto opens. */
import { useCallback } from "react";
import { STOPPED } from "../../app/engine_client.ts";
import { readJournal } from "../../app/journal_reader.ts";
import { useAppNow, useEngine } from "../common/use_app.ts";
import { downloadText, plainName } from "../share/download.ts";

export function useSaveTrace(): () => Promise<void> {
  const now = useAppNow();
  const engine = useEngine();
  return useCallback(async () => {
    const title = now().summary?.title ?? "session";
    const read = await engine.ask("reading the journal", async (api) => ({
      software: await api.software(),
      journal: await readJournal(api),
    }));
    if (read === STOPPED) return;
    if (read.software === null) {
      const detail = "This session is a machine without software; the library has some with a guest, a VMM and a host.";
      now().notify({ tone: "warning", title: "There is no journal to save.", place: "", detail });
      return;
    }
    // What writes the format is fetched when somebody saves a trace.
    const { chromeTrace } = await import("./chrome_trace.ts");
    downloadText(`${plainName(title)}.trace.json`, chromeTrace(title, read.journal.entries, read.software.prices));
  }, [now, engine]);
}
