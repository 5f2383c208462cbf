/**
 * Every action of the session in order. Choosing one goes there; back costs what forward costs. Bookmarks, and playing
 * at a rate.
 */
import { useId } from "react";
import { actionLanes, LANES } from "../../app/action_lanes.ts";
import { command, keyFor } from "../../app/commands.ts";
import { RATES } from "../../app/play_slice.ts";
import type { SessionSummary } from "../../protocol/engine.ts";
import { actionText } from "../common/action_text.ts";
import { Button, IconButton } from "../common/Button.tsx";
import { Icon } from "../common/Icon.tsx";
import { useApp, useAppNow } from "../common/use_app.ts";
import { VirtualList } from "../common/VirtualList.tsx";
import { usePageDoor } from "../workbench/page_door.ts";
import "./timeline.css";

export function Timeline() {
  const summary = useApp((app) => app.summary);
  if (summary === null) return <p className="nw-empty">No session is open.</p>;
  return (
    <>
      <Tools />
      {summary.actions.length === 0 ? <NoActions /> : <Actions summary={summary} />}
    </>
  );
}

function NoActions() {
  const show = useApp((app) => app.showPane);
  return (
    <div className="nw-empty timeline-none">
      <p>Nothing was done yet. Every edit becomes an action here, and each can be taken back.</p>
      <Button size="small" onClick={() => show("inspector")}>
        Flip a bit in the inspector
      </Button>
    </div>
  );
}

const STEPS = [
  ["actions.first", "first"],
  ["actions.back", "back"],
  ["actions.play", "play"],
  ["actions.forward", "forward"],
  ["actions.last", "last"],
] as const;

function Tools() {
  const rate = useApp((app) => app.rate);
  const setRate = useApp((app) => app.setRate);
  const id = useId();
  return (
    <div className="timeline-tools" role="toolbar" aria-label="Timeline">
      {STEPS.map(([name, icon]) => (
        <Step key={name} id={name} icon={icon} />
      ))}
      <Step id="actions.bookmark" icon="bookmark" />
      <span className="nw-grow" />
      <label className="timeline-rate nw-2" htmlFor={id}>
        Rate
        <select
          id={id}
          className="nw-field"
          title="Actions a second while they play"
          value={rate}
          onChange={(event) => setRate(Number(event.target.value))}
        >
          {RATES.map((r) => (
            <option key={r} value={r}>
              {r} / s
            </option>
          ))}
        </select>
      </label>
    </div>
  );
}

function Step({ id, icon }: { readonly id: string; readonly icon: Parameters<typeof Icon>[0]["name"] }) {
  const c = command(id);
  const able = useApp((app) => c.able?.(app) ?? true);
  const playing = useApp((app) => app.playing === "actions");
  const now = useAppNow();
  const page = usePageDoor();
  return (
    <IconButton label={c.what} keyName={keyFor(id)} disabled={!able} onClick={() => c.run(now(), page)}>
      <Icon name={icon === "play" && playing ? "pause" : icon} />
    </IconButton>
  );
}

/** Row 0 is the session as it was opened, row n the state after action n. */
function Actions({ summary }: { readonly summary: SessionSummary }) {
  const { actions, step } = summary;
  const bookmarks = useApp((app) => app.bookmarks);
  const seek = useApp((app) => app.seek);
  const lanes = actionLanes(actions);
  return (
    <div className="timeline-list">
      <VirtualList
        label="Actions"
        count={actions.length + 1}
        chosen={step}
        reveal={step}
        columns="12px 52px 10px minmax(0, 1fr)"
        onChoose={(row) => void seek(row)}
        row={(row) => {
          const action = actions[row - 1];
          const lane = action === undefined ? undefined : LANES[lanes[row - 1] ?? 0];
          return (
            <>
              <span className="timeline-mark">{bookmarks.includes(row) && <Icon name="bookmark" />}</span>
              <span className="nw-3 timeline-number">{row}</span>
              <span className={`timeline-swatch lane-${lane?.id}`} title={lane?.text} />
              <span className="nw-ellipsis">{action === undefined ? "As opened" : actionText(action)}</span>
            </>
          );
        }}
      />
    </div>
  );
}
