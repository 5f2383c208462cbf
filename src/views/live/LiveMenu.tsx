/** Choosing a device to run: which stream, what it is like, and how many actions a second. */
import { Popover } from "radix-ui";
import { type ReactNode, useId, useState } from "react";
import { LIVE_RATES } from "../../app/stream_slice.ts";
import type { StreamRow } from "../../protocol/engine.ts";
import { PROFILE_IDS, PROFILES, type ProfileId } from "../../protocol/profiles.ts";
import { Button } from "../common/Button.tsx";
import { useApp } from "../common/use_app.ts";

/** Streams that are listed to choose from; the chosen one of the page is always there. */
const MOST_STREAMS = 200;

export function LiveMenu() {
  const [open, setOpen] = useState(false);
  const live = useApp((app) => app.live);
  return (
    <Popover.Root open={open} onOpenChange={setOpen}>
      <Popover.Trigger asChild>
        <Button size="small">{live === null ? "Run a device" : "Rate"}</Button>
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content
          className="nw-pop live-menu"
          align="end"
          sideOffset={4}
          collisionPadding={8}
          aria-label={live === null ? "Run a device" : "Rate of the device"}
        >
          {live === null ? <Choice onDone={() => setOpen(false)} /> : <Rate />}
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}

function Choice({ onDone }: { readonly onDone: () => void }) {
  const streams = useApp((app) => app.streams) ?? [];
  const stream = useApp((app) => app.stream);
  const start = useApp((app) => app.startLive);
  const [profile, setProfile] = useState<ProfileId>("nic");
  const [sid, setSid] = useState(stream?.sid ?? streams[0]?.sid ?? 0);
  const listed = streams.filter((row, i) => i < MOST_STREAMS || row.sid === sid);
  return (
    <form
      className="live-form"
      onSubmit={(event) => {
        event.preventDefault();
        onDone();
        void start(profile, sid);
      }}
    >
      <Labelled text="Stream">
        {(id) => (
          <select id={id} className="nw-field" value={sid} onChange={(event) => setSid(Number(event.target.value))}>
            {listed.map((row) => (
              <option key={row.sid} value={row.sid}>
                {streamText(row)}
              </option>
            ))}
          </select>
        )}
      </Labelled>
      <Labelled text="Device">
        {(id) => (
          <select
            id={id}
            className="nw-field"
            value={profile}
            onChange={(event) => setProfile(PROFILE_IDS.find((p) => p === event.target.value) ?? "nic")}
          >
            {PROFILE_IDS.map((p) => (
              <option key={p} value={p}>
                {PROFILES[p].text}
              </option>
            ))}
          </select>
        )}
      </Labelled>
      <p className="live-about nw-2 nw-small">{PROFILES[profile].about}</p>
      <Rate />
      <Button type="submit" kind="primary" disabled={listed.length === 0}>
        Run
      </Button>
    </form>
  );
}

function Rate() {
  const rate = useApp((app) => app.liveRate);
  const setRate = useApp((app) => app.setLiveRate);
  return (
    <Labelled text="Rate">
      {(id) => (
        <select id={id} className="nw-field" value={rate} onChange={(event) => setRate(Number(event.target.value))}>
          {LIVE_RATES.map((r) => (
            <option key={r} value={r}>
              {r.toLocaleString("en")} actions a second
            </option>
          ))}
        </select>
      )}
    </Labelled>
  );
}

function Labelled({ text, children }: { readonly text: string; readonly children: (id: string) => ReactNode }) {
  const id = useId();
  return (
    <div className="live-row">
      <label className="nw-2" htmlFor={id}>
        {text}
      </label>
      {children(id)}
    </div>
  );
}

/** Such as `0x10 nested, 0000:00:02.0 nic`. */
const streamText = ({ sid, state, bdf, label }: StreamRow): string =>
  `0x${sid.toString(16)} ${[state, [bdf, label].filter((part) => part !== null && part !== "").join(" ")].filter((part) => part !== "").join(", ")}`;
