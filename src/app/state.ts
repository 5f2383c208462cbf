/**
 * What the page knows: the open session in brief, what is chosen in it and the engine's newest answers.
 *
 * Memory contents, tables and lists stay in the worker; answers that hold many rows are columns kept by reference.
 */
import type { FieldDeclaration } from "../base/layout.ts";
import type {
  InputFile,
  LeafColumns,
  Problem,
  Progress,
  SessionSummary,
  StreamRow,
  StructureAnswer,
  StructureQuery,
  WalkAnswer,
} from "../protocol/engine.ts";
import type { Access, Action, SessionDocument } from "../protocol/machine.ts";
import type { ProfileId } from "../protocol/profiles.ts";
import type { Watch } from "../protocol/watch.ts";
import type { TextProblem } from "../scenario/check_text.ts";
import type { StepChange } from "../scenario/edit_steps.ts";
import type { ComparedSide, Comparison } from "./compare_slice.ts";
import type { ClosedPanes, PaneId, Preset } from "./layout.ts";
import type { LibraryEntry } from "./library.ts";

/** A message in place. It stays until the user closes it, or the thing it speaks of is settled. */
export interface Notice extends Problem {
  readonly id: number;
  readonly tone: "fault" | "warning" | "plain";
}

/** State of the worker and of what it was asked to open. */
export interface EngineState {
  readonly state: "starting" | "ready" | "loading" | "stopped";
  /** What is being opened; of `loading` only. */
  readonly opening: string | null;
  readonly progress: Progress | null;
  /** Why the worker stopped, a sentence; of `stopped` only. */
  readonly stopped: string | null;
}

/** The chosen stream, and within it the context: a SubstreamID, or null for traffic without one. */
export interface StreamChoice {
  readonly sid: number;
  readonly ssid: number | null;
}

/** A case packed for sending. */
export type ShareState =
  | { readonly state: "closed" | "packing" }
  | { readonly state: "failed"; readonly problem: Problem }
  /**
   * `link` is the whole address, `file` the same case as text of a scenario file; `walkDigest` is what its reader will
   * see for the walk.
   */
  | {
      readonly state: "packed";
      readonly title: string;
      /** What the case holds, as sentences. */
      readonly holds: string;
      readonly link: string;
      readonly file: string;
      readonly walkDigest: string;
    };

/** A walk kept to compare others with, and the step of the session it was made at. */
export interface PinnedWalk {
  readonly walk: WalkAnswer;
  readonly step: number;
}

/** A device that is run: it makes transactions by itself until it is stopped. */
export interface LiveDevice {
  readonly profile: ProfileId;
  readonly sid: number;
  readonly running: boolean;
  /** Actions it made. */
  readonly done: number;
  /** Actions a second it came to of late. */
  readonly reached: number;
}

/** A scenario's text that was edited and not opened. */
interface Draft {
  readonly text: string;
  /** The session's text that it began from. */
  readonly from: string;
  /** Why the engine did not open this text, or null. */
  readonly refused: TextProblem | null;
}

export type Theme = "system" | "light" | "dark";

export interface AppState {
  readonly engine: EngineState;
  readonly notices: readonly Notice[];
  readonly summary: SessionSummary | null;
  /** Where the open session came from, in a few words: file names, `link` or `shipped with Nestwalk`. */
  readonly source: string;
  /** Every stream with an entry worth showing, in order of StreamID; null until known. */
  readonly streams: readonly StreamRow[] | null;
  readonly stream: StreamChoice | null;
  /** Mapped ranges of the chosen stream; null until known. */
  readonly leaves: LeafColumns | null;
  /** The access whose walk is shown. */
  readonly access: Access | null;
  /** The walk is that of the newest action's own transaction, on the machine as it found it. */
  readonly made: boolean;
  /** Newest answer for `access`; an older one stays until the new one is there. */
  readonly walk: WalkAnswer | null;
  /** Trace records of the walk that are shown, 0 to all of them. */
  readonly shown: number;
  readonly pinned: PinnedWalk | null;
  /** What moves by itself. */
  readonly playing: "accesses" | "actions" | null;
  /** Steps a second when playing. */
  readonly rate: number;
  readonly live: LiveDevice | null;
  /** Actions a second that a device is to make. */
  readonly liveRate: number;
  /** Numbers of applied actions to come back to, ascending. */
  readonly bookmarks: readonly number[];
  /** Selected trace record. */
  readonly selected: number | null;
  /** What the inspector shows. */
  readonly structure: StructureQuery | null;
  readonly structureAnswer: StructureAnswer | null;
  readonly share: ShareState;
  readonly preset: Preset;
  readonly closed: ClosedPanes;
  /** The pane that has all the room, or null. */
  readonly maximised: PaneId | null;
  /** The pane of the preset that was asked for last, which is what there is room for on a narrow screen, or null. */
  readonly asked: PaneId | null;
  /** The page is part of another page: it shows the maximised pane and nothing around it. */
  readonly embedded: boolean;
  /** The stage whose mappings are being changed, or null. */
  readonly mapEdited: 1 | 2 | null;
  /** The table maps show what memory is reached in several ways. */
  readonly overlapsShown: boolean;
  /** Grows when the panes' sizes go back to what they were at first. */
  readonly layoutRound: number;
  readonly theme: Theme;
  /** What playing and running stop at. */
  readonly watches: readonly Watch[];
  readonly comparison: Comparison;
  /** The command that is being typed, for the queue and for what it would do to the caches. */
  readonly typedCommand: string;
  /** The queue that it is for, by its id; null for the first IOMMU's. */
  readonly typedQueue: string | null;
  /** What lies over the page. */
  readonly over: "keys" | "palette" | "library" | "bench" | "eras" | null;
  /** What the library has, groups together; null until it was asked for. */
  readonly library: readonly LibraryEntry[] | null;
  /** Text in the decoder's box. */
  readonly pasted: string;
  /** Null while the scenario's text is that of the session. */
  readonly draft: Draft | null;
}

export interface AppActions {
  /** Open what the page starts with: the case of `fragment` when it holds one, else the shipped capture. */
  readonly start: (fragment: string) => Promise<void>;
  /** The address changed while the page was open. */
  readonly followFragment: (fragment: string) => Promise<void>;
  readonly openFiles: (files: readonly InputFile[]) => Promise<void>;
  /** Open files that are not read yet. */
  readonly openPicked: (files: readonly PickedFile[]) => Promise<void>;
  /** Answers whether it is open now. `refuse` is told why it cannot be opened, in place of a message to the user. */
  readonly openDocument: (
    document: SessionDocument,
    source: string,
    refuse?: (problem: Problem) => void,
  ) => Promise<boolean>;
  readonly openShipped: () => Promise<void>;
  /** Show what the library has. */
  readonly openLibrary: () => Promise<void>;
  /** Find out what the library has. */
  readonly listLibrary: () => Promise<void>;
  /** Open an entry of the library before its first action, with its notes. */
  readonly openLesson: (id: string) => Promise<void>;
  /** Stop opening; the session that was open stays. */
  readonly cancelOpening: () => void;
  /** Start a fresh engine and bring back what was open: source, actions, step, access and selection. */
  readonly restartEngine: () => Promise<void>;

  /** Choose a stream and walk the first of its translations. */
  readonly chooseStream: (sid: number, ssid: number | null) => Promise<void>;
  /** Choose an access (any address, mapped or not); its stream becomes the chosen one. */
  readonly chooseAccess: (access: Access) => Promise<void>;
  /** Show the first `count` records of the walk. */
  readonly showRecord: (count: number) => void;
  /** One memory access forward or back. */
  readonly step: (by: 1 | -1) => void;
  readonly first: () => void;
  readonly last: () => void;
  /** Play from here; from the start where the end is reached. */
  readonly play: (what: "accesses" | "actions") => void;
  readonly pause: () => void;
  readonly setRate: (rate: number) => void;
  /** Run a device on a stream of the session, in place of one that runs. */
  readonly startLive: (profile: ProfileId, sid: number) => Promise<void>;
  /** Hold the device; what it did is shown when this is done. */
  readonly pauseLive: () => Promise<void>;
  /** Go on with the device that is held. */
  readonly goOnLive: () => Promise<void>;
  /** Let the device give back what it holds, and end it. */
  readonly stopLive: () => Promise<void>;
  readonly setLiveRate: (rate: number) => void;
  /** Set a bookmark at the step the session is at, or clear the one that is there. */
  readonly toggleBookmark: () => void;
  /** Go to the next bookmark after the step, or to the first. */
  readonly nextBookmark: () => void;
  /** Select a trace record; the inspector follows where the record read a structure. */
  readonly select: (record: number | null) => void;
  /** Keep the walk as it is now beside what comes, in place of one kept before. */
  readonly pinWalk: () => void;
  readonly unpinWalk: () => void;
  readonly inspect: (query: StructureQuery) => void;
  /** Go back to what was selected before. */
  readonly selectBefore: () => void;

  /** Flip a bit of the inspected structure, numbered over the whole structure. */
  readonly toggleBit: (bit: number) => Promise<void>;
  /**
   * Write a field of the inspected structure. `value` is what `decodeFields` gives: a number, or for an address field
   * the address in place. Bits that do not fit are dropped.
   */
  readonly writeField: (field: FieldDeclaration, value: bigint) => Promise<void>;
  /** Write the whole inspected structure from 32-bit words, lowest first. */
  readonly writeWords: (words: Uint32Array) => Promise<void>;
  /** Do something to the machine: the action is added to the log after the current step. */
  readonly act: (action: Action) => Promise<void>;
  /** As {@link act}, several one after the other. */
  readonly actAll: (actions: readonly Action[]) => Promise<void>;
  /** Go to the state after the first `step` actions: take back, or do again. */
  readonly seek: (step: number) => Promise<void>;
  /** As {@link seek}, and stop where a watch is met on the way forward. */
  readonly runTo: (step: number) => Promise<void>;

  readonly addWatch: (watch: Watch) => void;
  readonly dropWatch: (watch: Watch) => void;
  readonly typeCommand: (text: string) => void;
  readonly chooseCommandQueue: (queue: string | null) => void;
  readonly setSide: (which: "left" | "right", side: ComparedSide) => void;
  readonly swapSides: () => void;
  /** Open an entry of the library beside the session, as the left side. */
  readonly compareWithLesson: (id: string) => Promise<void>;
  /** Keep the session as it is to compare others with, as the left side. */
  readonly keepBeside: () => Promise<void>;

  /** Pack the chosen walk for sending. */
  readonly openShare: () => Promise<void>;
  readonly closeShare: () => void;
  /** The whole session as text of a scenario file, or null when it cannot be had. */
  readonly wholeSession: () => Promise<string | null>;

  readonly notify: (notice: Omit<Notice, "id">) => void;
  readonly dismiss: (id: number) => void;
  readonly choosePreset: (preset: Preset) => void;
  readonly closePane: (pane: PaneId) => void;
  /** Open a pane where it is closed; where the preset does not have it, the first preset that has. */
  readonly showPane: (pane: PaneId) => void;
  readonly maximise: (pane: PaneId | null) => void;
  /** Begin to change what a stage of the chosen context maps, or leave off. */
  readonly editMap: (stage: 1 | 2 | null) => void;
  /** Show what memory is reached in several ways, or leave off. */
  readonly showOverlaps: (shown: boolean) => void;
  /** Every pane open and of its first size. */
  readonly resetLayout: () => void;
  readonly chooseTheme: (theme: Theme) => void;
  readonly showOver: (over: AppState["over"]) => void;
  readonly paste: (text: string) => void;
  /** Keep what was typed over the text `from`; the same text again is no draft. */
  readonly editText: (text: string, from: string) => void;
  /** Change a step of the draft, or of the text `from` where there is none. */
  readonly changeStep: (change: StepChange, from: string) => Promise<void>;
  /** Back to the session's text. */
  readonly dropText: () => void;
  /** Open the draft in place of the session. Where that fails, both stay. */
  readonly openText: () => Promise<void>;
}

/** A file that can be read; `name` may hold a path. */
export interface PickedFile {
  readonly name: string;
  readonly size: number;
  readonly read: () => Promise<Uint8Array>;
}

export type App = AppState & AppActions;
