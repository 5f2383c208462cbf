/** The session's text, and what a text says, as they change. */
import { useEffect, useState } from "react";
import { type Texts, texts } from "../../app/texts.ts";
import { useApp, useEngineQuery } from "../common/use_app.ts";

/** Characters up to which a text can be edited here. */
export const MOST_EDITED = 1_000_000;

/** Bytes of memory up to which a session is written as text to look at. */
const MOST_MEMORY = 64 << 20;

/** What a reading is of, and what it came to; the reading of an older text stays until the new one is there. */
export interface Reading {
  readonly text: string;
  readonly of: Awaited<ReturnType<Texts["read"]>>;
}

/** Text of the open session: null until it is there; `tooBig` where its memory is too much to be written out. */
export function useSessionText(): { readonly text: string | null; readonly tooBig: boolean } {
  const tooBig = useApp((app) => (app.summary?.memory.bytes ?? 0) > MOST_MEMORY);
  const { answer } = useEngineQuery(tooBig ? null : "the scenario's text", (engine) => engine.document());
  const [text, setText] = useState<string | null>(null);
  useEffect(() => {
    let newest = true;
    if (answer !== null)
      void texts()
        .write(answer)
        .then((written) => newest && setText(written));
    return () => {
      newest = false;
    };
  }, [answer]);
  return { text, tooBig };
}

/** Milliseconds without a key press after which a text is read. */
const PAUSE_MS = 250;

/** What `text` says, a moment after it last changed where it is being typed; null for none. */
export function useReading(text: string | null, typing: boolean): Reading | null {
  const [reading, setReading] = useState<Reading | null>(null);
  useEffect(() => {
    if (text === null) return;
    let newest = true;
    const read = async (): Promise<void> => {
      const of = await texts().read(text);
      if (newest) setReading({ text, of });
    };
    const timer = setTimeout(() => void read(), typing ? PAUSE_MS : 0);
    return () => {
      newest = false;
      clearTimeout(timer);
    };
  }, [text, typing]);
  return text === null ? null : reading;
}
