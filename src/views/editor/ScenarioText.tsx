/** The text with its line numbers, and what is wrong with it line by line. */
import { useMemo, useRef } from "react";
import { goToLine, NumberedText } from "../common/NumberedText.tsx";
import { useApp } from "../common/use_app.ts";
import { MOST_EDITED, type Reading } from "./use_scenario_text.ts";

interface ScenarioTextProps {
  readonly text: string;
  /** The session's text that it began from. */
  readonly from: string;
  readonly reading: Reading | null;
  /** It can only be read. */
  readonly fixed: boolean;
}

type Problems = Reading["of"]["problems"];

export function ScenarioText({ text, from, reading, fixed }: ScenarioTextProps) {
  const edit = useApp((app) => app.editText);
  const refused = useApp((app) => app.draft?.refused ?? null);
  const field = useRef<HTMLTextAreaElement>(null);
  const lines = useMemo(() => text.split("\n"), [text]);
  const problems = useMemo(
    (): Problems => [...(refused === null ? [] : [refused]), ...(reading?.of.problems ?? [])],
    [refused, reading],
  );
  const atFault = useMemo(() => new Set(problems.map((p) => p.line - 1)), [problems]);
  const more = (reading?.of.count ?? 0) - (reading?.of.problems.length ?? 0);
  return (
    <>
      {fixed && (
        <p className="editor-fixed nw-small nw-2">
          This text is longer than {MOST_EDITED / 1_000_000} million characters, so it can only be read here. Save the
          session as a file to edit it.
        </p>
      )}
      <NumberedText
        label="Scenario as text"
        text={text}
        lines={lines}
        readOnly={fixed}
        field={field}
        onChange={(typed) => edit(typed, from)}
        lineState={(line) => (atFault.has(line) ? "fault" : "none")}
      />
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

interface ProblemListProps {
  readonly problems: Problems;
  /** Problems that are not listed. */
  readonly more: number;
  readonly onGo: (problem: Problems[number]) => void;
}

function ProblemList({ problems, more, onGo }: ProblemListProps) {
  return (
    <ol className="editor-problems" aria-label="Problems">
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
