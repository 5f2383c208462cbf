/**
 * A box for text of many lines with their numbers: a plain text field over a layer that sets off lines and a part of
 * one. Only the lines in view are drawn.
 */
import "./numbered_text.css";
import { type KeyboardEvent, type RefObject, useLayoutEffect, useRef, useState } from "react";
import { useSize } from "./use_size.ts";

interface NumberedTextProps {
  readonly label: string;
  readonly placeholder?: string;
  readonly text: string;
  /** The text, line by line. */
  readonly lines: readonly string[];
  readonly onChange: (text: string) => void;
  /** How a line, counted from 0, is set off: belonging to something, to what is chosen, or at fault. */
  readonly lineState: (line: number) => LineState;
  /** Characters `from` up to `to` of a line, counted from 0, to set off. */
  readonly mark?: { readonly line: number; readonly from: number; readonly to: number } | null;
  readonly field?: RefObject<HTMLTextAreaElement | null>;
  /** The field is left. */
  readonly onLeave?: () => void;
  readonly onKeyDown?: (event: KeyboardEvent<HTMLTextAreaElement>) => void;
}

type LineState = "none" | "other" | "chosen" | "fault";

/** Height of a line, as in the style sheet. */
const LINE_PX = 17;

export function NumberedText(props: NumberedTextProps) {
  const { label, placeholder, text, lines, onChange, lineState, mark = null, onKeyDown, onLeave } = props;
  const own = useRef<HTMLTextAreaElement>(null);
  const field = props.field ?? own;
  const [box, size] = useSize<HTMLDivElement>();
  /** What the field holds. It is told only what it does not hold already: a long text takes long to set. */
  const held = useRef("");
  useLayoutEffect(() => {
    if (text !== held.current) tell(field.current, text);
    held.current = text;
  }, [text, field]);
  const [scroll, setScroll] = useState({ top: 0, left: 0 });
  const first = Math.floor(scroll.top / LINE_PX);
  const count = Math.ceil((size?.height ?? 0) / LINE_PX) + 1;
  const inView = lines.slice(first, first + count).map((content, i) => ({ content, line: first + i }));
  return (
    <div className="numbered" ref={box}>
      <div className="numbered-layer" aria-hidden="true">
        <div style={{ transform: `translateY(${first * LINE_PX - scroll.top}px)` }}>
          {inView.map(({ content, line }) => (
            <div key={line} className="numbered-line" data-state={text === "" ? "none" : lineState(line)}>
              <span className="numbered-number">{text === "" ? "" : line + 1}</span>
              <span className="numbered-bar" />
              <span className="numbered-back">
                <span style={{ marginLeft: -scroll.left }}>
                  {mark !== null && mark.line === line ? (
                    <>
                      {content.slice(0, mark.from)}
                      <em>{content.slice(mark.from, mark.to)}</em>
                      {content.slice(mark.to)}
                    </>
                  ) : null}
                </span>
              </span>
            </div>
          ))}
        </div>
      </div>
      <textarea
        ref={field}
        onChange={(event) => {
          held.current = event.target.value;
          onChange(held.current);
        }}
        onScroll={(event) => setScroll({ top: event.currentTarget.scrollTop, left: event.currentTarget.scrollLeft })}
        onBlur={onLeave}
        onKeyDown={onKeyDown}
        aria-label={label}
        placeholder={placeholder}
        wrap="off"
        spellCheck={false}
        autoComplete="off"
      />
    </div>
  );
}

function tell(field: HTMLTextAreaElement | null, text: string): void {
  // A change that did not come by a key, such as a completion, may be there already, with its caret.
  if (field !== null && field.value !== text) field.value = text;
}

/** Put the cursor at a line and column, from 1, and bring them into view. */
export function goToLine(field: HTMLTextAreaElement, line: number, column: number): void {
  const { value, clientHeight } = field;
  let start = 0;
  for (let i = 1; i < line; i++) start = value.indexOf("\n", start) + 1;
  const at = start + column - 1;
  field.focus();
  field.setSelectionRange(at, at);
  field.scrollTo({ top: Math.max(0, (line - 1) * LINE_PX - clientHeight / 2), left: 0 });
}
