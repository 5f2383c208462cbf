/**
 * The steps of the text as a list: moved, doubled, deleted, and given notes. Each change is one of the text, so nothing
 * happens to the session before that is opened.
 */
import { useState } from "react";
import { noteStops } from "../../app/notes.ts";
import { actionText } from "../common/action_text.ts";
import { Button } from "../common/Button.tsx";
import { useApp } from "../common/use_app.ts";
import { VirtualList } from "../common/VirtualList.tsx";
import type { Reading } from "./use_scenario_text.ts";

type Scenario = NonNullable<Reading["of"]["scenario"]>;

interface StepListProps {
  readonly scenario: Scenario;
  /** The session's text that the text began from. */
  readonly from: string;
  /** It can only be read. */
  readonly fixed: boolean;
}

export function StepList({ scenario, from, fixed }: StepListProps) {
  const change = useApp((app) => app.changeStep);
  // A row for each step, below that for what is said before the first.
  const [chosen, setChosen] = useState(0);
  const { actions, notes = [] } = scenario;
  const texts = new Map(noteStops({ notes, actionCount: actions.length }).map(({ step, text }) => [step, text]));
  const row = Math.min(chosen, actions.length);
  const at = row - 1;
  function move(by: 1 | -1): void {
    void change({ change: "move", at, by }, from);
    setChosen(row + by);
  }
  return (
    <>
      <div className="editor-tools" role="toolbar" aria-label="The chosen step">
        <Button size="small" disabled={fixed || at < 1} onClick={() => move(-1)}>
          Move up
        </Button>
        <Button size="small" disabled={fixed || at < 0 || row === actions.length} onClick={() => move(1)}>
          Move down
        </Button>
        <Button size="small" disabled={fixed || at < 0} onClick={() => void change({ change: "duplicate", at }, from)}>
          Duplicate
        </Button>
        <Button size="small" disabled={fixed || at < 0} onClick={() => void change({ change: "delete", at }, from)}>
          Delete
        </Button>
      </div>
      <VirtualList
        label="Steps"
        count={actions.length + 1}
        chosen={row}
        reveal={row}
        columns="44px minmax(0, 3fr) minmax(0, 2fr)"
        onChoose={setChosen}
        row={(i) => {
          const action = actions[i - 1];
          return (
            <>
              <span className="nw-3 editor-number">{i === 0 ? "" : i}</span>
              <span className="nw-ellipsis">{action === undefined ? "before the first step" : actionText(action)}</span>
              <span className="nw-ellipsis nw-3 nw-small">{texts.get(i) ?? ""}</span>
            </>
          );
        }}
      />
      <NoteBox
        key={row}
        label={row === 0 ? "Note before the first step" : `Note to step ${row}`}
        text={texts.get(row) ?? ""}
        fixed={fixed}
        onText={(text) => void change({ change: "note", at, text }, from)}
      />
    </>
  );
}

interface NoteBoxProps {
  readonly label: string;
  readonly text: string;
  readonly fixed: boolean;
  readonly onText: (text: string) => void;
}

/** While it has the focus it shows what is typed; the list follows a moment later. */
function NoteBox({ label, text, fixed, onText }: NoteBoxProps) {
  const [typed, setTyped] = useState<string | null>(null);
  return (
    <label className="editor-note">
      <span className="nw-small nw-2">{label}</span>
      <textarea
        className="nw-field"
        readOnly={fixed}
        rows={3}
        value={typed ?? text}
        onChange={(event) => {
          setTyped(event.target.value);
          onText(event.target.value);
        }}
        onBlur={() => setTyped(null)}
      />
    </label>
  );
}
