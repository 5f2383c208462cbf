/** Below an embedded pane: the steps, what became of the access, and a way to the whole workbench. */
import { AccessSteps } from "./StepBar.tsx";

export function EmbedBar() {
  // The address without what makes it an embedded one; the case and the place in it stay.
  const whole = window.location.href.replace(/&?(embed|pane)=[^&]*/g, "");
  return (
    <section className="wb-step" aria-label="Progress">
      <AccessSteps />
      <span className="nw-grow" />
      <a className="wb-whole nw-nowrap" href={whole} target="_blank" rel="noreferrer">
        Open in Nestwalk
      </a>
    </section>
  );
}
