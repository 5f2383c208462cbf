/**
 * The engine as a page sees it: every call that crosses the worker boundary, and the plain data it answers with.
 *
 * A call answers `Result`; an error is input the user can put right and names the place. Large answers are
 * columns of typed arrays, transferred. Every answer carries the revision it was computed for.
 */
import type { BenchJob, BenchRow, BenchWork } from "./bench.ts";
import type { ComparisonApi } from "./comparison.ts";
import type { ErasApi } from "./eras.ts";
import type { InspectionApi } from "./inspection.ts";
import type { Access, Action, Arch, Note, SessionDocument } from "./machine.ts";
import type { MapEdit, MapPlan } from "./map_edit.ts";
import type { OverlapApi } from "./overlaps.ts";
import type { Era, JournalAnswer, SoftwareAnswer } from "./software.ts";
import type { Halt, Watch } from "./watch.ts";

/** Either a value or a message that names the place. */
export type Result<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: Problem };

/** Something wrong with an input. */
export interface Problem {
  /** One sentence: the consequence. */
  readonly title: string;
  /** Where: file, key, register, character. */
  readonly place: string;
  /** What was found there and what would be right. */
  readonly detail: string;
}

/** A file the user chose, dropped or was sent; `name` may hold a path. */
export interface InputFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** How far a long call has come: `done` of `total` units of `what`. */
export interface Progress {
  readonly what: string;
  readonly done: number;
  readonly total: number;
}

/** The open session in brief. */
export interface SessionSummary {
  /** Grows by one with every change of state; answers carry it. */
  readonly revision: number;
  readonly title: string;
  readonly about: string;
  readonly arch: Arch;
  /** All actions in the log, and how many of them are applied. */
  readonly actions: readonly Action[];
  readonly actionCount: number;
  readonly step: number;
  /** Digest of registers, memory and events at `step`, hexadecimal. */
  readonly digest: string;
  /** What the IOMMU of this session offers: a name, a value and the register field it comes from. */
  readonly capabilities: readonly { readonly name: string; readonly value: string; readonly from: string }[];
  /** Things this session asks for that the model leaves out, a sentence each. */
  readonly notModelled: readonly string[];
  readonly streams: number;
  readonly memory: { readonly bytes: number; readonly outside: "abort" | "unknown" };
  /** Accesses that were recorded on the real thing; events recorded there and, up to `step`, here. */
  readonly recorded: { readonly accesses: number; readonly events: number };
  /** The access the document asks to look at first, or null. */
  readonly view: Access | null;
  /** Remarks for a reader, in order of their steps. */
  readonly notes: readonly Note[];
  /** The host's kernel, where there is a host. */
  readonly era?: Era;
  /** What that has besides, each in words that stand after "with"; absent without a host. */
  readonly patches?: readonly string[];
  /** Why the call that this answers stopped before its end; absent where it did not. */
  readonly halt?: Halt;
}

/** An answer to a page request, from the IOMMU at once or from software by a command. */
interface PageResponse {
  readonly sid: number;
  /** PASID it carries, null for none. */
  readonly ssid: number | null;
  readonly prgIndex: number;
  /** 0 success, 1 invalid request, 15 failure. */
  readonly code: number;
}

/** What became of an action; of data that was read, the first 64 bytes. */
export type ActionResult =
  /** Memory or a register was written; `false` where nothing took the write. */
  | { readonly type: "written"; readonly taken: boolean }
  /** A transaction went to `pa`, null as an interrupt message. `data`: what a read brought, null for none. */
  | { readonly type: "went"; readonly pa: bigint | null; readonly data: Uint8Array | null }
  /**
   * It was terminated; `razwi`: a read gave zeros and a write vanished, instead of an abort. `unknown`: the address of
   * memory that the session lacks, where that was the cause.
   */
  | { readonly type: "refused"; readonly razwi: boolean; readonly unknown: bigint | null }
  /** It waits for software under this number, counted from 0 over the session. */
  | { readonly type: "stalled"; readonly stall: number }
  /** A Translation Completion with a translation; `pa` is null where neither read nor write is granted. */
  | {
      readonly type: "translation";
      /** Bit 0 read, 1 write, 2 execute. */
      readonly permissions: number;
      readonly privileged: boolean;
      readonly noSnoop: boolean;
      readonly untranslatedOnly: boolean;
      readonly pa: bigint | null;
      readonly sizeLg2: number;
    }
  /** A Translation Completion without one: Unsupported Request, Completer Abort, or memory that the session lacks. */
  | { readonly type: "no translation"; readonly status: "UR" | "CA" | "unknown"; readonly unknown: bigint | null }
  /** A Page Request reached its queue, or was discarded: with an automatic response, or without (null). */
  | { readonly type: "page"; readonly queued: boolean; readonly response: PageResponse | null }
  /** What a device did about an access: how it went out, or why it did not. */
  | {
      readonly type: "device";
      readonly turn: "translated" | "untranslated" | "waiting" | "denied" | "unknown";
      /** Its translation came from its own cache. */
      readonly hit: boolean;
      /** Why it was denied, or the group of page requests it waits for; empty for none. */
      readonly why: string;
      readonly pa: bigint | null;
      readonly data: Uint8Array | null;
    }
  /** What software did about what it was asked: done, or why not. */
  | { readonly type: "software"; readonly done: boolean; readonly about: string };

/** An action of the log. */
export interface LogRow {
  /** Steps applied before it: its number from 0. */
  readonly index: number;
  readonly action: Action;
  /** What became of it; null where it is not applied. */
  readonly result: ActionResult | null;
  /** Event or fault records that it left. */
  readonly records: number;
}

/** A stream with a stream table entry worth showing: valid, malformed, or of a known device. */
export interface StreamRow {
  readonly sid: number;
  readonly bdf: string | null;
  readonly label: string | null;
  /** What the STE makes of the stream. */
  readonly state: "abort" | "bypass" | "stage 1" | "stage 2" | "nested" | "invalid" | "unknown";
  /** Why, where the state is invalid or unknown. */
  readonly why: string | null;
  /** What its translations are tagged with: VMID and ASID, DID, or DomainID, as far as they apply. */
  readonly tags: readonly Tag[];
  /** Contexts that are set up: SubstreamIDs (PASIDs), at most 64 of them. */
  readonly ssids: readonly number[];
  /** Recorded fault events of this stream. */
  readonly events: number;
}

/** A device of the machine's description. */
export interface DeviceRow {
  readonly sid: number;
  readonly bdf: string;
  readonly label: string;
  /** It has a translation cache of its own, and who drives it has turned that on. */
  readonly ats: boolean;
  /** Id by which the kernel that drives it knows it; null where no kernel does. */
  readonly kernelId: number | null;
}

/** A number that entries of caches carry, by the architecture's name for it. */
export interface Tag {
  readonly name: string;
  readonly value: number;
}

/** How one leaf translation turns out; index into {@link LeafColumns.status}. */
export const LeafStatus = { Ok: 0, Stage1Fault: 1, Stage2Fault: 2, Unknown: 3 } as const;

/** Mapped ranges of a context, in ascending order of address; a row for each leaf (block or page) of the outer stage. */
export interface LeafColumns {
  readonly revision: number;
  readonly count: number;
  /** True when there were more leaves than the cap; `count` is then the cap. */
  readonly truncated: boolean;
  readonly iovaLo: Uint32Array;
  readonly iovaHi: Uint32Array;
  /** log2 of bytes mapped. */
  readonly sizeLg2: Uint8Array;
  /** Output of the first byte, valid where status is Ok. */
  readonly paLo: Uint32Array;
  readonly paHi: Uint32Array;
  /** Bit 0 read, 1 write, 2 execute; both stages together, for an unprivileged access. */
  readonly permissions: Uint8Array;
  readonly status: Uint8Array;
  /** Index into the architecture's reasons where status is not Ok. */
  readonly reason: Uint16Array;
  /** Physical address of the leaf descriptor (stage 1, or stage 2 where stage 1 is off). */
  readonly leafLo: Uint32Array;
  readonly leafHi: Uint32Array;
}

/** Recorded accesses, compared with what the model answers at this revision. */
export interface RecordedColumns {
  readonly revision: number;
  readonly count: number;
  readonly sid: Uint32Array;
  readonly iovaLo: Uint32Array;
  readonly iovaHi: Uint32Array;
  readonly write: Uint8Array;
  /** Recorded output; valid where `went` is 1. */
  readonly paLo: Uint32Array;
  readonly paHi: Uint32Array;
  readonly went: Uint8Array;
  /** 1 where the model agrees, 0 where it does not, 2 where the session lacks the memory to tell. */
  readonly agrees: Uint8Array;
}

/** One record of the IOMMU's event queue, or one it would write. */
export interface EventRecord {
  readonly number: number;
  readonly name: string;
  /** 32-bit words, lowest first. */
  readonly words: Uint32Array;
  /** The stream (requester) it is about, or null where its kind does not say. */
  readonly sid: number | null;
  /** The transaction it tells of, or null where its kind does not say. */
  readonly access: Access | null;
  /** Number of the IOMMU that recorded it, of several; absent: of one, or recorded elsewhere. */
  readonly iommu?: number;
}

/** What a translation stage was configured as, for captions. Levels count table accesses of a full walk. */
export interface StageSummary {
  /** As the architecture calls it: "Stage 1", "First stage", "Guest tables". */
  readonly name: string;
  readonly granuleLg2: number;
  readonly inputBits: number;
  /** First level as the architecture numbers it. */
  readonly startLevel: number;
  readonly levels: number;
  /** Root table address (IPA for a nested stage 1), after concatenation is applied its first table. */
  readonly root: bigint;
  /** Number of concatenated root tables; 1 for none. */
  readonly concatenated: number;
  /** The field that holds the root, such as "TTB0". */
  readonly base: string;
}

/** What became of an access. */
export type Outcome =
  /** It went through to `pa`. `permissions` as in {@link LeafColumns}; `sizeLg2` is the smaller of both stages' leaves. */
  | {
      readonly type: "ok";
      readonly pa: bigint;
      readonly permissions: number;
      readonly sizeLg2: number;
      readonly bypass: boolean;
    }
  /** It was refused and `event` recorded. */
  | { readonly type: "fault"; readonly event: EventRecord; readonly reason: number }
  /** It would wait for software, with `event` recorded. */
  | { readonly type: "stalled"; readonly event: EventRecord; readonly reason: number }
  /** It was taken as an interrupt message, which `what` describes. */
  | { readonly type: "interrupt"; readonly what: string }
  /** It was refused and nothing recorded. */
  | { readonly type: "abort"; readonly reason: number }
  /** The session does not hold the memory the IOMMU would have read. */
  | { readonly type: "unknown"; readonly pa: bigint; readonly what: string };

/** One check in the order the architecture makes them. */
export interface CheckLine {
  readonly state: "passed" | "failed" | "would fail too" | "not reached";
  readonly text: string;
  /** Such as "IHI 0070 §5.2". */
  readonly section: string;
  /** The trace record that shows it, or null. */
  readonly record: number | null;
}

/** A property of the memory that an access reaches: what each stage says of it, and what both come to. */
export interface CombinedProperty {
  /** Such as "Privileged" (rights of such accesses), "Memory type", "Snooping". */
  readonly name: string;
  /** What the device asks for; null where it has no say. */
  readonly asked: string | null;
  /** What each stage says by itself; null where it is off, has no say or was not read. */
  readonly stage1: string | null;
  readonly stage2: string | null;
  readonly together: string;
  /** What overrode what; empty where nothing did. */
  readonly why: string;
  /** Such as "IHI 0070 §13.1.5". */
  readonly section: string;
}

/** A translation with everything that happened on the way. */
export interface WalkAnswer {
  readonly revision: number;
  /** Reasons, levels and structures are numbered and named as this architecture does. */
  readonly arch: Arch;
  readonly access: Access;
  readonly outcome: Outcome;
  /** Records, TRACE_WORDS words each. */
  readonly trace: Uint32Array;
  /** Memory accesses: to configuration (with stage 2 beneath it), and to tables of either stage for the address itself. */
  readonly counts: { readonly config: number; readonly stage1: number; readonly stage2: number };
  readonly stage1: StageSummary | null;
  readonly stage2: StageSummary | null;
  /** What the translation is tagged with. */
  readonly tags: readonly Tag[];
  readonly checks: readonly CheckLine[];
  /** How both stages combine; empty where no leaf was reached. */
  readonly combined: readonly CombinedProperty[];
  /** Digest of trace and outcome, hexadecimal: equal digests, equal pictures. */
  readonly digest: string;
}

/** Structures the inspector can show at an address; configuration structures by the names of `TraceKind`. */
export type StructureKind =
  | "L1STD"
  | "STE"
  | "L1CD"
  | "CD"
  | "VMS"
  | "RootEntry"
  | "ContextEntry"
  | "PasidDirectoryEntry"
  | "PasidEntry"
  | "DTE"
  | "GCR3"
  | "IRTE"
  | "S1 descriptor"
  | "S2 descriptor";

/** Which structure to show. */
export interface StructureQuery {
  readonly kind: StructureKind;
  readonly pa: bigint;
  /** For descriptors: level and granule, which decide the meaning of the bits. */
  readonly level: number;
  readonly granuleLg2: number;
  /** Stream it was reached from, for rules that depend on it. */
  readonly sid: number;
}

/** A rule of the specification that the structure breaks. */
export interface LintFinding {
  readonly severity: "illegal" | "warning";
  /** Field the rule is about, as its layout names it. */
  readonly field: string;
  readonly text: string;
  readonly section: string;
}

/** Who wrote to a place in memory. */
export interface Writer {
  /** Index of the action during which that happened; null for what software wrote before the first. */
  readonly action: number | null;
  /**
   * `hand`: the action itself. A device moves data; what the IOMMU writes is its own. `earlier`: nobody from that action
   * on, and the search went no further back.
   */
  readonly by: "hand" | "device" | "IOMMU" | "host" | "VMM" | "guest" | "earlier";
}

/** The structure's bits and what is wrong with them. */
export interface StructureAnswer {
  readonly revision: number;
  readonly query: StructureQuery;
  /** 32-bit words; null where the session does not hold the memory. */
  readonly words: Uint32Array | null;
  readonly lint: readonly LintFinding[];
  /** Bits changed since the session began, as bit numbers of the structure. */
  readonly editedBits: readonly number[];
  /** Who wrote here last, or null when it stands as the machine was described. */
  readonly writtenBy: Writer | null;
  /**
   * Of two forms that a kind has, the larger: descriptors with 52-bit addresses, which move some bits; scalable-mode root
   * and context entries; 128-bit interrupt remapping entries.
   */
  readonly wide: boolean;
}

/** Nodes of the table map: tables and runs of leaves, parents before children. */
export const MapNodeKind = { Table: 0, Leaves: 1, Bad: 2, Unknown: 3 } as const;

/** The tables of one stage of a context, aggregated: a node for each table and for each run of alike leaves in it. */
export interface TableMapColumns {
  readonly revision: number;
  readonly stage: 1 | 2;
  readonly inputBits: number;
  readonly granuleLg2: number;
  readonly startLevel: number;
  readonly count: number;
  readonly truncated: boolean;
  /** Leaves and tables in all. */
  readonly leaves: number;
  readonly tables: number;
  readonly kind: Uint8Array;
  /** Level of the table, or of the table that holds the run; as the architecture numbers it, plus 1. */
  readonly level: Uint8Array;
  /** Index of the node above, -1 for a root. */
  readonly parent: Int32Array;
  /** First input address covered, and one past the last. */
  readonly fromLo: Uint32Array;
  readonly fromHi: Uint32Array;
  readonly toLo: Uint32Array;
  readonly toHi: Uint32Array;
  /**
   * Table: its address; run: output of its first leaf; broken entries: the address they hold, or their own where they
   * cannot be read. IPA where stage 2 lies beneath stage 1.
   */
  readonly atLo: Uint32Array;
  readonly atHi: Uint32Array;
  /** Table: entries in use; run: leaves in it. */
  readonly used: Uint32Array;
  /** Bit 0 read, 1 write, 2 execute; bit 3 the leaves have their Contiguous bit set. */
  readonly permissions: Uint8Array;
  /** Index into the architecture's reasons for broken entries, 0 otherwise. */
  readonly reason: Uint16Array;
}

/** A case cut down to what one walk touches. */
export interface SharedCase {
  readonly document: SessionDocument;
  /** Digest the walk has in the case, equal to the one it has here. */
  readonly walkDigest: string;
}

/** Calls the worker answers; those that look at the hardware's parts are in `inspection.ts`, or compare in `comparison.ts`. */
export interface EngineApi extends InspectionApi, ComparisonApi, ErasApi, OverlapApi {
  /**
   * Open a document in place of the session that is open. On an error, or when cancelled, the open one stays.
   * Files may be: capture.json with its memory file, one zip of them, or one scenario file.
   */
  openFiles(files: readonly InputFile[], report: (p: Progress) => void): Promise<Result<SessionSummary>>;
  openDocument(document: SessionDocument): Promise<Result<SessionSummary>>;
  /** As {@link openFiles}, the capture that comes with the page at the address `base`. */
  openShipped(base: string, report: (p: Progress) => void): Promise<Result<SessionSummary>>;
  /** Stop a running `openFiles` or `openShipped`. */
  cancel(): Promise<void>;
  summary(): Promise<SessionSummary>;
  /** The whole session as a document, for saving to a file and for starting again after a crash. */
  document(): Promise<SessionDocument>;
  /** Drop the actions after the current step, append one and apply it. */
  apply(action: Action): Promise<Result<SessionSummary>>;
  /**
   * As {@link apply}, several in a row; the first that cannot be done ends it, with those before it applied, and so does
   * the first that meets a watch, which is then applied.
   */
  applyAll(actions: readonly Action[], watches?: readonly Watch[]): Promise<Result<SessionSummary>>;
  /**
   * What would become of each of these actions, at most 16, if it were the next one; the session stays as it is. A problem
   * after more than 1000 steps.
   */
  trial(actions: readonly Action[]): Promise<Result<readonly ActionResult[]>>;
  /** Actions of the log with what became of them. */
  log(from: number, count: number): Promise<{ readonly total: number; readonly rows: readonly LogRow[] }>;
  /** Go to the state after the first `step` actions; forward, no further than the first action that meets a watch. */
  seek(step: number, watches?: readonly Watch[]): Promise<Result<SessionSummary>>;
  streams(from: number, count: number): Promise<{ readonly total: number; readonly rows: readonly StreamRow[] }>;
  devices(): Promise<readonly DeviceRow[]>;
  leaves(sid: number, ssid: number | null): Promise<LeafColumns>;
  recorded(): Promise<RecordedColumns>;
  /** Recorded events, then those of the session, without the first `from`. */
  events(from?: number): Promise<readonly EventRecord[]>;
  /** `before`: on the machine as the newest action found it, which is how that action's own transaction was walked. */
  walk(access: Access, before?: boolean): Promise<WalkAnswer>;
  structure(query: StructureQuery): Promise<StructureAnswer>;
  /** Nodes of a stage's tables; null when the stream does not use that stage. */
  tableMap(sid: number, ssid: number | null, stage: 1 | 2): Promise<TableMapColumns | null>;
  /** The ways to change what a stage maps, one at least, the owner's first. */
  planEdit(edit: MapEdit): Promise<Result<readonly MapPlan[]>>;
  /** Host, VMM and guest; null for a machine without software. */
  software(): Promise<SoftwareAnswer | null>;
  /** What the actors did up to the current step, oldest first. */
  journal(from: number, count: number): Promise<JournalAnswer>;
  share(access: Access): Promise<Result<SharedCase>>;
  /** Work that can be measured. */
  benchWorks(): Promise<readonly BenchWork[]>;
  /** Measure one work; nothing else is answered meanwhile. */
  bench(job: BenchJob): Promise<readonly BenchRow[]>;
}
