/**
 * Opening sessions, and bringing the open one back when the engine stopped.
 *
 * The page keeps what a session was opened from and the list of its actions, so that a fresh engine can be brought to
 * the same state. Nothing replaces the open session before the new one is there.
 */
import type { InputFile, Problem, Progress, Result, SessionSummary } from "../protocol/engine.ts";
import type { Access, SessionDocument } from "../protocol/machine.ts";
import { LIMITS } from "../scenario/limits.ts";
import type { Core } from "./core.ts";
import { STOPPED, type Stop } from "./engine_client.ts";
import { readLesson } from "./library.ts";
import { type LinkView, namesCase, readLink } from "./link_view.ts";
import { Newest } from "./newest.ts";
import { recordCount } from "./records.ts";
import { SHIPPED_SOURCE } from "./shipped.ts";
import type { AppActions, EngineState, PickedFile } from "./state.ts";
import type { Turns } from "./turns.ts";
import { type WalkControl, walkLabel } from "./walk_slice.ts";

/** What a session is opened from. */
type Origin =
  | { readonly type: "shipped" }
  | { readonly type: "files"; readonly files: readonly InputFile[] }
  | { readonly type: "document"; readonly document: SessionDocument };

type Report = (progress: Progress) => void;

/** Something to open. */
interface Opening {
  /** What is being opened, in a few words. */
  readonly name: string;
  /** How the session's source is called once it is open. */
  readonly source: string;
  readonly read: (signal: AbortSignal, report: Report) => Promise<Result<Origin>>;
  /** Told why it cannot be opened, in place of a message to the user. */
  readonly refuse?: (problem: Problem) => void;
}

type SessionActions = Pick<
  AppActions,
  | "start"
  | "followFragment"
  | "openFiles"
  | "openPicked"
  | "openDocument"
  | "openShipped"
  | "cancelOpening"
  | "restartEngine"
>;

const NO_TRACE = new Uint32Array(0);
const READY: EngineState = { state: "ready", opening: null, progress: null, stopped: null };

export function sessionSlice(core: Core, walk: WalkControl, turns: Turns): SessionActions {
  const { get, set, engine } = core;
  const opens = new Newest();
  let opening: AbortController | null = null;
  let origin: Origin | null = null;
  let stops: readonly Stop[] = [];

  engine.onStopped((stop) => {
    stops = [...stops.slice(-1), stop];
    opens.begin();
    opening?.abort();
    const during = stop.during === null ? "" : ` It was busy with ${stop.during}.`;
    set({ engine: { state: "stopped", opening: null, progress: null, stopped: `${stop.why}${during}` } });
    get().pause();
    void get().pauseLive();
  });

  function send(from: Origin, report: Report): Promise<Result<SessionSummary> | typeof STOPPED> {
    if (from.type === "shipped") return core.openShipped(report);
    if (from.type === "document") return engine.ask("opening a case", (api) => api.openDocument(from.document));
    return engine.ask("opening files", (api, callback) => api.openFiles(from.files, callback(report)));
  }

  /** Open something in place of what is open. Answers whether it is open now. */
  async function open(what: Opening): Promise<boolean> {
    if (get().engine.state === "stopped") await revive();
    if (get().engine.state === "loading") cancelOpening();
    const mine = opens.begin();
    const abort = new AbortController();
    opening = abort;
    const report: Report = (progress) => {
      if (mine()) set({ engine: { state: "loading", opening: what.name, progress, stopped: null } });
    };
    set({ engine: { state: "loading", opening: what.name, progress: null, stopped: null } });
    const read = await what.read(abort.signal, report);
    if (!mine()) return false;
    const opened = read.ok ? await send(read.value, report) : read;
    if (opened === STOPPED || !mine()) return false;
    opening = null;
    if (!read.ok || !opened.ok) {
      set({ engine: READY });
      const say = (problem: Problem): void => get().notify({ tone: "fault", ...problem });
      if (!opened.ok) (what.refuse ?? say)(opened.error);
      return false;
    }
    origin = read.value;
    stops = [];
    await show(opened.value, what.source);
    return true;
  }

  /** Show a session that the engine has just opened. */
  async function show(summary: SessionSummary, source: string): Promise<void> {
    set({ ...walk.clear(), summary, source, engine: READY });
    const listed = await engine.ask("listing streams", (api) => api.streams(0, summary.streams));
    if (listed === STOPPED || get().summary !== summary) return;
    if (summary.view === null) return walk.chooseFirst(listed.rows);
    set({ streams: listed.rows });
    await walk.actions.chooseAccess(summary.view);
  }

  function cancelOpening(): void {
    if (get().engine.state !== "loading") return;
    opens.begin();
    opening?.abort();
    opening = null;
    void engine.ask("cancelling", (api) => api.cancel());
    set({ engine: READY });
  }

  /** Bring a fresh engine to where the stopped one was. Answers whether it is there. */
  async function revive(): Promise<boolean> {
    const { summary } = get();
    const mine = opens.begin();
    engine.restart();
    if (summary === null || origin === null) {
      set({ engine: READY });
      return true;
    }
    set({ engine: { state: "loading", opening: summary.title, progress: null, stopped: null } });
    const back = await replay(origin, summary, (progress) => {
      if (mine()) set({ engine: { state: "loading", opening: summary.title, progress, stopped: null } });
    });
    if (back === STOPPED || !mine()) return false;
    if (!back.ok) {
      set({ engine: READY });
      get().notify({ tone: "fault", ...back.error });
      return false;
    }
    set({ summary: back.value, engine: READY });
    const { access } = get();
    if (access !== null && stoppedTwiceBy(access)) {
      const detail = "The same walk stopped the engine twice, so it was not repeated. Everything else is as it was.";
      get().notify({ tone: "warning", title: "One walk is left out.", place: walkLabel(access), detail });
      set({ access: null, walk: null, shown: 0, selected: null });
    }
    await walk.refresh();
    return true;
  }

  function stoppedTwiceBy(access: Access): boolean {
    return stops.length === 2 && stops.every((stop) => stop.during === walkLabel(access));
  }

  /** Open `from` and go to the actions and the step of `was`. */
  async function replay(
    from: Origin,
    was: SessionSummary,
    report: Report,
  ): Promise<Result<SessionSummary> | typeof STOPPED> {
    let back = await send(from, report);
    if (back === STOPPED || !back.ok) return back;
    if (was.actions.length > 0 || back.value.actions.length > 0) {
      const document = await engine.ask("reading the session", (api) => api.document());
      if (document === STOPPED) return STOPPED;
      const whole = { ...document, actions: was.actions, notes: was.notes };
      back = await engine.ask("doing the actions again", (api) => api.openDocument(whole));
      if (back === STOPPED || !back.ok) return back;
    }
    if (back.value.step === was.step) return back;
    return engine.ask("going to the step", (api) => api.seek(was.step));
  }

  const openOrigin = (from: Origin, name: string, source: string): Promise<boolean> =>
    open({ name, source, read: () => Promise.resolve({ ok: true, value: from }) });

  /** Open the packed case of a link. Answers whether it is open now. */
  async function openPacked(packed: string): Promise<boolean> {
    if (packed === "") return false;
    // Most visits come without a case, so the codec is fetched when one is there.
    const { decodeFragment } = await import("../scenario/url_codec.ts");
    const decoded = await decodeFragment(packed);
    if (!decoded.ok) {
      get().notify({ tone: "fault", ...decoded.error });
      return false;
    }
    return openOrigin({ type: "document", document: decoded.value }, "the case of the link", "from a link");
  }

  /** Open what a link names: a packed case, else an entry of the library. Answers whether it is open now. */
  function openNamed(packed: string, lesson: string | null): Promise<boolean> {
    if (packed !== "" || lesson === null) return openPacked(packed);
    const read = async (): Promise<Result<Origin>> => {
      const document = await readLesson(lesson);
      return document.ok ? { ok: true, value: { type: "document", document: document.value } } : document;
    };
    return open({ name: "a scenario of the library", source: "from the library", read });
  }

  /** Arrange the page as a link says. */
  function arrange(view: LinkView): void {
    if (view.preset !== null) get().choosePreset(view.preset);
    if (view.pane !== null) {
      get().showPane(view.pane);
      get().maximise(view.pane);
    }
    if (view.embed) set({ embedded: true });
    if (view.bench) get().showOver("bench");
    if (view.eras) get().showOver("eras");
    if (view.decode !== null) get().paste(view.decode);
  }

  /** Compare what a link names. */
  async function setSides(view: LinkView): Promise<void> {
    const { compareWithLesson, setSide } = get();
    const lesson = view.left?.lesson ?? view.right?.lesson ?? null;
    if (lesson !== null) await compareWithLesson(lesson);
    for (const which of ["left", "right"] as const) {
      const side = view[which];
      if (side !== null) setSide(which, { of: side.lesson === null ? "session" : "beside", step: side.step });
    }
  }

  /** Go to the step and the record that a link names. */
  async function point(view: LinkView): Promise<void> {
    if (view.step !== null) await get().seek(view.step);
    await setSides(view);
    if (view.shown !== null) get().showRecord(view.shown);
    if (view.record !== null && view.record < recordCount(get().walk?.trace ?? NO_TRACE)) get().select(view.record);
  }

  const openShipped = (): Promise<boolean> => openOrigin({ type: "shipped" }, "the shipped capture", SHIPPED_SOURCE);

  return {
    start: async (fragment) => {
      if (!engine.running) engine.restart();
      const link = readLink(fragment);
      const { packed, view } = link;
      arrange(view);
      const opened = await openNamed(packed, view.library);
      if (!opened && get().summary === null && get().engine.state !== "stopped") await openShipped();
      if (opened || !namesCase(link)) await point(view);
    },
    followFragment: async (fragment) => {
      const link = readLink(fragment);
      const { packed, view } = link;
      arrange(view);
      if (!namesCase(link) || (await openNamed(packed, view.library))) await point(view);
    },
    openFiles: async (files) => {
      const names = filesName(files);
      if (await openOrigin({ type: "files", files }, names, names)) core.address.clearFragment();
    },
    openPicked: async (files) => {
      const name = filesName(files);
      const read = (signal: AbortSignal, report: Report) => readPicked(files, signal, report);
      if (await open({ name, source: name, read })) core.address.clearFragment();
    },
    openDocument: async (document, source, refuse) => {
      const read = async (): Promise<Result<Origin>> => ({ ok: true, value: { type: "document", document } });
      const opened = await open({ name: source, source, read, ...(refuse === undefined ? {} : { refuse }) });
      if (opened) core.address.clearFragment();
      return opened;
    },
    openShipped: async () => {
      if (await openShipped()) core.address.clearFragment();
    },
    cancelOpening,
    restartEngine: async () => {
      const nothing = get().summary === null;
      const back = revive();
      // What is asked for meanwhile is done to the session that comes back.
      if ((await turns.take(() => back)) && nothing) await openShipped();
    },
  };
}

/** Such as `capture.json and memory.bin`, or the folder they came from. */
function filesName(files: readonly { readonly name: string }[]): string {
  const folders = new Set(files.map((f) => f.name.split("/").slice(0, -1).join("/")));
  const [folder] = folders;
  if (folders.size === 1 && folder !== undefined && folder !== "") return folder;
  const names = files.map((f) => f.name);
  return names.length <= 2 ? names.join(" and ") : `${names[0]} and ${names.length - 1} more files`;
}

/** Read chosen files one after the other, none before their sizes were looked at. */
async function readPicked(files: readonly PickedFile[], signal: AbortSignal, report: Report): Promise<Result<Origin>> {
  const total = files.reduce((sum, f) => sum + f.size, 0);
  const most = LIMITS.memoryBytes + LIMITS.jsonBytes;
  if (files.length > LIMITS.files || total > most) {
    const found = files.length > LIMITS.files ? `${files.length} files` : `${Math.round(total / 2 ** 20)} MiB`;
    const detail = `There are ${found}; at most ${LIMITS.files} files of ${most / 2 ** 20} MiB together are read.`;
    return { ok: false, error: { title: "These files are too much.", place: "chosen files", detail } };
  }
  const read: InputFile[] = [];
  let done = 0;
  for (const file of files) {
    if (signal.aborted) break;
    report({ what: "bytes read", done, total });
    try {
      read.push({ name: file.name, bytes: await file.read() });
    } catch {
      const detail = "The browser could not read it. It may have been moved, changed or locked.";
      return { ok: false, error: { title: "A file could not be read.", place: file.name, detail } };
    }
    done += file.size;
  }
  return { ok: true, value: { type: "files", files: read } };
}
