/**
 * A box for a filter, with what may be typed next below it: arrows choose, Tab or Enter takes, Escape closes the list
 * and then empties the box.
 */
import { type KeyboardEvent, useId, useRef, useState } from "react";
import { completed, completions } from "../../app/filter/completion.ts";
import type { Filter, FilterField } from "../../app/filter/filter.ts";
import "./filter_box.css";

interface FilterBoxProps<Row> {
  readonly id: string;
  readonly label: string;
  readonly placeholder: string;
  readonly text: string;
  readonly fields: readonly FilterField<Row>[];
  readonly filter: Filter<Row>;
  readonly onText: (text: string) => void;
}

export function FilterBox<Row>({ id, label, placeholder, text, fields, filter, onText }: FilterBoxProps<Row>) {
  const list = useId();
  const box = useRef<HTMLInputElement>(null);
  const [caret, setCaret] = useState<number | null>(null);
  const [active, setActive] = useState(-1);
  const offered = caret === null ? [] : completions(text, caret, fields);
  const open = offered.length > 0;
  const at = Math.min(active, offered.length - 1);

  function take(index: number): void {
    const chosen = offered[index];
    if (chosen === undefined) return;
    const next = completed(text, chosen);
    onText(next.text);
    setActive(-1);
    setCaret(next.caret);
    // The value of the box changes with the next render.
    requestAnimationFrame(() => box.current?.setSelectionRange(next.caret, next.caret));
  }
  function onKeyDown(event: KeyboardEvent): void {
    const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (move !== undefined && open) setActive((at + move + offered.length + 1) % (offered.length + 1));
    else if (move === 1) setCaret(box.current?.selectionStart ?? text.length);
    else if (event.key === "Tab" && open && !event.shiftKey) take(Math.max(at, 0));
    else if (event.key === "Enter" && open && at >= 0) take(at);
    else if (event.key === "Enter" || (event.key === "Escape" && open)) setCaret(null);
    else if (event.key === "Escape" && text !== "") onText("");
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
        aria-invalid={!filter.ok}
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
      <div className="filter-drop nw-pop" hidden={!open && filter.ok}>
        {!filter.ok && (
          <p className="nw-fault filter-why" role="status">
            {filter.why}
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
