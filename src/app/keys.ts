/**
 * Every key of the workbench: one table, read by the handler and by the help sheet.
 *
 * A pane that uses a key itself (arrows in the grid, Home in a list) prevents the event's default; the table then
 * leaves it alone.
 */
import type { App } from "./state.ts";

/** What a key may do to the page besides the store. */
interface PageDoor {
  /** Move the focus to the next pane (1) or the one before (-1). */
  readonly focusPane: (by: 1 | -1) => void;
  readonly focusAddress: () => void;
}

export interface KeyBinding {
  /** Values of `KeyboardEvent.key`. */
  readonly keys: readonly string[];
  /** True or false where Shift decides; without it Shift does not count, as for characters that need it. */
  readonly shift?: boolean;
  /** How the key is called on screen. */
  readonly shown: string;
  /** What it does, without a full stop. */
  readonly what: string;
  readonly group: "Walk" | "Actions" | "Page";
  readonly run: (app: App, page: PageDoor) => void;
}

export const KEYS: readonly KeyBinding[] = [
  {
    keys: ["ArrowLeft"],
    shift: false,
    shown: "←",
    what: "Back one access",
    group: "Walk",
    run: (app) => app.step(-1),
  },
  {
    keys: ["ArrowRight"],
    shift: false,
    shown: "→",
    what: "Forward one access",
    group: "Walk",
    run: (app) => app.step(1),
  },
  { keys: ["Home"], shown: "Home", what: "Before the first access", group: "Walk", run: (app) => app.first() },
  { keys: ["End"], shown: "End", what: "To the last access", group: "Walk", run: (app) => app.last() },
  {
    keys: [" "],
    shown: "Space",
    what: "Play or pause",
    group: "Walk",
    run: (app) => (app.playing ? app.pause() : app.play()),
  },
  { keys: ["/"], shown: "/", what: "Type an address to walk", group: "Walk", run: (_app, page) => page.focusAddress() },
  {
    keys: ["Escape"],
    shown: "Esc",
    what: "Back to the selection before",
    group: "Walk",
    run: (app) => app.selectBefore(),
  },
  { keys: ["["], shown: "[", what: "Take back one action", group: "Actions", run: (app) => seekBy(app, -1) },
  { keys: ["]"], shown: "]", what: "Do one action again", group: "Actions", run: (app) => seekBy(app, 1) },
  {
    keys: ["F6"],
    shift: false,
    shown: "F6",
    what: "Next pane",
    group: "Page",
    run: (_app, page) => page.focusPane(1),
  },
  {
    keys: ["F6"],
    shift: true,
    shown: "Shift F6",
    what: "Pane before",
    group: "Page",
    run: (_app, page) => page.focusPane(-1),
  },
  { keys: ["1"], shown: "1", what: "Walk", group: "Page", run: (app) => app.choosePreset("walk") },
  { keys: ["2"], shown: "2", what: "Tables", group: "Page", run: (app) => app.choosePreset("tables") },
  { keys: ["3"], shown: "3", what: "Decode", group: "Page", run: (app) => app.choosePreset("decode") },
  { keys: ["s"], shown: "S", what: "Share the walk", group: "Page", run: (app) => void app.openShare() },
  { keys: ["?"], shown: "?", what: "These keys", group: "Page", run: (app) => app.showHelp(true) },
];

function seekBy(app: App, by: 1 | -1): void {
  if (app.summary !== null) void app.seek(app.summary.step + by);
}

/** The key of the table that does `what`, as it is shown; for tooltips. */
export function keyFor(what: string): string | undefined {
  return KEYS.find((k) => k.what === what)?.shown;
}

/** Elements that take text or have a use for keys of their own. */
const TYPING = "input, textarea, select, [contenteditable]";
const PRESSED = "button, a[href], summary, [role=tab], [role=menuitem]";

/** The binding of a key press, or null: not in the table, used already, or meant for a field or a button. */
export function bindingOf(event: KeyboardEvent): KeyBinding | null {
  if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey) return null;
  const binding = KEYS.find((k) => k.keys.includes(event.key) && (k.shift === undefined || k.shift === event.shiftKey));
  if (binding === undefined) return null;
  const target = event.target instanceof Element ? event.target : null;
  const paneKey = binding.keys.includes("F6");
  if (!paneKey && target?.closest(TYPING)) return null;
  if (!paneKey && target?.closest("[role=dialog], [role=menu]")) return null;
  if (event.key === " " && target?.closest(PRESSED)) return null;
  return binding;
}
