/**
 * Answers that grow with the session, on their way from the worker to the page: of the log of actions in summaries, and of
 * events, only those that the page does not have yet, so that a step costs the same in a long session as in a short one.
 *
 * Both ends see the answers in the same order, each end through one of the two functions here.
 */
import type { EngineApi, EventRecord, Result, SessionSummary } from "./engine.ts";
import type { Action } from "./machine.ts";

/** A summary whose `actions` come after the first `kept` of the last one's. */
type OnWire = SessionSummary & { readonly kept: number };

/** Events after the first `kept` of the last answer's. */
interface NewEvents {
  readonly kept: number;
  readonly events: readonly EventRecord[];
}

/** What an end changes: summaries, and the answer about events. */
interface Changes {
  /** @param opened of another session than the last one's */
  readonly summary: (summary: SessionSummary, opened: boolean) => SessionSummary;
  readonly events: EngineApi["events"];
}

/** The same API with these answers changed. Calls are looked up when they are made: a remote API does not list them. */
function changing(api: EngineApi, { summary, events }: Changes): EngineApi {
  const result = (r: Result<SessionSummary>, opened = false): Result<SessionSummary> =>
    r.ok ? { ok: true, value: summary(r.value, opened) } : r;
  const changed: Partial<EngineApi> = {
    openFiles: async (files, report) => result(await api.openFiles(files, report), true),
    openShipped: async (base, report) => result(await api.openShipped(base, report), true),
    openDocument: async (document) => result(await api.openDocument(document), true),
    summary: async () => summary(await api.summary(), false),
    apply: async (action) => result(await api.apply(action)),
    applyAll: async (actions, watches) => result(await api.applyAll(actions, watches)),
    seek: async (step, watches) => result(await api.seek(step, watches)),
    events,
  };
  return new Proxy(api, { get: (target, name) => Reflect.get(Object.hasOwn(changed, name) ? changed : target, name) });
}

/** The worker's end. */
export function sendingLog(api: EngineApi): EngineApi {
  const sent: Action[] = [];
  /** Events that the page has and the session still has. */
  let told = 0;
  const summary = (of: SessionSummary, opened: boolean): OnWire => {
    const { actions } = of;
    let kept = 0;
    while (kept < Math.min(sent.length, actions.length) && sent[kept] === actions[kept]) kept++;
    // Other actions than before come after a step back, whose summary tells how many events are left.
    told = opened ? 0 : Math.min(told, of.recorded.events);
    sent.length = kept;
    for (let i = kept; i < actions.length; i++) sent.push(actions[i]!);
    return { ...of, actions: actions.slice(kept), kept };
  };
  const events = async (): Promise<readonly EventRecord[]> => {
    const kept = told;
    const fresh = await api.events(kept);
    told = kept + fresh.length;
    const onWire: NewEvents = { kept, events: fresh };
    return onWire as unknown as readonly EventRecord[];
  };
  return changing(api, { summary, events });
}

/** The page's end. While nothing came or went, answers hold the same array as before; what stays is the same object. */
export function receivingLog(api: EngineApi): EngineApi {
  let log: readonly Action[] = [];
  let records: readonly EventRecord[] = [];
  const summary = (of: SessionSummary): SessionSummary => {
    const { kept, actions, ...rest } = of as OnWire;
    log = spliced(log, kept, actions);
    return { ...rest, actions: log };
  };
  const events = async (from = 0): Promise<readonly EventRecord[]> => {
    const { kept, events: fresh } = (await api.events()) as unknown as NewEvents;
    records = spliced(records, kept, fresh);
    return from === 0 ? records : records.slice(from);
  };
  return changing(api, { summary, events });
}

/** The first `kept` of what there was, then what is new. */
const spliced = <T>(before: readonly T[], kept: number, fresh: readonly T[]): readonly T[] =>
  fresh.length > 0 || kept < before.length ? before.slice(0, kept).concat(fresh) : before;
