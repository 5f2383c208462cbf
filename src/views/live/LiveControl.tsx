/** A device that is run: what it is and how far it has come, holding and stopping it; else the way to choose one. */
import { command, keyFor } from "../../app/commands.ts";
import type { LiveDevice } from "../../app/state.ts";
import { PROFILES } from "../../protocol/profiles.ts";
import { IconButton } from "../common/Button.tsx";
import { Hex } from "../common/Hex.tsx";
import { Icon } from "../common/Icon.tsx";
import { useApp } from "../common/use_app.ts";
import { LiveMenu } from "./LiveMenu.tsx";
import "./live.css";

export function LiveControl() {
  const live = useApp((app) => app.live);
  const opened = useApp((app) => app.summary !== null);
  if (!opened) return null;
  return (
    <div className="live" role="toolbar" aria-label="Running device">
      {live !== null && <Running live={live} />}
      <LiveMenu />
    </div>
  );
}

function Running({ live }: { readonly live: LiveDevice }) {
  const pause = useApp((app) => app.pauseLive);
  const goOn = useApp((app) => app.goOnLive);
  const stop = useApp((app) => app.stopLive);
  const { running, reached, done, profile, sid } = live;
  return (
    <>
      <IconButton
        label={running ? "Hold the device" : "Let the device go on"}
        keyName={keyFor("live.hold")}
        size="small"
        onClick={() => void (running ? pause() : goOn())}
      >
        <Icon name={running ? "pause" : "play"} />
      </IconButton>
      <IconButton
        label={command("live.stop").what}
        keyName={keyFor("live.stop")}
        size="small"
        onClick={() => void stop()}
      >
        <Icon name="stop" />
      </IconButton>
      <span className="live-what nw-nowrap">
        <span className="nw-strong">{PROFILES[profile].text}</span> <Hex value={sid} digits={2} />
      </span>
      <span className="live-count nw-2 nw-nowrap" data-testid="live-count">
        {done.toLocaleString("en")} {running ? (reached === 0 ? "" : `· ${reached.toLocaleString("en")}/s`) : "· held"}
      </span>
    </>
  );
}
