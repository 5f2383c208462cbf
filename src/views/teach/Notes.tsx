/**
 * Notes to the session's steps, for reading along and for projecting: the note of now in large type, the way to those
 * before and after it, and all of them to choose from.
 */
import "./notes.css";
import { useEffect, useMemo, useRef } from "react";
import { command, keyFor } from "../../app/commands.ts";
import { type NoteStop, noteStops, stopAt } from "../../app/notes.ts";
import type { SessionSummary } from "../../protocol/engine.ts";
import { Button, IconButton } from "../common/Button.tsx";
import { Icon } from "../common/Icon.tsx";
import { useApp, useAppNow } from "../common/use_app.ts";
import { EraLink } from "../eras/EraLink.tsx";
import { usePageDoor } from "../workbench/page_door.ts";

/** For the head of the pane: where the session stands. */
export function NotesCaption() {
  const summary = useApp((app) => app.summary);
  if (summary === null || summary.notes.length === 0) return null;
  return `step ${summary.step} of ${summary.actionCount}`;
}

export function Notes() {
  const summary = useApp((app) => app.summary);
  if (summary === null || summary.notes.length === 0) return <NoNotes />;
  return <Read summary={summary} />;
}

function NoNotes() {
  const openLibrary = useApp((app) => app.openLibrary);
  return (
    <div className="nw-empty">
      <p>This session has no notes. Those of the library have.</p>
      <p>
        <Button size="small" onClick={() => void openLibrary()}>
          Open the library…
        </Button>
      </p>
    </div>
  );
}

function Read({ summary }: { readonly summary: SessionSummary }) {
  const stops = useMemo(() => noteStops(summary), [summary]);
  const at = stopAt(stops, summary.step);
  return (
    <div className="notes">
      <div className="notes-page">
        <NoteOfNow summary={summary} stop={stops[at] ?? null} />
        <div className="notes-foot">
          <div className="notes-way" role="toolbar" aria-label="Notes">
            <Way id="actions.note-before" icon="back" />
            <Way id="actions.next-note" icon="forward" />
            <span className="nw-nowrap">
              <span className="nw-strong">Note {at + 1}</span> <span className="nw-2">of {stops.length}</span>
            </span>
          </div>
          <EraLink />
        </div>
        {stops.length > 1 && <NoteList stops={stops} at={at} />}
      </div>
    </div>
  );
}

/** The newest note. It is said in full ink at its own step, and dimmed at the steps after it that have none. */
function NoteOfNow({ summary, stop }: { readonly summary: SessionSummary; readonly stop: NoteStop | null }) {
  const { step, title, about } = summary;
  const box = useRef<HTMLElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another note is read from its beginning.
  useEffect(() => {
    box.current?.scrollTo({ top: 0 });
  }, [stop?.step]);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reached by keyboard.
    <section ref={box} className="notes-text" aria-label="Note" aria-live="polite" tabIndex={0}>
      {stop === null ? (
        <>
          <p className="nw-strong">{title}</p>
          {about !== "" && <p>{about}</p>}
        </>
      ) : (
        <div data-past={stop.step < step}>
          {stop.step < step && <p className="notes-from">from step {stop.step}</p>}
          <p>{stop.text}</p>
        </div>
      )}
    </section>
  );
}

function Way({ id, icon }: { readonly id: string; readonly icon: "back" | "forward" }) {
  const c = command(id);
  const able = useApp((app) => c.able?.(app) ?? true);
  const now = useAppNow();
  const page = usePageDoor();
  return (
    <IconButton label={c.what} keyName={keyFor(id)} disabled={!able} onClick={() => c.run(now(), page)}>
      <Icon name={icon} />
    </IconButton>
  );
}

function NoteList({ stops, at }: { readonly stops: readonly NoteStop[]; readonly at: number }) {
  const seek = useApp((app) => app.seek);
  const current = useRef<HTMLLIElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `at` says when there is another current note.
  useEffect(() => {
    current.current?.scrollIntoView({ block: "nearest" });
  }, [at]);
  return (
    <ol className="nw-choices notes-list" aria-label="All notes">
      {stops.map(({ step, text }, i) => (
        <li key={step} ref={i === at ? current : null}>
          <button type="button" aria-current={i === at ? "step" : undefined} onClick={() => void seek(step)}>
            <span className="notes-step nw-3">{step}</span>
            <span className="nw-ellipsis">{text}</span>
          </button>
        </li>
      ))}
    </ol>
  );
}
