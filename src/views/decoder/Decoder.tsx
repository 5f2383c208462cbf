/**
 * The decoder page: a box for anything pasted, the records found in it, their fields and bits, and what they mean.
 * Decoding goes on as the text changes.
 */
import { type ReactNode, useMemo, useState } from "react";
import { holdsTables, openPrintedTables } from "../../app/printed_tables.ts";
import type { DecodeResult } from "../../decode/decode.ts";
import { Button } from "../common/Button.tsx";
import { NumberedText } from "../common/NumberedText.tsx";
import { Pane } from "../common/Pane.tsx";
import { Part, Split } from "../common/Split.tsx";
import { useApp, useAppNow } from "../common/use_app.ts";
import { NARROW, useMedia } from "../common/use_media.ts";
import { Bits } from "./Bits.tsx";
import { EXAMPLES } from "./examples.ts";
import { FieldList } from "./FieldList.tsx";
import { Meaning } from "./Meaning.tsx";
import { RecordList } from "./RecordList.tsx";
import { dumpKinds, fieldLines, firstFault, type Readings, readingsOf, withFlips } from "./record_reading.ts";
import { fieldMark, wordPlaces } from "./text_marks.ts";
import { type Decoded, useDecoded } from "./use_decoded.ts";
import "./decoder.css";

const NO_FLIPS: ReadonlySet<number> = new Set();

export function Decoder() {
  const text = useApp((app) => app.pasted);
  const paste = useApp((app) => app.paste);
  const lines = useMemo(() => text.split("\n"), [text]);
  const decoded = useDecoded(text);
  const { result } = decoded;
  const [readAs, setReadAs] = useState<string | null>(null);
  const [picked, setPicked] = useState<number | null>(null);
  const [flips, setFlips] = useState<ReadonlySet<number>>(NO_FLIPS);
  const [field, setField] = useState<string | null>(null);
  const [hover, setHover] = useState<string | null>(null);
  const narrow = useMedia(NARROW);

  // Words that are no event record are read as what they most likely are.
  const kind =
    result.dump === null ? null : (readAs ?? (result.entries.length > 0 ? null : (dumpKinds(result)[0]?.id ?? null)));
  const readings = useMemo(() => readingsOf(result, kind), [result, kind]);
  const count = readings.lines.length;
  const first = useMemo(() => firstFault(readings), [readings]);
  const at = Math.min(picked ?? first, Math.max(0, count - 1));
  const reading = readings.at(at);
  const structure = useMemo(
    () => (reading?.structure == null ? null : withFlips(reading.structure, flips)),
    [reading, flips],
  );
  // What was found is set off in the text that it was found in.
  const current = decoded.text === text;
  const places = useMemo(
    () =>
      !current || reading?.entry?.words === undefined ? [] : wordPlaces(lines, reading.lines, reading.entry.words),
    [reading, lines, current],
  );
  const hot = hover ?? field;
  const declared = structure?.layout.fields.find((f) => f.name === hot);
  const mark = declared === undefined ? null : fieldMark(places, declared.hi, declared.lo);

  /** Null: what the paste is about, as far as that can be told. */
  function choose(record: number | null): void {
    setPicked(record);
    setFlips(NO_FLIPS);
    setField(null);
  }
  function onText(next: string): void {
    paste(next);
    choose(null);
    setReadAs(null);
  }
  function flip(bit: number): void {
    const next = new Set(flips);
    if (!next.delete(bit)) next.add(bit);
    setFlips(next);
  }

  const panes: DecoderPanes = {
    paste: (
      <Pane
        title="Paste anything"
        about={aboutText(current ? decoded : null, lines, count)}
        tools={<PasteTools {...{ result, kind, setReadAs, onText }} />}
      >
        <NumberedText
          label="Log, words or trace to decode"
          placeholder="Paste a kernel log, hex words, a dump of an STE or CD, or a QEMU trace."
          text={text}
          lines={lines}
          onChange={onText}
          lineState={(line) => {
            const record = readings.lines.findIndex(([from, to]) => line + 1 >= from && line + 1 <= to);
            return record < 0 || !current ? "none" : record === at ? "chosen" : "other";
          }}
          mark={mark}
        />
      </Pane>
    ),
    records: (
      <RecordsPane {...{ readings, result, at }} empty={text.trim() === ""} onChoose={choose} onExample={onText} />
    ),
    bits:
      structure === null ? null : (
        <Pane
          title="Bits"
          about={structure.layout.name}
          tools={
            flips.size > 0 ? (
              <Button size="small" onClick={() => setFlips(NO_FLIPS)}>
                As pasted
              </Button>
            ) : (
              <span className="nw-3 nw-small">a click flips a bit</span>
            )
          }
        >
          <Bits structure={structure} flips={flips} hot={hot} onHot={setHover} onFlip={flip} />
        </Pane>
      ),
    fields: (
      <Pane title="Fields" about={structure === null ? undefined : structure.layout.section}>
        {structure === null ? (
          <p className="nw-empty">
            {reading === undefined ? "Nothing is decoded yet." : "The paste holds no words of it."}
          </p>
        ) : (
          <FieldList lines={fieldLines(structure)} hot={hot} onHover={setHover} onChoose={setField} />
        )}
      </Pane>
    ),
    meaning: (
      <Pane title="What it means">
        {reading === undefined ? (
          <p className="nw-empty">Paste something to see what it means.</p>
        ) : (
          <Meaning reading={reading} />
        )}
      </Pane>
    ),
  };
  return narrow ? <Stacked {...panes} /> : <SideBySide {...panes} />;
}

interface DecoderPanes {
  readonly paste: ReactNode;
  readonly records: ReactNode;
  /** Null where the chosen record has no words. */
  readonly bits: ReactNode;
  readonly fields: ReactNode;
  readonly meaning: ReactNode;
}

function SideBySide({ paste, records, bits, fields, meaning }: DecoderPanes) {
  return (
    <Split id="decode" direction="horizontal">
      <Part id="reading" name="the reading" least={320}>
        <Split id="decode.reading" direction="vertical">
          <Part id="paste" name="the paste" size={240} least={90}>
            {paste}
          </Part>
          <Part id="records" name="the records" least={160}>
            <Split id="decode.record" direction="horizontal">
              <Part id="list" name="the records" least={240}>
                <Split id="decode.list" direction="vertical">
                  <Part id="rows" name="the records" size={184} least={72}>
                    {records}
                  </Part>
                  <Part id="bits" name="the bits" least={80}>
                    {bits ?? <Pane title="Bits">{null}</Pane>}
                  </Part>
                </Split>
              </Part>
              <Part id="fields" name="the fields" size={Math.round((window.innerWidth - 330) / 2)} least={200}>
                {fields}
              </Part>
            </Split>
          </Part>
        </Split>
      </Part>
      <Part id="meaning" name="the meaning" size={window.innerWidth <= 1360 ? 320 : 372} least={220}>
        {meaning}
      </Part>
    </Split>
  );
}

/** One below the other, on a narrow screen. */
function Stacked({ paste, records, bits, fields, meaning }: DecoderPanes) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reached by keyboard.
    <section className="dec-stack" aria-label="Decoder" tabIndex={0}>
      <div style={{ height: 180 }}>{paste}</div>
      <div style={{ height: 150 }}>{records}</div>
      <div>{meaning}</div>
      <div style={{ height: 320 }}>{fields}</div>
      {bits !== null && <div style={{ height: 420 }}>{bits}</div>}
    </section>
  );
}

/** @param decoded of the text of `lines`, or null while that is on its way */
function aboutText(decoded: Decoded | null, lines: readonly string[], records: number): string {
  const count = (n: number, one: string): string => `${n} ${one}${n === 1 ? "" : "s"}`;
  if (lines.every((line) => line.trim() === "")) return "nothing leaves this page";
  const length = count(lines.length - (lines.at(-1) === "" ? 1 : 0), "line");
  if (decoded === null) return `${length} · being decoded, in this page only`;
  const ms = Math.max(1, Math.round(decoded.ms));
  return `${length} · ${count(records, "record")} · decoded in ${ms} ms, in this page only`;
}

interface PasteToolsProps {
  readonly result: DecodeResult;
  readonly kind: string | null;
  readonly setReadAs: (kind: string | null) => void;
  readonly onText: (text: string) => void;
}

function PasteTools({ result, kind, setReadAs, onText }: PasteToolsProps) {
  const app = useAppNow();
  return (
    <>
      {result.dump !== null && (
        <label className="dec-read-as nw-small nw-2">
          Read as
          <select
            className="nw-field"
            value={kind ?? ""}
            onChange={(event) => setReadAs(event.target.value === "" ? null : event.target.value)}
          >
            {result.entries.length > 0 && <option value="">Event records</option>}
            {dumpKinds(result).map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </select>
        </label>
      )}
      {holdsTables(result.entries) && (
        <Button size="small" onClick={() => void openPrintedTables(app(), result.entries)}>
          Open as a session
        </Button>
      )}
      <Button kind="quiet" size="small" onClick={() => onText("")}>
        Clear
      </Button>
    </>
  );
}

interface RecordsPaneProps {
  readonly readings: Readings;
  readonly result: DecodeResult;
  readonly at: number;
  readonly empty: boolean;
  readonly onChoose: (record: number) => void;
  readonly onExample: (text: string) => void;
}

function RecordsPane({ readings, result, at, empty, onChoose, onExample }: RecordsPaneProps) {
  return (
    <Pane title="Records" about={readings.lines.length === 0 ? undefined : String(readings.lines.length)}>
      {!empty &&
        result.notes.map((note) => (
          <p key={note} className="dec-note nw-2">
            {note}
          </p>
        ))}
      {empty && (
        <div className="dec-examples">
          <p className="nw-2">Or try one of these:</p>
          {EXAMPLES.map(({ name, text }) => (
            <Button key={name} size="small" onClick={() => onExample(text)}>
              {name}
            </Button>
          ))}
        </div>
      )}
      {readings.lines.length > 0 && <RecordList readings={readings} chosen={at} onChoose={onChoose} />}
    </Pane>
  );
}
