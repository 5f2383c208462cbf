/** What a record means, what to look at next, and the way to replay its access in the open session. */
import { eventByNumber } from "../../arch/smmuv3/events.ts";
import { Button } from "../common/Button.tsx";
import { CopyButton } from "../common/CopyButton.tsx";
import { Glyph } from "../common/Glyph.tsx";
import { Hex } from "../common/Hex.tsx";
import { useApp } from "../common/use_app.ts";
import { adviceFor } from "./next_checks.ts";
import type { Reading } from "./record_reading.ts";

export function Meaning({ reading }: { readonly reading: Reading }) {
  const definition = reading.event === null ? undefined : eventByNumber(reading.event);
  const advice = reading.event === null ? null : adviceFor(reading.event);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reached by keyboard.
    <section className="dec-meaning" tabIndex={0} aria-label="Meaning">
      <p className="dec-sentence">
        <Glyph name={reading.glyph} /> {reading.sentence}
      </p>
      {definition !== undefined && (
        <p className="nw-2">
          Event 0x{definition.number.toString(16).padStart(2, "0")}, {definition.section}.{" "}
          {definition.linuxName === null && "Linux prints UNKNOWN for this number."}
        </p>
      )}
      {advice !== null && (
        <>
          <h3>What it rules out</h3>
          <p className="nw-2">{advice.provenSound}</p>
          <h3>Check next</h3>
          <ol className="nw-2">
            {advice.checks.map((check) => (
              <li key={check.text}>
                {check.text}
                {check.command !== undefined && <code>{check.command}</code>}
              </li>
            ))}
          </ol>
        </>
      )}
      {reading.access !== null && <Replay reading={reading} />}
      {reading.entry !== null && (
        <p>
          <CopyButton text={JSON.stringify(reading.entry, null, 1)} label="Copy as JSON" />
        </p>
      )}
    </section>
  );
}

/** The open session may hold the stream of the record; then its access can be walked. */
function Replay({ reading }: { readonly reading: Reading }) {
  const streams = useApp((app) => app.streams);
  const title = useApp((app) => app.summary?.title);
  const choose = useApp((app) => app.chooseAccess);
  const showPreset = useApp((app) => app.choosePreset);
  const { access } = reading;
  if (access === null || title === undefined || streams === null) return null;
  const known = streams.some((s) => s.sid === access.sid);
  return (
    <div className="dec-replay">
      <h3>In the open session</h3>
      {known ? (
        <>
          <p className="nw-2">
            {title} has this stream.
            {reading.address === null && " The record holds no address, so IOVA 0x0 is walked."}
          </p>
          <Button
            kind="primary"
            onClick={() => {
              void choose(access);
              showPreset("walk");
            }}
          >
            Replay this access
          </Button>
        </>
      ) : (
        <p className="nw-2">
          {title} has no stream <Hex value={access.sid} />.
        </p>
      )}
    </div>
  );
}
