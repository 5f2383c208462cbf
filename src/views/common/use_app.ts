/**
 * The store and the engine's answers for components.
 */
import { createContext, useContext, useEffect, useRef, useState } from "react";
import { useStore } from "zustand";
import type { EngineClient } from "../../app/engine_client.ts";
import { EMPTY_SLOT, QuerySlot, type SlotState } from "../../app/query_slot.ts";
import type { Settings } from "../../app/settings.ts";
import type { App } from "../../app/state.ts";
import type { AppStore } from "../../app/store.ts";
import type { EngineApi } from "../../protocol/engine.ts";

/** What the page was started with. */
export interface AppServices {
  readonly store: AppStore;
  readonly engine: EngineClient;
  readonly settings: Settings;
}

export const AppContext = createContext<AppServices | null>(null);

function useServices(): AppServices {
  const services = useContext(AppContext);
  if (services === null) throw new Error("used outside of AppContext");
  return services;
}

/** A part of the state, or an action; the component renders again when it changes (compared with Object.is). */
export function useApp<T>(selector: (app: App) => T): T {
  return useStore(useServices().store, selector);
}

/** State and actions at this moment, without rendering on changes: for event handlers. */
export function useAppNow(): () => App {
  return useServices().store.getState;
}

/** The engine, for answers that nothing on the page shows. */
export function useEngine(): EngineClient {
  return useServices().engine;
}

/** What the page remembers on this machine. */
export function useSettings(): Settings {
  return useServices().settings;
}

/**
 * An answer of the engine that is kept up to date: asked again when `key` changes and with every change of the
 * session. While a new answer is on its way the old one stays, marked stale; after a change of `key` it goes at once.
 * `null` as key asks nothing. `ask` belongs to `key`: equal keys, equal questions; its `callback` makes a function callable
 * from the engine.
 */
export function useEngineQuery<T>(
  key: string | null,
  ask: (engine: EngineApi, callback: <A>(f: (a: A) => void) => (a: A) => void) => Promise<T>,
): SlotState<T> {
  const { engine } = useServices();
  const session = useApp((app) => app.summary);
  const [slot] = useState(() => new QuerySlot<T>());
  const [state, setState] = useState<SlotState<T>>(EMPTY_SLOT);
  const newest = useRef(ask);
  useEffect(() => {
    newest.current = ask;
  });
  useEffect(() => slot.subscribe(setState), [slot]);
  useEffect(() => {
    void slot.ask(session === null ? null : key, session, () => engine.ask(key ?? "", newest.current));
  }, [slot, engine, key, session]);
  return state;
}
