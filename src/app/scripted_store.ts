/** A store over scripted engines, for its tests. */
import type { EngineApi } from "../protocol/engine.ts";
import { EngineClient, type Patience } from "./engine_client.ts";
import { ScriptedEngine } from "./scripted_engine.ts";
import { shippedOpener } from "./shipped.ts";
import { createAppStore } from "./store.ts";

/** A file that holds its name. */
export const file = (text: string) => ({ name: text, bytes: new TextEncoder().encode(text) });

/** Gives a silent engine up at once. */
const IMPATIENT: Patience = { turnMs: 10, turns: 3 };

/**
 * A store with nothing open; `engines.at(-1)` is the engine that runs.
 * @param onStart sees every engine before it is asked anything, with how many there were before it
 */
export function setUp(onStart: (engine: ScriptedEngine, index: number) => void = () => {}, patience = IMPATIENT) {
  const engines: ScriptedEngine[] = [];
  const client = new EngineClient(() => {
    const engine = new ScriptedEngine();
    onStart(engine, engines.length);
    engines.push(engine);
    return engine.transport();
  }, patience);
  const cleared: string[] = [];
  const visited: string[] = [];
  const store = createAppStore({
    engine: client,
    settings: { get: () => null, set: () => {}, forget: () => {} },
    openShipped: shippedOpener(client, "https://here/"),
    address: {
      withFragment: (f) => `https://here/#${f}`,
      clearFragment: () => cleared.push("cleared"),
      visit: (f) => visited.push(f),
    },
    every: (ms, tick) => {
      const timer = setInterval(tick, ms);
      return () => clearInterval(timer);
    },
  });
  const running = (): ScriptedEngine => engines.at(-1)!;
  const hold = (...names: (keyof EngineApi)[]): void => {
    running().holding = new Set(names);
  };
  const letGo = async (index: number): Promise<void> => {
    running().held[index]!.letGo();
    await settled();
  };
  return { store, now: store.getState, engines, running, hold, letGo, cleared, visited };
}

/** Let everything that waits for nothing outside run. */
export const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1));
