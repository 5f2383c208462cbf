/** The engine's search for overlaps, kept up to date while somebody looks; it ends with them. */
import { useEffect, useState } from "react";
import type { Progress } from "../../protocol/engine.ts";
import type { OverlapAnswer, OverlapQuery } from "../../protocol/overlaps.ts";
import { useEngine, useEngineQuery } from "../common/use_app.ts";

/** @param query null: nobody looks */
export function useOverlaps(query: OverlapQuery | null): { answer: OverlapAnswer | null; progress: Progress | null } {
  const engine = useEngine();
  const [progress, setProgress] = useState<Progress | null>(null);
  const key = query === null ? null : `overlaps ${Object.values(query).join()}`;
  const { answer } = useEngineQuery(key, (api, callback) => api.overlaps(query!, callback(setProgress)));
  const looking = query !== null;
  useEffect(() => {
    if (!looking) return;
    return () => void engine.ask("stopping a search", (api) => api.stopOverlaps());
  }, [engine, looking]);
  return { answer: answer?.ok === true ? answer.value : null, progress: answer === null ? progress : null };
}
