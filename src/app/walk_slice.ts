/**
 * Choosing a stream and an access, the walk of it, stepping through the walk, and the inspected structure.
 *
 * Answers are taken in only if they belong to the newest request of their kind and to the state the session is in now.
 */
import type { LeafColumns, StreamRow, StructureQuery, WalkAnswer } from "../protocol/engine.ts";
import type { Access } from "../protocol/machine.ts";
import type { Core } from "./core.ts";
import { STOPPED } from "./engine_client.ts";
import { anyGoesThrough, firstAccess, sameAccess, streamsToShow } from "./first_choice.ts";
import { Newest } from "./newest.ts";
import {
  currentRecord,
  failingRecord,
  recordCount,
  recordOf,
  sameStructure,
  stepFrom,
  structureOf,
} from "./records.ts";
import { sameAnswer } from "./same_answer.ts";
import type { AppActions, AppState, StreamChoice } from "./state.ts";

/** Structures remembered for going back. */
const MOST_VISITED = 50;

/** Streams looked at for the first walk. */
const MOST_TRIED = 12;

/** What is looked at in a session without streams. */
const NO_STREAM: StreamChoice = { sid: 0, ssid: null };

type WalkActions = Pick<
  AppActions,
  | "chooseStream"
  | "chooseAccess"
  | "showRecord"
  | "step"
  | "first"
  | "last"
  | "select"
  | "pinWalk"
  | "unpinWalk"
  | "inspect"
  | "selectBefore"
>;

/** What the other parts of the store may ask of this one. */
export interface WalkControl {
  readonly actions: WalkActions;
  /** Ask again for everything that is chosen: the session changed. */
  readonly refresh: () => Promise<void>;
  /** Show these streams, and walk the first of them that has a translation to show. */
  readonly chooseFirst: (streams: readonly StreamRow[]) => Promise<void>;
  /** Forget the choices of a session that is no longer open. Answers the state without them. */
  readonly clear: () => Partial<AppState>;
  /** Show the first `count` records of the walk and let the inspector follow. */
  readonly show: (count: number) => void;
}

const CLEARED: Partial<AppState> = {
  streams: null,
  stream: null,
  leaves: null,
  access: null,
  made: false,
  walk: null,
  shown: 0,
  pinned: null,
  playing: null,
  live: null,
  bookmarks: [],
  watches: [],
  selected: null,
  structure: null,
  structureAnswer: null,
  share: { state: "closed" },
};

/** How a call is named in a report of a stop. */
export function walkLabel(access: Access): string {
  const substream = access.ssid === null ? "" : `, SubstreamID 0x${access.ssid.toString(16)}`;
  return `the walk of IOVA 0x${access.iova.toString(16)}, StreamID 0x${access.sid.toString(16)}${substream}`;
}

export function walkSlice(core: Core): WalkControl {
  const { get, set, engine } = core;
  const walks = new Newest();
  const structures = new Newest();
  const lists = new Newest();
  const choices = new Newest();
  /** Structures the user looked at, the newest last. */
  let visited: StructureQuery[] = [];

  async function askWalk(): Promise<void> {
    const mine = walks.begin();
    const { access, made } = get();
    if (access === null) return;
    const answer = await engine.ask(walkLabel(access), (api) => api.walk(access, made));
    if (answer === STOPPED || !mine() || answer.revision !== get().summary?.revision) return;
    if (!sameAnswer(answer, get().walk)) set(arrived(get(), answer));
    await askStructure();
  }

  async function askStructure(): Promise<void> {
    const mine = structures.begin();
    const { structure } = get();
    if (structure === null) return;
    const answer = await engine.ask(`reading the ${structure.kind}`, (api) => api.structure(structure));
    if (answer === STOPPED || !mine() || answer.revision !== get().summary?.revision) return;
    if (!sameAnswer(answer, get().structureAnswer)) set({ structureAnswer: answer });
  }

  /** The stream's leaves, or null where that is no longer asked. */
  async function leavesOf({ sid, ssid }: StreamChoice): Promise<LeafColumns | null> {
    const mine = lists.begin();
    const answer = await engine.ask("listing translations", (api) => api.leaves(sid, ssid));
    return answer === STOPPED || !mine() || answer.revision !== get().summary?.revision ? null : answer;
  }

  async function askLeaves(): Promise<void> {
    const { stream } = get();
    if (stream === null) return;
    const answer = await leavesOf(stream);
    if (answer !== null && !sameAnswer(answer, get().leaves)) set({ leaves: answer });
  }

  async function askStreams(): Promise<void> {
    const { summary } = get();
    if (summary === null) return;
    const answer = await engine.ask("listing streams", (api) => api.streams(0, summary.streams));
    if (answer === STOPPED || get().summary !== summary) return;
    if (!sameAnswer(answer.rows, get().streams)) set({ streams: answer.rows });
  }

  function setStructure(structure: StructureQuery): void {
    if (sameStructure(structure, get().structure)) return;
    set({ structure, structureAnswer: null });
    void askStructure();
  }

  /** The user turns to another structure: the one shown now can be gone back to. */
  function visit(structure: StructureQuery): void {
    const { structure: now } = get();
    if (now !== null && !sameStructure(now, structure)) visited = [...visited.slice(1 - MOST_VISITED), now];
    setStructure(structure);
  }

  const pause = (): void => get().pause();

  /** Show `count` records and let the inspector follow. */
  function show(count: number): void {
    const { walk } = get();
    if (walk === null) return;
    const shown = Math.max(0, Math.min(count, recordCount(walk.trace)));
    const selected = currentRecord(walk.trace, shown);
    set({ shown, selected });
    const structure = selected === null ? null : structureOf(walk, selected);
    if (structure !== null) setStructure(structure);
  }

  /** @param beside what changes with it: each change is a drawing of the page */
  async function walkTo(access: Access, beside: Partial<AppState> = {}): Promise<void> {
    pause();
    const fresh = !sameAccess(access, get().access);
    set({ ...beside, access, made: false, ...(fresh ? { share: { state: "closed" } } : {}) });
    await askWalk();
  }

  async function chooseAccess(access: Access): Promise<void> {
    choices.begin();
    const { stream } = get();
    if (stream?.sid !== access.sid || stream.ssid !== access.ssid) {
      set({ stream: { sid: access.sid, ssid: access.ssid }, leaves: null });
      await Promise.all([walkTo(access), askLeaves()]);
    } else await walkTo(access);
  }

  async function chooseStream(sid: number, ssid: number | null): Promise<void> {
    const mine = choices.begin();
    const stream = { sid, ssid };
    set({ stream, leaves: null });
    await askLeaves();
    if (mine()) await walkTo(firstAccess(stream, get().leaves));
  }

  async function chooseFirst(streams: readonly StreamRow[]): Promise<void> {
    const mine = choices.begin();
    const [best = NO_STREAM, ...others] = streamsToShow(streams).slice(0, MOST_TRIED);
    // Where none goes through, the first is as good as any.
    let first = { stream: best, leaves: await leavesOf(best) };
    for (const stream of others) {
      if (!mine() || (first.leaves !== null && anyGoesThrough(first.leaves))) break;
      const leaves = await leavesOf(stream);
      if (leaves !== null && anyGoesThrough(leaves)) first = { stream, leaves };
    }
    if (mine()) await walkTo(firstAccess(first.stream, first.leaves), { streams, ...first });
    else set({ streams });
  }

  const actions: WalkActions = {
    chooseStream,
    chooseAccess,
    showRecord: (count) => {
      pause();
      show(count);
    },
    step: (by) => {
      const { walk, shown } = get();
      pause();
      if (walk !== null) show(stepFrom(walk.trace, shown, by));
    },
    first: () => {
      pause();
      show(0);
    },
    last: () => {
      pause();
      show(Number.POSITIVE_INFINITY);
    },
    select: (record) => {
      const { walk } = get();
      set({ selected: record });
      const structure = walk === null || record === null ? null : structureOf(walk, record);
      if (structure !== null) visit(structure);
    },
    pinWalk: () => {
      const { walk, summary } = get();
      if (walk !== null && summary !== null) set({ pinned: { walk, step: summary.step } });
    },
    unpinWalk: () => set({ pinned: null }),
    inspect: (query) => {
      const { walk } = get();
      set({ selected: walk === null ? null : recordOf(walk, query) });
      visit(query);
    },
    selectBefore: () => {
      const { walk } = get();
      const structure = visited.at(-1);
      if (structure === undefined) return;
      visited = visited.slice(0, -1);
      set({ selected: walk === null ? null : recordOf(walk, structure) });
      setStructure(structure);
    },
  };

  const refresh = async (): Promise<void> => {
    await Promise.all([askStreams(), askWalk(), get().access === null ? askStructure() : undefined, askLeaves()]);
  };
  const clear = (): Partial<AppState> => {
    visited = [];
    return CLEARED;
  };
  return { actions, refresh, chooseFirst, clear, show };
}

/** What changes when a walk arrives. A walk of the access that was shown keeps its place; a new one is shown whole. */
function arrived(app: AppState, walk: WalkAnswer): Partial<AppState> {
  const count = recordCount(walk.trace);
  const before = app.walk;
  if (before !== null && sameAccess(before.access, walk.access)) {
    const all = app.shown >= recordCount(before.trace);
    const shown = all ? count : Math.min(app.shown, count);
    const same =
      app.selected !== null && sameStructure(structureOf(before, app.selected), structureOf(walk, app.selected));
    return { walk, shown, selected: same ? app.selected : recordOf(walk, app.structure) };
  }
  const selected = failingRecord(walk.trace) ?? currentRecord(walk.trace, count);
  const structure = selected === null ? null : (structureOf(walk, selected) ?? lastStructure(walk, selected));
  const kept = structure === null || sameStructure(structure, app.structure);
  return {
    walk,
    shown: count,
    selected,
    ...(kept ? {} : { structure, structureAnswer: null }),
  };
}

/** The structure read last before a record that read none: what a failed check was about. */
function lastStructure(walk: WalkAnswer, record: number): StructureQuery | null {
  for (let r = record - 1; r >= 0; r--) {
    const structure = structureOf(walk, r);
    if (structure !== null) return structure;
  }
  return null;
}
