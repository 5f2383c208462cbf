/** The text with its line numbers, and what is wrong with it line by line. */
import { type KeyboardEvent, useMemo, useRef, useState } from "react";
import type { TextCompletion } from "../../app/texts.ts";
import { goToLine, NumberedText } from "../common/NumberedText.tsx";
import { useApp } from "../common/use_app.ts";
import { CompletionList } from "./CompletionList.tsx";
import { useCompletions, useKnownValues } from "./use_completions.ts";
import type { Reading } from "./use_scenario_text.ts";

interface ScenarioTextProps {
  readonly text: string;
  /** The session's text that it began from. */
  readonly from: string;
  readonly reading: Reading | null;
}

/** Keys that take the caret elsewhere. */
const MOVES = /^(Arrow|Home|End|Page)/;

type Problems = Reading["of"]["problems"];

export function ScenarioText({ text, from, reading }: ScenarioTextProps) {
  const edit = useApp((app) => app.editText);
  const refused = useApp((app) => app.draft?.refused ?? null);
  const field = useRef<HTMLTextAreaElement>(null);
  const lines = useMemo(() => text.split("\n"), [text]);
  const [caret, setCaret] = useState<number | null>(null);
  const [active, setActive] = useState(-1);
  const offers = useCompletions(text, caret, useKnownValues(reading));
  const problems = useMemo(
    (): Problems => [...(refused === null ? [] : [refused]), ...(reading?.of.problems ?? [])],
    [refused, reading],
  );
  const atFault = useMemo(() => new Set(problems.map((p) => p.line - 1)), [problems]);
  function take(offer: TextCompletion): void {
    const box = field.current;
    if (box === null) return;
    box.setRangeText(offer.text, offer.from, offer.to, "end");
    type(box.value, box.selectionStart);
  }
  function type(typed: string, at: number | null): void {
    edit(typed, from);
    setCaret(at);
    setActive(-1);
  }
  function onKeyDown(event: KeyboardEvent<HTMLTextAreaElement>): void {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const chosen = offers[event.key === "Tab" ? Math.max(active, 0) : active];
    if (event.key === " " && event.ctrlKey) setCaret(event.currentTarget.selectionStart);
    else if (offers.length === 0) return;
    else if (by !== undefined) setActive((active + by + offers.length + 1) % (offers.length + 1));
    else if ((event.key === "Tab" || event.key === "Enter") && !event.shiftKey && chosen !== undefined) take(chosen);
    else if (event.key === "Escape") setCaret(null);
    else {
      if (MOVES.test(event.key)) setCaret(null);
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }
  const more = (reading?.of.count ?? 0) - (reading?.of.problems.length ?? 0);
  return (
    <>
      <div className="editor-text" onPointerDown={() => setCaret(null)}>
        <NumberedText
          label="Scenario as text"
          text={text}
          lines={lines}
          field={field}
          onChange={(typed) => {
            const at = field.current?.selectionStart ?? 0;
            // Offers come unasked while a name or a word is typed.
            type(typed, /[\w"]/.test(typed[at - 1] ?? "") ? at : null);
          }}
          onKeyDown={onKeyDown}
          onLeave={() => setCaret(null)}
          lineState={(line) => (atFault.has(line) ? "fault" : "none")}
        />
        {offers.length > 0 && field.current !== null && (
          <CompletionList
            offers={offers}
            active={active}
            {...placeOf(text, offers[0]!.from)}
            field={field.current}
            onTake={take}
          />
        )}
      </div>
      {problems.length > 0 && (
        <ProblemList
          problems={problems}
          more={more}
          onGo={({ line, column }) => field.current !== null && goToLine(field.current, line, column)}
        />
      )}
    </>
  );
}

/** Line and column of a character, from 0. */
function placeOf(text: string, at: number): { readonly line: number; readonly column: number } {
  const before = text.slice(0, at).split("\n");
  return { line: before.length - 1, column: before.at(-1)!.length };
}

interface ProblemListProps {
  readonly problems: Problems;
  /** Problems that are not listed. */
  readonly more: number;
  readonly onGo: (problem: Problems[number]) => void;
}

function ProblemList({ problems, more, onGo }: ProblemListProps) {
  return (
    <ol className="nw-choices editor-problems" aria-label="Problems">
      {problems.map((p) => (
        <li key={`${p.line} ${p.column} ${p.place} ${p.detail}`}>
          <button type="button" onClick={() => onGo(p)}>
            <span className="nw-3">line {p.line}</span>
            <span>
              {p.place !== "" && <span className="nw-mono nw-fault">{p.place} </span>}
              {p.detail}
            </span>
          </button>
        </li>
      ))}
      {more > 0 && <li className="editor-more nw-3">and {more} more</li>}
    </ol>
  );
}
