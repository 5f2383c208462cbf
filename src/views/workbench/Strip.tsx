/** Between the bars and the panes: what is being opened, problems in place, and the way back when the engine stopped. */
import type { App } from "../../app/state.ts";
import { Button, IconButton } from "../common/Button.tsx";
import { CopyButton } from "../common/CopyButton.tsx";
import { Icon } from "../common/Icon.tsx";
import { NoticeBox } from "../common/NoticeBox.tsx";
import { useApp, useAppNow } from "../common/use_app.ts";

export function Strip() {
  const notices = useApp((app) => app.notices);
  const dismiss = useApp((app) => app.dismiss);
  const state = useApp((app) => app.engine.state);
  return (
    <section className="wb-strip" aria-label="Messages">
      {state === "loading" && <Opening />}
      <div aria-live="polite">
        {state === "stopped" && <Stopped />}
        {notices.map((n) => (
          <NoticeBox key={n.id} tone={n.tone} title={n.title} place={n.place} detail={n.detail}>
            <IconButton label="Close this message" size="small" onClick={() => dismiss(n.id)}>
              <Icon name="close" />
            </IconButton>
          </NoticeBox>
        ))}
      </div>
    </section>
  );
}

function Opening() {
  const { opening, progress } = useApp((app) => app.engine);
  const cancel = useApp((app) => app.cancelOpening);
  const somethingOpen = useApp((app) => app.summary !== null);
  const known = progress !== null && progress.total > 0;
  return (
    <div className="wb-opening">
      <span className="nw-strong nw-nowrap">Opening {opening}</span>
      <progress aria-label="Progress of opening" {...(known ? { value: progress.done, max: progress.total } : {})} />
      <span className="nw-2 nw-nowrap">
        {known && `${progress.done.toLocaleString("en")} of ${progress.total.toLocaleString("en")}, ${progress.what}`}
      </span>
      <Button size="small" onClick={cancel}>
        Cancel
      </Button>
      {somethingOpen && <span className="nw-3 nw-ellipsis">the session that was open stays</span>}
    </div>
  );
}

function Stopped() {
  const stopped = useApp((app) => app.engine.stopped);
  const kept = useApp((app) => app.summary !== null);
  const restart = useApp((app) => app.restartEngine);
  const now = useAppNow();
  const detail = kept
    ? "This is a mistake of Nestwalk, not of your input. What was open, its actions and what is selected are kept."
    : "This is a mistake of Nestwalk, not of your input.";
  return (
    <NoticeBox tone="fault" title="The engine stopped." place={stopped ?? ""} detail={detail}>
      <span className="wb-btns">
        <CopyButton text={report(now())} label="Copy report" />
        <Button kind="primary" size="small" onClick={() => void restart()}>
          Restart the engine
        </Button>
      </span>
    </NoticeBox>
  );
}

/** What somebody needs to look into a stop; no memory content. */
function report(app: App): string {
  const { summary, access } = app;
  const lines = ["Nestwalk: the engine stopped.", app.engine.stopped ?? ""];
  if (summary !== null) {
    lines.push(`Session: ${summary.title} (${app.source}), digest ${summary.digest}`);
    lines.push(`Action ${summary.step} of ${summary.actions.length}`);
  }
  if (access !== null) lines.push(`Access: SID 0x${access.sid.toString(16)}, IOVA 0x${access.iova.toString(16)}`);
  return lines.join("\n");
}
