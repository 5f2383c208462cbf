/** What a text is decoded to, beside the page. */
import { useEffect, useRef, useState } from "react";
import { texts } from "../../app/texts.ts";
import type { DecodeResult } from "../../decode/decode.ts";

/** A result and the text that it is of, with the milliseconds until it was there. */
export interface Decoded {
  readonly text: string;
  readonly result: DecodeResult;
  readonly ms: number;
}

const NOTHING: Decoded = { text: "", result: { entries: [], notes: [], dump: null }, ms: 0 };

/** Of an older text until that of `text` is there. One text is decoded at a time; those that came between are left out. */
export function useDecoded(text: string): Decoded {
  const [decoded, setDecoded] = useState(NOTHING);
  const busy = useRef(false);
  // What decodes is fetched while nothing is pasted yet.
  useEffect(() => void texts().decode(""), []);
  useEffect(() => {
    if (busy.current || decoded.text === text) return;
    busy.current = true;
    const start = performance.now();
    void texts()
      .decode(text)
      .then((result) => {
        busy.current = false;
        setDecoded({ text, result, ms: performance.now() - start });
      });
  }, [text, decoded]);
  return decoded;
}
