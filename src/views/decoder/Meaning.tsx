/** What a record means, what to look at next, and the way to replay its access in the open session. */
import { adviceFor } from "../../decode/advice.ts";
import type { Statement } from "../../decode/statement.ts";
import { Button } from "../common/Button.tsx";
import { CopyButton } from "../common/CopyButton.tsx";
import { Glyph } from "../common/Glyph.tsx";
import { Hex } from "../common/Hex.tsx";
import { useApp } from "../common/use_app.ts";
import type { Reading } from "./record_reading.ts";

export function Meaning({ reading }: { readonly reading: Reading }) {
  const advice = reading.entry === null ? null : adviceFor(reading.entry);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reached by keyboard.
    <section className="dec-meaning" tabIndex={0} aria-label="Meaning">
      <p className="dec-sentence">
        <Glyph name={reading.glyph} /> {reading.sentence}
      </p>
      {reading.reference !== "" && <p className="nw-2">{reading.reference}</p>}
      {advice !== null && (
        <>
          <p>{advice.consequence}</p>
          <Statements title="Why" of={advice.cause} />
          <Statements title="Check next" of={advice.checks} />
          <Statements title="What it is not" of={advice.notThis} />
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

/** Sentences, each with the section that says so. */
function Statements({ title, of }: { readonly title: string; readonly of: readonly Statement[] }) {
  if (of.length === 0) return null;
  return (
    <>
      <h3>{title}</h3>
      <ul className="nw-2 dec-statements">
        {of.map(({ text, section }) => (
          <li key={text}>
            {text} <span className="nw-3">{section}</span>
          </li>
        ))}
      </ul>
    </>
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
