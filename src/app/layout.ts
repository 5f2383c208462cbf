/**
 * The panes of the workbench and how each preset arranges them: data that the page, the commands and links read.
 */

/** Titles of the panes, by the names that commands and links have for them. */
export const PANES = {
  streams: "Streams",
  translations: "Translations",
  walk: "Walk",
  pinned: "Pinned walk",
  inspector: "Inspector",
  events: "Events",
  maps: "Table maps",
  timeline: "Timeline",
  lanes: "Who did what",
  software: "Software",
  queues: "Queues",
  registers: "Registers",
  caches: "Caches",
  memory: "Memory",
  decoder: "Decoder",
  account: "What happens",
  notes: "Notes",
  scenario: "Scenario text",
  compare: "Compare",
} as const;
export type PaneId = keyof typeof PANES;

/** A pane, or several side by side (`row`) or one above the other (`column`). */
export type Arrangement = PaneId | Division;

interface Division {
  readonly direction: "row" | "column";
  readonly parts: readonly Part[];
}

export interface Part {
  /** Sizes are remembered by this name, together with that of the preset. */
  readonly id: string;
  /** What stands here, for the line before it. */
  readonly name: string;
  readonly of: Arrangement;
  /** Pixels at first in a window up to 1360 wide, up to 1800, and wider; without it the part takes what is left. */
  readonly size?: readonly [number, number, number];
  /** Least pixels. */
  readonly least: number;
}

const LISTS: Part = {
  id: "lists",
  name: "the lists",
  size: [248, 250, 280],
  least: 180,
  of: {
    direction: "column",
    parts: [
      { id: "streams", name: "the streams", of: "streams", size: [190, 190, 260], least: 72 },
      { id: "translations", name: "the translations", of: "translations", least: 140 },
    ],
  },
};
const INSPECTOR: Part = { id: "inspector", name: "the inspector", of: "inspector", size: [338, 372, 440], least: 240 };

/** The drawing with the inspector at its right. */
function besideInspector(...drawings: readonly PaneId[]): Division {
  const parts = drawings.map((of): Part => ({ id: of, name: PANES[of].toLowerCase(), of, least: 320 }));
  return { direction: "row", parts: [...parts, INSPECTOR] };
}

interface PresetLayout {
  readonly id: string;
  readonly text: string;
  /** What it is for, a sentence. */
  readonly about: string;
  readonly of: Arrangement;
}

const LAYOUTS = [
  {
    id: "walk",
    text: "Walk",
    about: "One translation, access by access.",
    of: {
      direction: "row",
      parts: [
        LISTS,
        {
          id: "right",
          name: "the walk",
          least: 400,
          of: {
            direction: "column",
            parts: [
              { id: "upper", name: "the walk", of: besideInspector("pinned", "walk"), least: 220 },
              { id: "lower", name: "the events", of: "events", size: [216, 250, 300], least: 90 },
            ],
          },
        },
      ],
    },
  },
  {
    id: "tables",
    text: "Tables",
    about: "The page tables of both stages as maps.",
    of: {
      direction: "row",
      parts: [
        LISTS,
        {
          id: "right",
          name: "the maps",
          least: 400,
          of: {
            direction: "column",
            parts: [
              { id: "upper", name: "the maps", of: besideInspector("maps"), least: 220 },
              { id: "lower", name: "memory", of: "memory", size: [200, 240, 320], least: 90 },
            ],
          },
        },
      ],
    },
  },
  {
    id: "queues",
    text: "Queues",
    about: "Queues as rings, registers, and what the caches hold.",
    of: {
      direction: "column",
      parts: [
        { id: "queues", name: "the queues", of: "queues", least: 200 },
        {
          id: "lower",
          name: "registers and caches",
          size: [270, 320, 400],
          least: 120,
          of: {
            direction: "row",
            parts: [
              { id: "registers", name: "the registers", of: "registers", size: [470, 520, 640], least: 280 },
              { id: "caches", name: "the caches", of: "caches", least: 320 },
            ],
          },
        },
      ],
    },
  },
  {
    id: "software",
    text: "Software",
    about: "Who did what because of whom, the kernel's objects, and what it all costs.",
    of: {
      direction: "column",
      parts: [
        {
          id: "acts",
          name: "the lanes",
          least: 180,
          of: {
            direction: "row",
            parts: [
              { id: "lanes", name: "the lanes", of: "lanes", least: 400 },
              {
                id: "right",
                name: "the timeline",
                size: [340, 400, 500],
                least: 260,
                of: {
                  direction: "column",
                  parts: [
                    { id: "timeline", name: "the timeline", of: "timeline", least: 100 },
                    { id: "notes", name: "the notes", of: "notes", size: [208, 260, 330], least: 100 },
                  ],
                },
              },
            ],
          },
        },
        { id: "software", name: "the software", of: "software", size: [322, 360, 440], least: 120 },
      ],
    },
  },
  { id: "decode", text: "Decode", about: "Anything pasted, explained.", of: "decoder" },
  {
    id: "teach",
    text: "Teach",
    about: "The walk at full size, each step in words.",
    of: {
      direction: "row",
      parts: [
        {
          id: "words",
          name: "the words",
          size: [340, 400, 560],
          least: 260,
          of: {
            direction: "column",
            parts: [
              { id: "notes", name: "the notes", of: "notes", size: [380, 420, 560], least: 160 },
              { id: "account", name: "the account", of: "account", least: 120 },
            ],
          },
        },
        { id: "walk", name: "the walk", of: "walk", least: 400 },
      ],
    },
  },
  {
    id: "edit",
    text: "Edit",
    about: "The session as text and as a list of steps.",
    of: {
      direction: "row",
      parts: [
        { id: "scenario", name: "the scenario", of: "scenario", least: 400 },
        { id: "walk", name: "the walk", of: "walk", size: [560, 640, 860], least: 320 },
      ],
    },
  },
  { id: "compare", text: "Compare", about: "Two steps or two sessions, and where they differ.", of: "compare" },
] as const satisfies readonly PresetLayout[];

export type Preset = (typeof LAYOUTS)[number]["id"];

/** Closed panes of each preset that has any. */
export type ClosedPanes = Readonly<Partial<Record<Preset, readonly PaneId[]>>>;

export const PRESETS: readonly (PresetLayout & { readonly id: Preset })[] = LAYOUTS;

export function presetLayout(preset: Preset): Arrangement {
  return PRESETS.find((p) => p.id === preset)!.of;
}

/** Panes of an arrangement, in the order in which they are read. */
export function panesOf(of: Arrangement): readonly PaneId[] {
  return typeof of === "string" ? [of] : of.parts.flatMap((part) => panesOf(part.of));
}

/** The arrangement without `closed` panes, or null where nothing is left of it. A division of one part is that part. */
export function withoutPanes(of: Arrangement, closed: readonly PaneId[]): Arrangement | null {
  if (typeof of === "string") return closed.includes(of) ? null : of;
  const parts = of.parts.flatMap((part): Part[] => {
    const inner = withoutPanes(part.of, closed);
    return inner === null ? [] : [{ ...part, of: inner }];
  });
  const [only] = parts;
  if (only === undefined) return null;
  return parts.length === 1 ? only.of : { ...of, parts };
}

/** The preset that a pane is made for, where that is not the first that has it. */
const HOME: Partial<Readonly<Record<PaneId, Preset>>> = { notes: "teach" };

/** The preset in which to show a pane: the one that is open if it has it, else its home. */
export function presetWith(pane: PaneId, open: Preset): Preset {
  const has = (preset: Preset): boolean => panesOf(presetLayout(preset)).includes(pane);
  return has(open) ? open : (HOME[pane] ?? PRESETS.find((p) => has(p.id))?.id ?? open);
}

export function isPreset(text: string | null): text is Preset {
  return PRESETS.some((p) => p.id === text);
}

export function isPane(text: string | null): text is PaneId {
  return text !== null && Object.hasOwn(PANES, text);
}
