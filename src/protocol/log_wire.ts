/**
 * Summaries on their way from the worker to the page: of the log of actions only those that the page does not have yet,
 * so that a step costs the same in a long session as in a short one.
 *
 * Both ends see the answers in the same order, each end through one of the two functions here.
 */
import type { EngineApi, Result, SessionSummary } from "./engine.ts";
import type { Action } from "./machine.ts";

/** A summary whose `actions` come after the first `kept` of the last one's. */
type OnWire = SessionSummary & { readonly kept: number };

/** The same API with its summaries changed. Calls are looked up when they are made: a remote API does not list them. */
function changing(api: EngineApi, change: (summary: SessionSummary) => SessionSummary): EngineApi {
  const result = (r: Result<SessionSummary>): Result<SessionSummary> =>
    r.ok ? { ok: true, value: change(r.value) } : r;
  const changed: Partial<EngineApi> = {
    openFiles: async (files, report) => result(await api.openFiles(files, report)),
    openDocument: async (document) => result(await api.openDocument(document)),
    summary: async () => change(await api.summary()),
    apply: async (action) => result(await api.apply(action)),
    applyAll: async (actions) => result(await api.applyAll(actions)),
    seek: async (step) => result(await api.seek(step)),
  };
  return new Proxy(api, { get: (target, name) => Reflect.get(Object.hasOwn(changed, name) ? changed : target, name) });
}

/** The worker's end. */
export function sendingLog(api: EngineApi): EngineApi {
  const sent: Action[] = [];
  return changing(api, (summary): OnWire => {
    const { actions } = summary;
    let kept = 0;
    while (kept < Math.min(sent.length, actions.length) && sent[kept] === actions[kept]) kept++;
    sent.length = kept;
    for (let i = kept; i < actions.length; i++) sent.push(actions[i]!);
    return { ...summary, actions: actions.slice(kept), kept };
  });
}

/** The page's end. While no action came or went, summaries hold the same array. */
export function receivingLog(api: EngineApi): EngineApi {
  let log: readonly Action[] = [];
  return changing(api, (summary): SessionSummary => {
    const { kept, actions, ...rest } = summary as OnWire;
    if (actions.length > 0 || kept < log.length) log = log.slice(0, kept).concat(actions);
    return { ...rest, actions: log };
  });
}
