/**
 * Find or run: every command by its words, every stream, and what is typed as an address (`0x…`) or an action (`#…`).
 */
import "./palette.css";
import { Command as List } from "cmdk";
import { useState } from "react";
import { readAddress } from "../../app/address_input.ts";
import { COMMANDS, type Command, GROUPS } from "../../app/commands.ts";
import type { App } from "../../app/state.ts";
import { actionText } from "../common/action_text.ts";
import { Glyph } from "../common/Glyph.tsx";
import { useApp, useAppNow } from "../common/use_app.ts";
import { useFocusBack } from "../common/use_focus_back.ts";
import { usePageDoor } from "../workbench/page_door.ts";
import { NothingFound } from "./NothingFound.tsx";

/** Rows of one kind that are listed without being asked for by name. */
const MOST_STREAMS = 200;

export function Palette() {
  const show = useApp((app) => app.showOver);
  const streams = useApp((app) => app.streams);
  const now = useAppNow();
  const page = usePageDoor();
  const [text, setText] = useState("");
  const typed = goals(text, now());
  useFocusBack();

  function run(act: () => void): void {
    show(null);
    // The palette gives the focus back first, so that a command may move it.
    setTimeout(act, 0);
  }
  return (
    <List.Dialog
      open
      onOpenChange={(open) => show(open ? "palette" : null)}
      label="Find or run"
      overlayClassName="wb-shade"
      contentClassName="nw-pop palette"
      loop
    >
      <List.Input
        className="palette-input"
        value={text}
        onValueChange={setText}
        placeholder="Find or run: a word, 0x an address, # an action"
      />
      {typed.length === 0 && (
        <NothingFound>Nothing is called so. Type 0x for an address, # for an action.</NothingFound>
      )}
      <List.List className="palette-list" label="What to do">
        {typed.length > 0 && (
          <List.Group heading="Go to" forceMount>
            {typed.map((goal) => (
              <List.Item
                key={goal.text}
                value={`${text} ${goal.text}`}
                forceMount
                className="palette-item"
                onSelect={() => run(() => goal.go(now()))}
              >
                {goal.text}
              </List.Item>
            ))}
          </List.Group>
        )}
        {GROUPS.map((group) => (
          <List.Group key={group} heading={group}>
            {COMMANDS.filter((c) => c.group === group && c.id !== "page.palette").map((c) => (
              <Item key={c.id} command={c} onRun={() => run(() => c.run(now(), page))} />
            ))}
          </List.Group>
        ))}
        <List.Group heading="Streams">
          {(streams ?? []).slice(0, MOST_STREAMS).map((s) => (
            <List.Item
              key={s.sid}
              className="palette-item"
              value={`Stream 0x${s.sid.toString(16)} ${s.bdf ?? ""} ${s.label ?? ""}`}
              onSelect={() => run(() => void now().chooseStream(s.sid, null))}
            >
              <Glyph name="config" />
              Stream 0x{s.sid.toString(16)} <span className="nw-3">{s.label ?? s.bdf}</span>
            </List.Item>
          ))}
        </List.Group>
      </List.List>
    </List.Dialog>
  );
}

function Item({ command: c, onRun }: { readonly command: Command; readonly onRun: () => void }) {
  const able = useApp((app) => c.able?.(app) ?? true);
  const key = c.presses?.[0]?.shown;
  return (
    <List.Item className="palette-item" value={`${c.group} ${c.what}`} disabled={!able} onSelect={onRun}>
      {c.what}
      {key !== undefined && <kbd className="nw-kbd nw-menu-key">{key}</kbd>}
    </List.Item>
  );
}

/** A place that what was typed names. */
interface Goal {
  readonly text: string;
  readonly go: (app: App) => void;
}

function goals(text: string, { summary, stream }: App): Goal[] {
  const action = /^#\s*(\d{1,7})$/.exec(text.trim());
  if (action?.[1] !== undefined && summary !== null) {
    const step = Math.min(Number(action[1]), summary.actions.length);
    const done = summary.actions[step - 1];
    return [
      {
        text: `Action ${step}: ${done === undefined ? "as opened" : actionText(done)}`,
        go: (app) => void app.seek(step),
      },
    ];
  }
  const address = /^0x/i.test(text.trim()) ? readAddress(text.trim()) : null;
  if (address?.type !== "address" || stream === null) return [];
  const { value: iova } = address;
  const plain = { ...stream, iova, privileged: false, instruction: false };
  const walk = (write: boolean): Goal => ({
    text: `Walk a ${write ? "write" : "read"} of IOVA 0x${iova.toString(16)}, stream 0x${stream.sid.toString(16)}`,
    go: (app) => void app.chooseAccess({ ...plain, write }),
  });
  return [walk(false), walk(true)];
}
