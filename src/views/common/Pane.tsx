/** A pane of the workbench: a head with a name and a line about its content, and a body. */
import { lazy, type ReactNode, Suspense, useId } from "react";
import { keyFor } from "../../app/commands.ts";
import type { PaneId } from "../../app/layout.ts";
import { IconButton } from "./Button.tsx";
import { Icon } from "./Icon.tsx";
import { useApp } from "./use_app.ts";

const PictureMenu = lazy(async () => ({ default: (await import("./PictureMenu.tsx")).PictureMenu }));

/** Panes that are drawings. */
const DRAWN: ReadonlySet<PaneId> = new Set(["walk", "pinned", "maps", "queues", "lanes", "software"]);

interface PaneProps {
  /** Name in the arrangement; a pane without one stays where it is. */
  readonly id?: PaneId;
  readonly title: string;
  /** What the content is about, and how much of it there is. */
  readonly about?: ReactNode;
  /** Controls at the right of the head. */
  readonly tools?: ReactNode;
  readonly children: ReactNode;
  readonly className?: string;
}

/** F6 goes from pane to pane by `data-pane`. */
export function Pane({ id, title, about, tools, children, className = "" }: PaneProps) {
  const name = useId();
  return (
    <section className={`nw-pane ${className}`} aria-labelledby={name} data-pane={id ?? title} tabIndex={-1}>
      <div className="nw-pane-head">
        <h2 id={name}>{title}</h2>
        {about !== undefined && <span className="sub">{about}</span>}
        <span className="nw-grow" />
        {tools}
        {id !== undefined && <PaneControls id={id} title={title} />}
      </div>
      <div className="nw-pane-body">{children}</div>
    </section>
  );
}

/** Full size and back, and closing. */
function PaneControls({ id, title }: { readonly id: PaneId; readonly title: string }) {
  const maximised = useApp((app) => app.maximised === id);
  const embedded = useApp((app) => app.embedded);
  const maximise = useApp((app) => app.maximise);
  const close = useApp((app) => app.closePane);
  if (embedded) return null;
  return (
    <span className="nw-pane-controls">
      {DRAWN.has(id) && (
        <Suspense>
          <PictureMenu pane={id} title={title} />
        </Suspense>
      )}
      <IconButton
        label={maximised ? `Put ${title} back` : `Give ${title} all the room`}
        keyName={keyFor("page.maximise")}
        size="small"
        aria-pressed={maximised}
        onClick={() => maximise(maximised ? null : id)}
      >
        <Icon name={maximised ? "smaller" : "larger"} />
      </IconButton>
      {!maximised && (
        <IconButton label={`Close ${title}`} keyName={keyFor("page.close")} size="small" onClick={() => close(id)}>
          <Icon name="close" />
        </IconButton>
      )}
    </span>
  );
}
