/**
 * Everything a user can tell the workbench to do: one table, read by the keyboard, the palette, the key sheet and menus.
 */
import { PROFILE_IDS, PROFILES } from "../protocol/profiles.ts";
import { isPane, PANES, type PaneId, PRESETS } from "./layout.ts";
import { hasContent } from "./layout_slice.ts";
import { noteStepFrom } from "./notes.ts";
import type { App } from "./state.ts";

/** What a command may do to the page besides the store. */
export interface PageDoor {
  /** Move the focus to the next pane (1) or the one before (-1). */
  readonly focusPane: (by: 1 | -1) => void;
  readonly focusAddress: () => void;
  readonly focusFilter: () => void;
  /** To the box of the address whose reachers are asked for. */
  readonly focusReach: () => void;
  /** The browser's dialog for choosing files or a folder. */
  readonly pick: (what: "files" | "folder") => void;
  readonly saveSession: () => void;
  /** The journal of the software as a file. */
  readonly saveTrace: () => void;
  /** The pane that has the focus, or null. */
  readonly focusedPane: () => string | null;
}

/** The filter of the events pane has this id. */
export const FILTER_BOX_ID = "nw-event-filter";
/** The box of the address whose reachers are asked for has this one. */
export const REACH_BOX_ID = "nw-reach-address";

/** A press of a key. */
export interface KeyPress {
  /** Values of `KeyboardEvent.key`; letters in lower case. */
  readonly keys: readonly string[];
  /** True or false where Shift decides; without it Shift does not count, as for characters that need it. */
  readonly shift?: boolean;
  /** With Control, or Command on a Mac. */
  readonly control?: true;
  /** How the press is called on screen. */
  readonly shown: string;
}

export const GROUPS = ["Walk", "Actions", "Session", "Page", "Panes"] as const;

export interface Command {
  readonly id: string;
  /** What it does, without a full stop. */
  readonly what: string;
  readonly group: (typeof GROUPS)[number];
  /** Presses that do it, the one to teach first. */
  readonly presses?: readonly KeyPress[];
  /** Whether it can be done now; absent: always. */
  readonly able?: (app: App) => boolean;
  readonly run: (app: App, page: PageDoor) => void;
}

const press = (key: string, shown = key): KeyPress => ({ keys: [key], shown });
const bare = (key: string, shown: string): KeyPress => ({ keys: [key], shift: false, shown });
const shifted = (key: string, shown: string): KeyPress => ({ keys: [key], shift: true, shown: `Shift ${shown}` });
const control = (key: string): KeyPress => ({
  keys: [key],
  shift: false,
  control: true,
  shown: `Ctrl ${key.toUpperCase()}`,
});

const walked = (app: App): boolean => app.walk !== null;
const seekBy = (app: App, by: number): void => {
  if (app.summary !== null) void app.seek(app.summary.step + by);
};
const seekNote = (app: App, by: 1 | -1): void => {
  const step = noteStepFrom(app.summary, by);
  if (step !== null) void app.seek(step);
};
const behind = (app: App): boolean => (app.summary?.step ?? 0) > 0;
const ahead = (app: App): boolean => app.summary !== null && app.summary.step < app.summary.actions.length;

const WALK: readonly Command[] = [
  {
    id: "walk.back",
    what: "Back one access",
    group: "Walk",
    presses: [bare("ArrowLeft", "←")],
    able: walked,
    run: (app) => app.step(-1),
  },
  {
    id: "walk.forward",
    what: "Forward one access",
    group: "Walk",
    presses: [bare("ArrowRight", "→")],
    able: walked,
    run: (app) => app.step(1),
  },
  {
    id: "walk.first",
    what: "Before the first access",
    group: "Walk",
    presses: [press("Home")],
    able: walked,
    run: (app) => app.first(),
  },
  {
    id: "walk.last",
    what: "To the last access",
    group: "Walk",
    presses: [press("End")],
    able: walked,
    run: (app) => app.last(),
  },
  {
    id: "walk.play",
    what: "Play or pause",
    group: "Walk",
    presses: [bare(" ", "Space")],
    able: walked,
    run: (app) => (app.playing === "accesses" ? app.pause() : app.play("accesses")),
  },
  {
    id: "walk.address",
    what: "Type an address to walk",
    group: "Walk",
    presses: [press("/")],
    run: (_app, page) => page.focusAddress(),
  },
  {
    id: "walk.pin",
    what: "Pin this walk to compare, or unpin it",
    group: "Walk",
    presses: [press("p", "P")],
    able: walked,
    run: (app) => (app.pinned !== null && app.pinned.walk === app.walk ? app.unpinWalk() : app.pinWalk()),
  },
  {
    id: "walk.before",
    what: "Back to the selection before",
    group: "Walk",
    presses: [press("Escape", "Esc")],
    run: (app) => (app.maximised === null ? app.selectBefore() : app.maximise(null)),
  },
];

const ACTIONS: readonly Command[] = [
  {
    id: "actions.back",
    what: "Take back one action",
    group: "Actions",
    presses: [press("["), control("z")],
    able: behind,
    run: (app) => seekBy(app, -1),
  },
  {
    id: "actions.forward",
    what: "Do one action again",
    group: "Actions",
    presses: [press("]"), { keys: ["z"], shift: true, control: true, shown: "Ctrl Shift Z" }, control("y")],
    able: ahead,
    run: (app) => seekBy(app, 1),
  },
  {
    id: "actions.first",
    what: "Before the first action",
    group: "Actions",
    presses: [press("{")],
    able: behind,
    run: (app) => void app.seek(0),
  },
  {
    id: "actions.last",
    what: "After the last action",
    group: "Actions",
    presses: [press("}")],
    able: ahead,
    run: (app) => void app.seek(app.summary?.actions.length ?? 0),
  },
  {
    id: "actions.play",
    what: "Play or pause the actions",
    group: "Actions",
    presses: [shifted(" ", "Space")],
    able: (app) => (app.summary?.actions.length ?? 0) > 0,
    run: (app) => (app.playing === "actions" ? app.pause() : app.play("actions")),
  },
  {
    id: "actions.watched",
    what: "Run on to what is watched",
    group: "Actions",
    presses: [press("w", "W")],
    able: (app) => app.watches.length > 0 && ahead(app),
    run: (app) => void app.runTo(app.summary?.actions.length ?? 0),
  },
  {
    id: "actions.bookmark",
    what: "Set or clear a bookmark here",
    group: "Actions",
    presses: [press("b", "B")],
    able: (app) => app.summary !== null,
    run: (app) => app.toggleBookmark(),
  },
  {
    id: "actions.next-bookmark",
    what: "To the next bookmark",
    group: "Actions",
    presses: [press("n", "N")],
    able: (app) => app.bookmarks.length > 0,
    run: (app) => app.nextBookmark(),
  },
  // The keys that a presenter's remote control sends.
  {
    id: "actions.note-before",
    what: "To the note before",
    group: "Actions",
    presses: [press("PageUp", "Page Up")],
    able: (app) => noteStepFrom(app.summary, -1) !== null,
    run: (app) => seekNote(app, -1),
  },
  {
    id: "actions.next-note",
    what: "To the next note",
    group: "Actions",
    presses: [press("PageDown", "Page Down")],
    able: (app) => noteStepFrom(app.summary, 1) !== null,
    run: (app) => seekNote(app, 1),
  },
];

const LIVE: readonly Command[] = [
  ...PROFILE_IDS.map(
    (id): Command => ({
      id: `live.${id}`,
      what: `Run: ${PROFILES[id].text.toLowerCase()} on the chosen stream`,
      group: "Actions",
      able: (app) => app.stream !== null,
      run: (app) => {
        if (app.stream !== null) void app.startLive(id, app.stream.sid);
      },
    }),
  ),
  {
    id: "live.hold",
    what: "Hold the device that runs, or let it go on",
    group: "Actions",
    presses: [bare("d", "D")],
    able: (app) => app.live !== null,
    run: (app) => void (app.live?.running ? app.pauseLive() : app.goOnLive()),
  },
  {
    id: "live.stop",
    what: "Stop the device that runs",
    group: "Actions",
    presses: [shifted("d", "D")],
    able: (app) => app.live !== null,
    run: (app) => void app.stopLive(),
  },
];

const SESSION: readonly Command[] = [
  { id: "session.files", what: "Open files…", group: "Session", run: (_app, page) => page.pick("files") },
  { id: "session.folder", what: "Open a folder…", group: "Session", run: (_app, page) => page.pick("folder") },
  {
    id: "session.library",
    what: "Open the library…",
    group: "Session",
    presses: [press("l", "L")],
    run: (app) => void app.openLibrary(),
  },
  {
    id: "session.shipped",
    what: "Open the shipped capture",
    group: "Session",
    run: (app) => void app.openShipped(),
  },
  {
    id: "session.save",
    what: "Save the whole session as a file",
    group: "Session",
    able: (app) => app.summary !== null,
    run: (_app, page) => page.saveSession(),
  },
  {
    id: "session.trace",
    what: "Save the journal as a trace for Perfetto",
    group: "Session",
    able: (app) => app.summary !== null,
    run: (_app, page) => page.saveTrace(),
  },
  {
    id: "session.text",
    what: "Edit the scenario as text",
    group: "Session",
    presses: [press("e", "E")],
    able: (app) => app.summary !== null,
    run: (app) => app.showPane("scenario"),
  },
  {
    id: "session.open-text",
    what: "Open the edited text as session",
    group: "Session",
    presses: [{ keys: ["Enter"], control: true, shown: "Ctrl Enter" }],
    able: (app) => app.draft !== null,
    run: (app) => void app.openText(),
  },
  {
    id: "session.compare",
    what: "Compare with the step before",
    group: "Session",
    presses: [press("c", "C")],
    able: behind,
    run: (app) => {
      app.setSide("left", { of: "session", step: (app.summary?.step ?? 1) - 1 });
      app.setSide("right", { of: "session", step: app.summary?.step ?? 0 });
      app.showPane("compare");
    },
  },
  {
    id: "session.keep",
    what: "Keep this session to compare others with",
    group: "Session",
    able: (app) => app.summary !== null,
    run: (app) => void app.keepBeside(),
  },
  {
    id: "session.share",
    what: "Share the walk",
    group: "Session",
    presses: [press("s", "S")],
    able: (app) => app.access !== null,
    run: (app) => void app.openShare(),
  },
];

const PAGE: readonly Command[] = [
  {
    id: "page.palette",
    what: "Find or run",
    group: "Page",
    presses: [control("k")],
    run: (app) => app.showOver(app.over === "palette" ? null : "palette"),
  },
  {
    id: "page.keys",
    what: "These keys",
    group: "Page",
    presses: [press("?")],
    run: (app) => app.showOver("keys"),
  },
  {
    id: "page.next-pane",
    what: "Next pane",
    group: "Page",
    presses: [bare("F6", "F6")],
    run: (_app, page) => page.focusPane(1),
  },
  {
    id: "page.pane-before",
    what: "Pane before",
    group: "Page",
    presses: [shifted("F6", "F6")],
    run: (_app, page) => page.focusPane(-1),
  },
  {
    id: "page.maximise",
    what: "Give the pane all the room, or put it back",
    group: "Page",
    presses: [press("m", "M")],
    run: (app, page) => {
      const pane = page.focusedPane();
      if (app.maximised !== null) app.maximise(null);
      else if (isPane(pane)) app.maximise(pane);
    },
  },
  {
    id: "page.close",
    what: "Close the pane",
    group: "Page",
    presses: [press("x", "X")],
    run: (app, page) => {
      const pane = page.focusedPane();
      if (isPane(pane)) app.closePane(pane);
    },
  },
  { id: "page.reset", what: "Put all panes back", group: "Page", run: (app) => app.resetLayout() },
  {
    id: "page.filter",
    what: "Filter the events",
    group: "Page",
    presses: [press("f", "F")],
    run: (app, page) => {
      app.showPane("events");
      page.focusFilter();
    },
  },
  { id: "page.bench", what: "Measure this browser", group: "Page", run: (app) => app.showOver("bench") },
  { id: "page.eras", what: "What differs between kernels", group: "Page", run: (app) => app.showOver("eras") },
  { id: "page.light", what: "Light theme", group: "Page", run: (app) => app.chooseTheme("light") },
  { id: "page.dark", what: "Dark theme", group: "Page", run: (app) => app.chooseTheme("dark") },
  { id: "page.system", what: "Theme of the system", group: "Page", run: (app) => app.chooseTheme("system") },
];

const hasTables = (app: App): boolean => app.stream !== null && app.summary !== null;

const MAPS: readonly Command[] = [
  ...([1, 2] as const).map(
    (stage): Command => ({
      id: `maps.edit${stage}`,
      what: `Map, unmap, split or merge in stage ${stage}…`,
      group: "Actions",
      able: hasTables,
      run: (app) => app.editMap(stage),
    }),
  ),
  {
    id: "maps.overlaps",
    what: "Memory that is reached in several ways",
    group: "Page",
    able: hasTables,
    run: (app) => app.showOverlaps(true),
  },
  {
    id: "maps.reach",
    what: "Who reaches a physical address…",
    group: "Page",
    able: hasTables,
    run: (app, page) => {
      app.showOverlaps(true);
      page.focusReach();
    },
  },
];

const PRESET_COMMANDS: readonly Command[] = PRESETS.map(({ id, text }, i) => ({
  id: `preset.${id}`,
  what: `Preset ${text}`,
  group: "Page",
  presses: [press(String(i + 1))],
  run: (app) => app.choosePreset(id),
}));

const PANE_COMMANDS: readonly Command[] = (Object.keys(PANES) as PaneId[]).map((id) => ({
  id: `pane.${id}`,
  what: `Show ${PANES[id]}`,
  group: "Panes",
  able: (app) => hasContent(app, id),
  run: (app) => app.showPane(id),
}));

export const COMMANDS: readonly Command[] = [
  ...WALK,
  ...ACTIONS,
  ...LIVE,
  ...SESSION,
  ...PAGE,
  ...MAPS,
  ...PRESET_COMMANDS,
  ...PANE_COMMANDS,
];

/** A command of the table. @throws when there is none of that name: a mistake of the caller. */
export function command(id: string): Command {
  const found = COMMANDS.find((c) => c.id === id);
  if (found === undefined) throw new Error(`no command ${id}`);
  return found;
}

/** The press to teach for a command, as it is shown; for tooltips and menus. */
export function keyFor(id: string): string | undefined {
  return command(id).presses?.[0]?.shown;
}
