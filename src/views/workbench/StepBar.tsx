/** Stepping through the accesses of the walk, what became of it, and the log of edits with a way back. */

import { lazy, Suspense } from "react";
import { command, keyFor } from "../../app/commands.ts";
import { isEdit } from "../../app/edits.ts";
import { positionOf, recordCount } from "../../app/records.ts";
import type { WalkAnswer } from "../../protocol/engine.ts";
import { actionText } from "../common/action_text.ts";
import { Button, IconButton } from "../common/Button.tsx";
import { Glyph } from "../common/Glyph.tsx";
import { Hex } from "../common/Hex.tsx";
import { Icon } from "../common/Icon.tsx";
import { useApp } from "../common/use_app.ts";
import { permissionText, sizeText } from "../translations/leaf_rows.ts";

// Nothing was done yet when the page starts.
const ActionStrip = lazy(async () => ({ default: (await import("../timeline/ActionStrip.tsx")).ActionStrip }));
const LiveControl = lazy(async () => ({ default: (await import("../live/LiveControl.tsx")).LiveControl }));

export function StepBar() {
  return (
    <section className="wb-step" aria-label="Progress">
      <AccessSteps />
      <ActionSteps />
      <Suspense>
        <LiveControl />
      </Suspense>
    </section>
  );
}

/** Stepping through the walk, and what became of it. */
export function AccessSteps() {
  const walk = useApp((app) => app.walk);
  const shown = useApp((app) => app.shown);
  const playing = useApp((app) => app.playing === "accesses");
  const first = useApp((app) => app.first);
  const last = useApp((app) => app.last);
  const step = useApp((app) => app.step);
  const play = useApp((app) => app.play);
  const pause = useApp((app) => app.pause);
  const count = walk === null ? 0 : recordCount(walk.trace);
  const atStart = shown === 0;
  const atEnd = shown >= count;
  const button = (id: string, icon: Parameters<typeof Icon>[0]["name"], off: boolean, run: () => void) => (
    <IconButton label={command(id).what} keyName={keyFor(id)} disabled={off} onClick={run}>
      <Icon name={icon} />
    </IconButton>
  );
  return (
    <>
      <div className="wb-btns" role="toolbar" aria-label="Steps">
        {button("walk.first", "first", atStart, first)}
        {button("walk.back", "back", atStart, () => step(-1))}
        <IconButton
          label={playing ? "Pause" : "Play"}
          keyName={keyFor("walk.play")}
          disabled={count === 0}
          onClick={playing ? pause : () => play("accesses")}
        >
          <Icon name={playing ? "pause" : "play"} />
        </IconButton>
        {button("walk.forward", "forward", atEnd, () => step(1))}
        {button("walk.last", "last", atEnd, last)}
      </div>
      {walk !== null && (
        <span className="nw-nowrap" role="status" aria-label="Step">
          <Where walk={walk} shown={shown} />
        </span>
      )}
      {walk !== null && (
        <span className="wb-outcome nw-ellipsis" data-testid="outcome">
          {atEnd ? <OutcomeText walk={walk} /> : <span className="nw-3">the walk goes on</span>}
        </span>
      )}
    </>
  );
}

function Where({ walk, shown }: { readonly walk: WalkAnswer; readonly shown: number }) {
  const { phase, done, of } = positionOf(walk.trace, shown);
  return (
    <>
      <span className="nw-strong">
        {phase === "configuration" ? "Configuration access" : "Access"} {done}
      </span>{" "}
      <span className="nw-2">of {of}</span>
    </>
  );
}

/** What became of the access, in one line. */
function OutcomeText({ walk }: { readonly walk: WalkAnswer }) {
  const { outcome } = walk;
  switch (outcome.type) {
    case "ok":
      return (
        <>
          <Glyph name="physical" /> {outcome.bypass ? "bypasses translation, PA " : "goes through to PA "}
          <Hex value={outcome.pa} />
          {!outcome.bypass && (
            <span className="nw-2">
              {" "}
              <span className="nw-mono">{permissionText(outcome.permissions)}</span>, {sizeText(outcome.sizeLg2)}
            </span>
          )}
        </>
      );
    case "interrupt":
      return (
        <>
          <Glyph name="physical" /> taken as an interrupt message
        </>
      );
    case "stalled":
      return (
        <span className="nw-fault">
          <Glyph name="fault" /> stalled with {outcome.event.name}
        </span>
      );
    case "fault":
      return (
        <span className="nw-fault">
          <Glyph name="fault" /> stopped by {outcome.event.name}
        </span>
      );
    case "abort":
      return (
        <span className="nw-fault">
          <Glyph name="fault" /> aborted, no event is recorded
        </span>
      );
    case "unknown":
      return (
        <>
          <Glyph name="unknown" /> the session does not hold PA <Hex value={outcome.pa} />
          <span className="nw-2"> ({outcome.what})</span>
        </>
      );
  }
}

/** The newest applied action, with a step back and forward in the log. */
function ActionSteps() {
  const summary = useApp((app) => app.summary);
  const seek = useApp((app) => app.seek);
  if (summary === null || summary.actions.length === 0) return <span className="nw-grow" />;
  const { step, actions } = summary;
  const newest = actions[step - 1];
  return (
    <>
      <Suspense fallback={<span className="nw-grow" />}>
        <ActionStrip summary={summary} />
      </Suspense>
      <div className="wb-actions" role="toolbar" aria-label="Actions">
        {newest !== undefined && isEdit(newest) && <Glyph name="edited" />}
        <span className="nw-nowrap">
          <span className="nw-strong">Action {step}</span> <span className="nw-2">of {actions.length}</span>
        </span>
        <span className="nw-2 nw-ellipsis">{newest === undefined ? "as opened" : actionText(newest)}</span>
        <Button size="small" disabled={step === 0} onClick={() => void seek(step - 1)}>
          <Icon name="takeBack" />
          Take back
        </Button>
        <IconButton
          label="Do one action again"
          keyName={keyFor("actions.forward")}
          size="small"
          disabled={step >= actions.length}
          onClick={() => void seek(step + 1)}
        >
          <Icon name="forward" />
        </IconButton>
      </div>
    </>
  );
}
