/** A pane of the workbench: a head with a name and a line about its content, and a body. */
import { type ReactNode, useId } from "react";

interface PaneProps {
  readonly title: string;
  /** What the content is about, and how much of it there is. */
  readonly about?: ReactNode;
  /** Controls at the right of the head. */
  readonly tools?: ReactNode;
  readonly children: ReactNode;
  readonly className?: string;
}

/** F6 goes from pane to pane by `data-pane`. */
export function Pane({ title, about, tools, children, className = "" }: PaneProps) {
  const id = useId();
  return (
    <section className={`nw-pane ${className}`} aria-labelledby={id} data-pane={title} tabIndex={-1}>
      <div className="nw-pane-head">
        <h2 id={id}>{title}</h2>
        {about !== undefined && <span className="sub">{about}</span>}
        <span className="nw-grow" />
        {tools}
      </div>
      <div className="nw-pane-body">{children}</div>
    </section>
  );
}
