/**
 * The page's end of the worker: every call goes through here, so that one place knows when the engine is gone.
 *
 * The engine is gone when the worker reports an error, when a call throws (a bug: bad input comes back as a value), or
 * when it shows no sign of life for too long. Calls under way then answer {@link STOPPED}; the client has to be
 * restarted, which gives a worker with nothing open.
 */
import * as Comlink from "comlink";
import type { EngineApi } from "../protocol/engine.ts";
import { receivingLog } from "../protocol/log_wire.ts";

/** What a call answers when the engine stopped before the answer. */
export const STOPPED: unique symbol = Symbol("the engine stopped");

/** A running engine and the way to talk to it. */
export interface EngineTransport {
  readonly api: EngineApi;
  /** Make a function callable from the other side. */
  readonly callback: <F extends (progress: never) => void>(f: F) => F;
  /** Called once, with a sentence, when the other side is gone. */
  readonly onStopped: (listener: (why: string) => void) => void;
  readonly end: () => void;
}

/** The engine in a worker of its own. */
function connectWorker(): EngineTransport {
  const worker = new Worker(new URL("../worker/engine.worker.ts", import.meta.url), { type: "module" });
  const remote = Comlink.wrap<EngineApi>(worker);
  return {
    // A remote API answers promises of clones, which is what the interface says.
    api: receivingLog(remote as unknown as EngineApi),
    callback: (f) => Comlink.proxy(f),
    onStopped: (listener) => {
      worker.addEventListener("error", (event) => {
        event.preventDefault();
        listener(event.message ? `${event.message}.` : "Its program could not be loaded.");
      });
      worker.addEventListener("messageerror", () => listener("A message could not be read."));
    },
    end: () => worker.terminate(),
  };
}

/** How long to wait for a sign of life before giving a worker up, in turns of `turnMs`. */
export interface Patience {
  readonly turnMs: number;
  readonly turns: number;
}

const PATIENCE: Patience = { turnMs: 1000, turns: 20 };

/** What was under way when the engine stopped, and why it did. */
export interface Stop {
  readonly why: string;
  /** The oldest unanswered call, or null. */
  readonly during: string | null;
}

interface Pending {
  readonly what: string;
  readonly give: (answer: typeof STOPPED) => void;
}

export class EngineClient {
  readonly #connect: () => EngineTransport;
  readonly #patience: Patience;
  readonly #pending = new Set<Pending>();
  readonly #listeners = new Set<(stop: Stop) => void>();
  #transport: EngineTransport | null = null;
  #quiet = 0;
  #watch: ReturnType<typeof setInterval> | undefined;

  constructor(connect: () => EngineTransport = connectWorker, patience: Patience = PATIENCE) {
    this.#connect = connect;
    this.#patience = patience;
  }

  /** Whether calls reach an engine. */
  get running(): boolean {
    return this.#transport !== null;
  }

  onStopped(listener: (stop: Stop) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Start an engine with nothing open, in place of the one that runs. */
  restart(): void {
    this.end();
    const transport = this.#connect();
    this.#transport = transport;
    transport.onStopped((why) => {
      if (transport === this.#transport) this.#stop(why);
    });
  }

  /** Stop the engine, whatever it does. Calls under way answer STOPPED, and nobody is told of a stop. */
  end(): void {
    this.#stopWatch();
    this.#transport?.end();
    this.#transport = null;
    const pending = [...this.#pending];
    this.#pending.clear();
    for (const call of pending) call.give(STOPPED);
  }

  /**
   * Ask the engine. `what` names the call in a report. Calls made while no engine runs answer STOPPED.
   * @param ask also gets `callback`, which makes a function callable from the engine and counts as a sign of life.
   */
  ask<T>(
    what: string,
    ask: (api: EngineApi, callback: <A>(f: (a: A) => void) => (a: A) => void) => Promise<T>,
  ): Promise<T | typeof STOPPED> {
    const transport = this.#transport;
    if (transport === null) return Promise.resolve(STOPPED);
    const callback = <A>(f: (a: A) => void): ((a: A) => void) =>
      transport.callback((a: A) => {
        if (transport !== this.#transport) return;
        this.#quiet = 0;
        f(a);
      });
    return new Promise((give) => {
      const pending: Pending = { what, give };
      this.#pending.add(pending);
      this.#startWatch();
      const settle = (): boolean => {
        this.#quiet = 0;
        return this.#pending.delete(pending);
      };
      ask(transport.api, callback).then(
        (answer) => {
          if (settle()) give(answer);
          if (this.#pending.size === 0) this.#stopWatch();
        },
        (reason: unknown) => {
          // Still pending, so that it can be named as what was under way.
          if (this.#pending.has(pending)) this.#stop(reasonText(reason), what);
        },
      );
    });
  }

  #stop(why: string, during: string | null = this.#pending.values().next().value?.what ?? null): void {
    this.end();
    for (const listener of this.#listeners) listener({ why, during });
  }

  #startWatch(): void {
    if (this.#watch !== undefined) return;
    this.#quiet = 0;
    this.#watch = setInterval(() => {
      if (++this.#quiet < this.#patience.turns) return;
      const seconds = Math.round((this.#patience.turns * this.#patience.turnMs) / 1000);
      this.#stop(`It gave no sign of life for ${seconds} seconds.`);
    }, this.#patience.turnMs);
  }

  #stopWatch(): void {
    clearInterval(this.#watch);
    this.#watch = undefined;
  }
}

function reasonText(reason: unknown): string {
  const text = reason instanceof Error ? `${reason.name}: ${reason.message}` : String(reason);
  return text.endsWith(".") ? text : `${text}.`;
}
