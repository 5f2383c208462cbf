/** The page's end of the worker for texts, which is started by the first question. */
import { wrap } from "comlink";
import { type KnownValues, TEXTS, type TextCompletion, type Texts } from "../scenario/texts.ts";

export type { KnownValues, TextCompletion, Texts };

let reader: Texts | null = null;

/** What reads and writes texts: a worker, or this thread where there are no workers or it cannot be started. */
export function texts(): Texts {
  reader ??= typeof Worker === "undefined" ? TEXTS : startWorker();
  return reader;
}

function startWorker(): Texts {
  const worker = new Worker(new URL("../worker/texts.worker.ts", import.meta.url), { type: "module" });
  const remote = wrap<Texts>(worker);
  const lost = new Promise<never>((_, reject) => {
    worker.addEventListener("error", () => reject(new Error("The worker for texts is gone.")), { once: true });
  });
  const first = <T>(there: Promise<T>, here: () => Promise<T>): Promise<T> => Promise.race([there, lost]).catch(here);
  return {
    decode: (text) => first(remote.decode(text), () => TEXTS.decode(text)),
    read: (text) => first(remote.read(text), () => TEXTS.read(text)),
    place: (text, problem) => first(remote.place(text, problem), () => TEXTS.place(text, problem)),
    write: (document) => first(remote.write(document), () => TEXTS.write(document)),
    change: (text, change) => first(remote.change(text, change), () => TEXTS.change(text, change)),
    complete: (text, caret, known) =>
      first(remote.complete(text, caret, known), () => TEXTS.complete(text, caret, known)),
  };
}
