/**
 * Which command a key press means.
 *
 * A pane that uses a key itself (arrows in the grid, Home in a list) prevents the event's default; the table then
 * leaves it alone.
 */
import { COMMANDS, type Command, type KeyPress } from "./commands.ts";

/** Elements that take text or have a use for keys of their own. */
const TYPING = "input:not([type=checkbox]), textarea, select, [contenteditable]";
const PRESSED = "button, input[type=checkbox], a[href], summary, [role=tab], [role=menuitem]";

/** Commands whose keys mean nothing to a text field. */
const ANYWHERE: ReadonlySet<string> = new Set(["page.palette", "session.open-text"]);

function matches(press: KeyPress, event: KeyboardEvent): boolean {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const control = event.ctrlKey || event.metaKey;
  return (
    press.keys.includes(key) &&
    (press.control ?? false) === control &&
    (press.shift === undefined || press.shift === event.shiftKey)
  );
}

/** The command of a key press, or null: not in the table, used already, or meant for a field or a button. */
export function commandOf(event: KeyboardEvent): Command | null {
  if (event.defaultPrevented || event.altKey) return null;
  const found = COMMANDS.find((c) => c.presses?.some((press) => matches(press, event)));
  if (found === undefined) return null;
  const target = event.target instanceof Element ? event.target : null;
  // These are nothing that one types, so they work wherever the focus is.
  if (event.key === "F6" || ANYWHERE.has(found.id)) return found;
  if (target?.closest(TYPING)) return null;
  if (target?.closest("[role=dialog], [role=menu]")) return null;
  if (event.key === " " && target?.closest(PRESSED)) return null;
  return found;
}
