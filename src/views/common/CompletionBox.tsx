/**
 * A box for text of a small language, with what may be typed next below it: arrows choose, Tab or Enter takes, Escape
 * closes the list and then empties the box.
 */
import { type KeyboardEvent, useId, useLayoutEffect, useRef, useState } from "react";
import { type Completion, completed } from "../../app/filter/completion.ts";
import "./filter_box.css";

interface CompletionBoxProps {
  readonly id: string;
  readonly label: string;
  readonly placeholder: string;
  readonly text: string;
  /** What is wrong with the text, or null. */
  readonly why: string | null;
  /** What may stand where the caret is. */
  readonly offer: (text: string, caret: number) => readonly Completion[];
  readonly onText: (text: string) => void;
  /** Enter, with nothing of the list chosen. */
  readonly onEnter?: () => void;
}

export function CompletionBox({ id, label, placeholder, text, why, offer, onText, onEnter }: CompletionBoxProps) {
  const list = useId();
  const box = useRef<HTMLInputElement>(null);
  const [caret, setCaret] = useState<number | null>(null);
  const [active, setActive] = useState(-1);
  /** Where the caret goes once the box has the completed text; the next key may come at once. */
  const due = useRef<number | null>(null);
  useLayoutEffect(() => {
    if (due.current !== null) box.current?.setSelectionRange(due.current, due.current);
    due.current = null;
  });
  const offered = caret === null ? [] : offer(text, caret);
  const open = offered.length > 0;
  const at = Math.min(active, offered.length - 1);

  function take(index: number): void {
    const chosen = offered[index];
    if (chosen === undefined) return;
    const next = completed(text, chosen);
    onText(next.text);
    setActive(-1);
    setCaret(next.caret);
    due.current = next.caret;
  }
  function onKeyDown(event: KeyboardEvent): void {
    const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (move !== undefined && open) setActive((at + move + offered.length + 1) % (offered.length + 1));
    else if (move === 1) setCaret(box.current?.selectionStart ?? text.length);
    else if (event.key === "Tab" && open && !event.shiftKey) take(Math.max(at, 0));
    else if (event.key === "Enter" && open && at >= 0) take(at);
    else if (event.key === "Enter" || (event.key === "Escape" && open)) {
      setCaret(null);
      if (event.key === "Enter") onEnter?.();
    } else if (event.key === "Escape" && text !== "") onText("");
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
  return (
    <div className="filter-box">
      <input
        ref={box}
        id={id}
        className="nw-field nw-mono"
        role="combobox"
        aria-label={label}
        aria-expanded={open}
        aria-controls={list}
        aria-autocomplete="list"
        aria-activedescendant={open && at >= 0 ? `${list}-${at}` : undefined}
        aria-invalid={why !== null}
        placeholder={placeholder}
        spellCheck={false}
        autoComplete="off"
        value={text}
        onChange={(event) => {
          onText(event.target.value);
          setCaret(event.target.selectionStart);
          setActive(-1);
        }}
        onKeyDown={onKeyDown}
        onBlur={() => setCaret(null)}
      />
      <div className="filter-drop nw-pop" hidden={!open && why === null}>
        {why !== null && (
          <p className="nw-fault filter-why" role="status">
            {why}
          </p>
        )}
        <div id={list} role="listbox" aria-label={`${label}: what may follow`} hidden={!open}>
          {offered.map((c, i) => (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the box handles keys; options are reached by aria-activedescendant.
            // biome-ignore lint/a11y/useFocusableInteractive: focus stays in the box.
            <div
              key={c.text}
              id={`${list}-${i}`}
              role="option"
              aria-selected={i === at}
              className="filter-option"
              // The box keeps the focus.
              onPointerDown={(event) => event.preventDefault()}
              onClick={() => take(i)}
            >
              <span className="nw-mono">{c.text}</span> <span className="nw-3">{c.about}</span>
            </div>
          ))}
        </div>
      </div>
    </div>
  );
}
