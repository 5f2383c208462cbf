/** Opening the capture that comes with the page, so that a first visit shows a walk. */
import type { Progress, Result, SessionSummary } from "../protocol/engine.ts";
import { type EngineClient, STOPPED } from "./engine_client.ts";

/** How the shipped capture is called where the source of a session is named. */
export const SHIPPED_SOURCE = "shipped with Nestwalk";

export type OpenShipped = (report: (progress: Progress) => void) => Promise<Result<SessionSummary> | typeof STOPPED>;

/** Opens it in the engine; `base` is the page's address. */
export function shippedOpener(engine: EngineClient, base: string): OpenShipped {
  return (report) =>
    engine.ask("opening the shipped capture", (api, callback) => api.openShipped(base, callback(report)));
}

/** The same, begun at once: who calls first gets what was begun, unless the engine stopped meanwhile. */
export function begun(open: OpenShipped): OpenShipped {
  let first: ReturnType<OpenShipped> | null = open(() => {});
  return async (report) => {
    const mine = first;
    first = null;
    const answer = mine === null ? STOPPED : await mine;
    return answer === STOPPED ? open(report) : answer;
  };
}
