/** Changing what a stage maps: the change is typed, what software would do for it is listed, and done at a button. */
import { useId, useState } from "react";
import { type AddressInput, readAddress } from "../../app/address_input.ts";
import type { Action } from "../../protocol/machine.ts";
import type { MapChange, MapEdit, MapPlan, MapWay } from "../../protocol/map_edit.ts";
import { actionText } from "../common/action_text.ts";
import { Button } from "../common/Button.tsx";
import { Glyph } from "../common/Glyph.tsx";
import { Tabs } from "../common/Tabs.tsx";
import { useApp, useAppNow, useEngineQuery } from "../common/use_app.ts";

const KINDS = [
  { id: "map", text: "Map" },
  { id: "unmap", text: "Unmap" },
  { id: "split", text: "Split a block" },
  { id: "merge", text: "Merge into a block" },
  { id: "flip", text: "Flip a bit" },
] as const satisfies readonly { readonly id: MapChange["do"]; readonly text: string }[];
type Kind = (typeof KINDS)[number]["id"];

const WAYS: Readonly<Record<MapWay, string>> = {
  commands: "Writes and commands",
  guest: "By the guest",
  kernel: "By the kernel",
  VMM: "By the VMM",
  raw: "Raw writes",
};

const RIGHTS = [
  { bit: 1, text: "read" },
  { bit: 2, text: "write" },
  { bit: 4, text: "execute" },
] as const;

interface EditorProps {
  readonly stage: 1 | 2;
  /** Input address that the walk is at in this stage, and log2 of the smallest page. */
  readonly near: bigint | null;
  readonly granuleLg2: number;
}

const hex = (value: bigint): string => `0x${value.toString(16)}`;

export function MapEditor({ stage, near, granuleLg2 }: EditorProps) {
  const stream = useApp((app) => app.stream);
  const page = 1n << BigInt(granuleLg2);
  const [kind, setKind] = useState<Kind>("unmap");
  const [from, setFrom] = useState(near === null ? "" : hex(near & -page));
  const [to, setTo] = useState("");
  const [bytes, setBytes] = useState(hex(page));
  const [rights, setRights] = useState(3);
  const [bit, setBit] = useState(0);
  const texts = { from: readAddress(from), to: readAddress(to), bytes: readAddress(bytes) };
  const change = changeOf(kind, texts, rights, bit);
  const [done, setDone] = useState<Done | null>(null);
  const edit: MapEdit | null = change === null || stream === null ? null : { ...stream, stage, change };
  return (
    <section className="map-editor" aria-label={`Change what stage ${stage} maps`}>
      <div className="map-editor-form">
        <select
          className="nw-field"
          aria-label="Change"
          value={kind}
          onChange={(event) => setKind(event.target.value as Kind)}
        >
          {KINDS.map(({ id, text }) => (
            <option key={id} value={id}>
              {text}
            </option>
          ))}
        </select>
        <NumberBox label={stage === 1 ? "IOVA" : "Input"} text={from} typed={texts.from} onText={setFrom} />
        {near !== null && texts.from.type === "address" && texts.from.value !== (near & -page) && (
          <Button size="small" kind="quiet" onClick={() => setFrom(hex(near & -page))}>
            the walked one
          </Button>
        )}
        {kind === "map" && <NumberBox label="to" text={to} typed={texts.to} onText={setTo} />}
        {(kind === "map" || kind === "unmap") && (
          <NumberBox label="bytes" text={bytes} typed={texts.bytes} onText={setBytes} />
        )}
        {kind === "map" &&
          RIGHTS.map(({ bit, text }) => (
            <label key={bit} className="map-editor-right">
              <input type="checkbox" checked={(rights & bit) !== 0} onChange={() => setRights(rights ^ bit)} />
              {text}
            </label>
          ))}
        {kind === "flip" && (
          <label className="map-editor-right">
            <span className="nw-3">bit</span>
            <input
              className="nw-field nw-mono map-editor-bit"
              type="number"
              min="0"
              max="63"
              value={bit}
              onChange={(event) => setBit(Math.min(63, Math.max(0, Math.trunc(event.target.valueAsNumber) || 0)))}
            />
          </label>
        )}
      </div>
      {edit === null ? (
        <p className="nw-2 nw-small">Say where, and what it would take is listed here.</p>
      ) : (
        <Plan edit={edit} onDone={setDone} />
      )}
      {done !== null && <TakeBack done={done} />}
    </section>
  );
}

/** Steps of the session before and after a change. */
interface Done {
  readonly before: number;
  readonly after: number;
}

/** A change is taken back by stepping to where it began, as long as nothing came after it. */
function TakeBack({ done: { before, after } }: { readonly done: Done }) {
  const step = useApp((app) => app.summary?.step);
  const seek = useApp((app) => app.seek);
  if (step !== after) return null;
  return (
    <p className="nw-small" role="status">
      Done as {after === before + 1 ? `action ${after}` : `actions ${before + 1} to ${after}`}.{" "}
      <Button size="small" onClick={() => void seek(before)}>
        Take it back
      </Button>
    </p>
  );
}

/** The change that was typed; null while something of it is missing. */
function changeOf(
  kind: Kind,
  { from, to, bytes }: Readonly<Record<"from" | "to" | "bytes", AddressInput>>,
  rights: number,
  bit: number,
): MapChange | null {
  if (from.type !== "address") return null;
  if (kind === "split" || kind === "merge") return { do: kind, from: from.value };
  if (kind === "flip") return { do: kind, from: from.value, bit };
  if (bytes.type !== "address") return null;
  if (kind === "unmap") return { do: kind, from: from.value, bytes: bytes.value };
  return to.type === "address" ? { do: kind, from: from.value, to: to.value, bytes: bytes.value, rights } : null;
}

interface NumberBoxProps {
  readonly label: string;
  readonly text: string;
  readonly typed: AddressInput;
  readonly onText: (text: string) => void;
}

function NumberBox({ label, text, typed, onText }: NumberBoxProps) {
  const id = useId();
  return (
    <span className="map-editor-number">
      <label htmlFor={id} className="nw-3">
        {label}
      </label>
      <input
        id={id}
        className="nw-field nw-mono"
        aria-invalid={typed.type === "wrong"}
        title={typed.type === "wrong" ? typed.why : undefined}
        spellCheck={false}
        autoComplete="off"
        value={text}
        onChange={(event) => onText(event.target.value)}
      />
    </span>
  );
}

function Plan({ edit, onDone }: { readonly edit: MapEdit; readonly onDone: (done: Done) => void }) {
  const { change } = edit;
  const [wanted, setWanted] = useState<MapWay | null>(null);
  const key = `${Object.values(change).join()} of ${edit.sid} ${edit.ssid} ${edit.stage}`;
  const { answer } = useEngineQuery(`change ${key}`, (engine) => engine.planEdit(edit));
  if (answer === null) return null;
  if (!answer.ok) {
    return (
      <p className="nw-small nw-fault" role="status">
        {answer.error.detail}
      </p>
    );
  }
  const ways = answer.value;
  const way = ways.find(({ by }) => by === wanted) ?? ways[0];
  if (way === undefined) return null;
  return (
    <div className="map-editor-plan">
      {ways.length > 1 && (
        <Tabs<MapWay>
          label="Who makes the change"
          chosen={way.by}
          onChoose={setWanted}
          tabs={ways.map(({ by }) => ({ id: by, text: WAYS[by] }))}
        />
      )}
      <WayView way={way} onDone={onDone} />
    </div>
  );
}

/** Most actions that are listed. */
const LISTED = 40;

function WayView({ way, onDone }: { readonly way: MapPlan; readonly onDone: (done: Done) => void }) {
  const now = useAppNow();
  const { actions, freed, by, about, bigEndian = false } = way;
  async function doIt(): Promise<void> {
    const before = now().summary?.step ?? 0;
    await now().actAll(actions);
    onDone({ before, after: before + actions.length });
  }
  return (
    <>
      {about !== "" && (
        <p className="nw-small map-editor-about">
          {by === "raw" && <Glyph name="stale" />} {about}
        </p>
      )}
      <Button onClick={() => void doIt()}>
        {actions.length === 1 ? "Do it, 1 action" : `Do it, ${actions.length} actions`}
      </Button>
      <ol aria-label="What software would do">
        {actions.slice(0, LISTED).map((action, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a list that changes as a whole.
          <li key={i} className="nw-mono">
            {stepText(action, bigEndian)}
          </li>
        ))}
      </ol>
      {actions.length > LISTED && <p className="nw-3 nw-small">and {actions.length - LISTED} more</p>}
      {freed.length > 0 && (
        <p className="nw-2 nw-small">
          No longer used afterwards: {freed.slice(0, 4).map(hex).join(", ")}
          {freed.length > 4 && ` and ${freed.length - 4} more tables`}.
        </p>
      )}
    </>
  );
}

/** An action in words; a single word with its value, as entries are read. */
function stepText(action: Action, bigEndian: boolean): string {
  const text = actionText(action);
  if (action.do !== "write" || action.bytes.length !== 8) return text;
  const view = new DataView(action.bytes.buffer, action.bytes.byteOffset, 8);
  return `${hex(view.getBigUint64(0, !bigEndian))} written at ${hex(action.at)}${bigEndian ? ", highest byte first" : ""}`;
}
