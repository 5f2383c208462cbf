/** The whole structure as typed or pasted words; what differs becomes one action. */
import { type KeyboardEvent, useEffect, useId, useRef, useState } from "react";
import { Button } from "../common/Button.tsx";
import { hexText, parseWords } from "./structure_text.ts";

interface HexEditorProps {
  readonly words: Uint32Array;
  readonly onWrite: (words: Uint32Array) => void;
  readonly onDone: () => void;
}

export function HexEditor({ words, onWrite, onDone }: HexEditorProps) {
  const quads = words.length / 2;
  const [text, setText] = useState(() => hexText(words));
  const box = useRef<HTMLTextAreaElement>(null);
  const hint = useId();
  useEffect(() => box.current?.select(), []);
  const typed = parseWords(text, quads);

  function write(): void {
    if (!typed.ok) return;
    onWrite(typed.words);
    onDone();
  }
  function onKeyDown(event: KeyboardEvent): void {
    event.stopPropagation();
    if (event.key === "Escape") onDone();
    else if (event.key === "Enter" && (quads === 1 || event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      write();
    }
  }
  return (
    <div className="hex-editor">
      <textarea
        ref={box}
        className="nw-field nw-mono"
        aria-label="Words of the structure, lowest first"
        aria-invalid={!typed.ok}
        aria-describedby={hint}
        spellCheck={false}
        autoComplete="off"
        rows={quads}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={onKeyDown}
      />
      <p id={hint} role="status" className={typed.ok ? "nw-3" : "nw-fault"}>
        {typed.ok ? `${quads === 1 ? "Enter" : "Ctrl Enter"} writes, Escape leaves it.` : typed.why}
      </p>
      <div className="hex-editor-buttons">
        <Button kind="primary" size="small" disabled={!typed.ok} onClick={write}>
          Write
        </Button>
        <Button size="small" onClick={onDone}>
          Leave it
        </Button>
      </div>
    </div>
  );
}
