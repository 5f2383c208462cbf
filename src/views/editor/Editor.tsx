/**
 * The session as a document: its text, checked as one types, and the steps of it as a list. Nothing happens to the session until the text is opened
 * in its place; what was typed stays when the pane is closed.
 */
import "./editor.css";
import { useState } from "react";
import { keyFor } from "../../app/commands.ts";
import { Button } from "../common/Button.tsx";
import { Chip } from "../common/Chip.tsx";
import { Tabs } from "../common/Tabs.tsx";
import { useApp } from "../common/use_app.ts";
import { FixedText } from "./FixedText.tsx";
import { ScenarioText } from "./ScenarioText.tsx";
import { StepList } from "./StepList.tsx";
import { MOST_EDITED, type Reading, useReading, useSessionText } from "./use_scenario_text.ts";

/** For the head of the pane: how much there is. */
export function EditorCaption() {
  const steps = useApp((app) => app.summary?.actionCount);
  const edited = useApp((app) => app.draft !== null);
  if (steps === undefined) return null;
  return edited ? "edited, not opened" : `as the session is · ${steps} ${steps === 1 ? "step" : "steps"}`;
}

const VIEWS = [
  { id: "text", text: "Text" },
  { id: "steps", text: "Steps" },
] as const;
type View = (typeof VIEWS)[number]["id"];

export function Editor() {
  const title = useApp((app) => app.summary?.title);
  const draft = useApp((app) => app.draft);
  const session = useSessionText();
  const text = draft?.text ?? session.text;
  const fixed = draft === null && (text?.length ?? 0) > MOST_EDITED;
  const [view, setView] = useState<View>("text");
  const reading = useReading(fixed && view === "text" ? null : text, view === "text");
  const from = draft?.from ?? text ?? "";
  const scenario = reading?.of.scenario ?? null;
  if (title === undefined && draft === null) return <p className="nw-empty">No session is open.</p>;
  if (text === null) {
    return (
      <p className="nw-empty">
        {session.tooBig ? "This session's memory is too much to be shown as text. Save it as a file." : "Writing…"}
      </p>
    );
  }
  return (
    <div className="editor">
      <Tools reading={reading} text={text} session={session.text} fixed={fixed} view={view} onView={setView} />
      {view === "text" ? (
        fixed ? (
          <FixedText text={text} />
        ) : (
          <ScenarioText text={text} from={from} reading={reading} />
        )
      ) : scenario !== null ? (
        <>
          {draft?.refused != null && (
            <p className="editor-fixed nw-small nw-fault" role="alert">
              Line {draft.refused.line}, <span className="nw-mono">{draft.refused.place}</span> {draft.refused.detail}
            </p>
          )}
          <StepList scenario={scenario} from={from} fixed={fixed} />
        </>
      ) : (
        <p className="nw-empty">
          {reading === null ? "Reading…" : "The text has problems. Its steps can be listed once they are put right."}
        </p>
      )}
    </div>
  );
}

interface ToolsProps {
  readonly reading: Reading | null;
  readonly text: string;
  /** The session's text of now, null where it is not known. */
  readonly session: string | null;
  /** The text cannot be edited. */
  readonly fixed: boolean;
  readonly view: View;
  readonly onView: (view: View) => void;
}

/** What can be done with the text, and how it stands. */
function Tools({ reading, text, session, fixed, view, onView }: ToolsProps) {
  const draft = useApp((app) => app.draft);
  const open = useApp((app) => app.openText);
  const drop = useApp((app) => app.dropText);
  const read = reading?.text === text ? reading.of : null;
  const able = draft !== null && (read === null || read.scenario !== null);
  const moved = draft !== null && session !== null && draft.from !== session;
  return (
    <div className="editor-tools" role="toolbar" aria-label="Scenario text">
      <Tabs label="Scenario as" tabs={VIEWS} chosen={view} onChoose={onView} />
      <Button kind={able ? "primary" : "plain"} size="small" disabled={!able} onClick={() => void open()}>
        Open as session
        <kbd className="nw-kbd">{keyFor("session.open-text")}</kbd>
      </Button>
      <Button size="small" disabled={draft === null} onClick={drop}>
        Back to the session’s text
      </Button>
      {moved && (
        <Chip tone="stale" glyph="edited">
          the session has changed since
        </Chip>
      )}
      <span className="nw-grow" />
      <span role="status" className="nw-small nw-2">
        {fixed ? "" : read === null ? "reading…" : verdict(read.count, read.scenario?.actions.length ?? 0)}
      </span>
    </div>
  );
}

const verdict = (problems: number, steps: number): string =>
  problems === 0
    ? `no problems, ${steps} ${steps === 1 ? "step" : "steps"}`
    : `${problems} ${problems === 1 ? "problem" : "problems"}`;
