/**
 * One open session: a machine, its log of actions, and the answers a page asks for.
 *
 * Synchronous and free of any host. Input that cannot be used comes back as a problem; looking changes nothing.
 */

import { high, low } from "../base/halves.ts";
import type {
  ActionResult,
  EventRecord,
  LeafColumns,
  LogRow,
  Problem,
  RecordedColumns,
  Result,
  SessionSummary,
  SharedCase,
  StreamRow,
  StructureAnswer,
  StructureQuery,
  TableMapColumns,
  WalkAnswer,
  Writer,
} from "../protocol/engine.ts";
import {
  type CacheView,
  type ExtentRow,
  type InvalidationAnswer,
  MAX_QUEUE_ENTRIES,
  type MemoryAnswer,
  type OwnerRow,
  type QueueEntry,
  type QueuesAnswer,
  type RegisterRow,
} from "../protocol/inspection.ts";
import { SESSION_LIMITS } from "../protocol/limits.ts";
import type { Access, Action, Arch, CommandWords, DeviceDescription, SessionDocument } from "../protocol/machine.ts";
import type { MapEdit, MapPlan } from "../protocol/map_edit.ts";
import type { OverlapAnswer, OverlapQuery } from "../protocol/overlaps.ts";
import type { JournalAnswer, SoftwareAnswer } from "../protocol/software.ts";
import type { Halt, Watch } from "../protocol/watch.ts";
import { actionProblem } from "./actions.ts";
import type { SoftwarePart } from "./actors.ts";
import { putCounts, takeCounts } from "./cache_counts.ts";
import { commanded, commandFault, takesCommands } from "./commands.ts";
import { hostSummary } from "./host_summary.ts";
import { invalidationOf } from "./inspect/invalidation.ts";
import { memoryExtents, sortOwners, viewMemory } from "./inspect/memory_view.ts";
import { planMapEdit } from "./inspect/plan_map_edit.ts";
import { editedBits, writerOf } from "./inspect/provenance.ts";
import { cutDown } from "./inspect/share.ts";
import { Machine } from "./machine.ts";
import { softwareWays } from "./map_ways.ts";
import { queueReaders } from "./queue_readers.ts";
import { unitsOf } from "./several_units.ts";
import { withSoftwareMemory } from "./software_memory.ts";
import { startTimeline } from "./software_timeline.ts";
import { StreamTally } from "./stream_tally.ts";
import type { Timeline } from "./timeline.ts";
import type { Architecture, Unit, UnitInspection } from "./unit.ts";
import { Watcher } from "./watcher.ts";

/** Most actions that are tried at once, and most steps of a session before them. */
const MOST_TRIED = 16;
const MOST_TRIED_STEPS = 1000;

/** A session at one of its steps. */
export interface LookedAt {
  readonly arch: Arch;
  readonly devices: readonly DeviceDescription[];
  readonly inspect: UnitInspection;
  /** Host, VMM and guest; null for a machine without. */
  readonly software: SoftwareAnswer | null;
  /** As in a summary. */
  readonly digest: string;
}

export class Session {
  #document: SessionDocument;
  readonly #architecture: Architecture;
  readonly #software: SoftwarePart | null;
  readonly #machine: Machine;
  readonly #timeline: Timeline;
  #revision = 1;
  readonly #tally = new StreamTally((from) => this.events(from).map(({ sid }) => sid));
  #streams: { revision: number; rows: StreamRow[] } | null = null;

  private constructor(
    document: SessionDocument,
    architecture: Architecture,
    software: SoftwarePart | null,
    machine: Machine,
    timeline: Timeline,
  ) {
    this.#document = document;
    this.#architecture = architecture;
    this.#software = software;
    this.#machine = machine;
    this.#timeline = timeline;
    for (const action of document.actions) this.#timeline.append(action);
  }

  /**
   * Open a document with all its actions applied.
   * @param architecture of the document's machine
   * @param software may be null where the document's machine has none
   */
  static open(
    document: SessionDocument,
    architecture: Architecture,
    software: SoftwarePart | null = null,
  ): Result<Session> {
    const title = "This session cannot be opened.";
    const fault = architecture.check(document.machine) ?? software?.fault(document.machine) ?? null;
    if (fault !== null) return problem(`machine.${fault.place}`, fault.detail, title);
    const machine = new Machine(withSoftwareMemory(document.machine), unitsOf(architecture.make));
    for (const [i, action] of document.actions.entries()) {
      const wrong = actionProblem(action, machine.unit, document.machine, `steps[${i}]`);
      if (wrong !== null) return { ok: false, error: wrong };
    }
    const timeline = startTimeline(machine, document.machine, software);
    if (typeof timeline === "string") return problem("machine.software", timeline, title);
    return { ok: true, value: new Session(document, architecture, software, machine, timeline) };
  }

  summary(): SessionSummary {
    const { title, about, recorded, view, notes, machine } = this.#document;
    return {
      revision: this.#revision,
      title,
      about,
      arch: machine.arch,
      actions: this.#timeline.log,
      actionCount: this.#timeline.log.length,
      step: this.#timeline.now,
      digest: this.#machine.digest(),
      capabilities: this.#unit.inspect.capabilities(),
      notModelled: this.#unit.inspect.notModelled(),
      streams: this.#streamRows().length,
      memory: { bytes: this.#machine.memory.bytes, outside: machine.memory.outside },
      recorded: { accesses: recorded.accesses.length, events: this.#eventCount },
      view: view?.access ?? null,
      notes: notes ?? [],
      ...hostSummary(machine.software),
    };
  }

  /** The document with the actions of now. */
  document(): SessionDocument {
    return { ...this.#document, actions: [...this.#timeline.log] };
  }

  /** Drop the actions after the current step, append one and apply it. */
  apply(action: Action): Result<SessionSummary> {
    const wrong = this.#append(action, "action");
    return wrong === null ? { ok: true, value: this.summary() } : { ok: false, error: wrong };
  }

  /**
   * As {@link apply}, several in a row; the first that cannot be done ends it, with those before it applied, and so does
   * the first that meets a watch, which is then applied.
   */
  applyAll(actions: readonly Action[], watches: readonly Watch[] = []): Result<SessionSummary> {
    const watcher = watches.length === 0 ? null : new Watcher(this.#machine, watches);
    for (const [i, action] of actions.entries()) {
      const wrong = this.#append(action, `actions[${i}]`);
      if (wrong !== null) return { ok: false, error: wrong };
      const halt = watcher?.met();
      if (halt != null) return { ok: true, value: { ...this.summary(), halt } };
    }
    return { ok: true, value: this.summary() };
  }

  /** Actions of the log with what became of them. */
  log(from: number, count: number): { total: number; rows: LogRow[] } {
    const { log, now } = this.#timeline;
    const rows = log.slice(from, from + count).map((action, i): LogRow => {
      const done = from + i < now ? this.#timeline.doneAt(from + i) : null;
      return { index: from + i, action, result: done?.result ?? null, records: done?.records ?? 0 };
    });
    return { total: log.length, rows };
  }

  /** Go to the state after the first `step` actions; forward, no further than the first action that meets a watch. */
  seek(step: number, watches: readonly Watch[] = []): Result<SessionSummary> {
    const wrong = this.#stepProblem(step);
    if (wrong !== null) return wrong;
    this.#revision++;
    const halt = watches.length === 0 ? null : this.#runTo(step, new Watcher(this.#machine, watches));
    if (halt !== null) return { ok: true, value: { ...this.summary(), halt } };
    this.#timeline.seek(step);
    return { ok: true, value: this.summary() };
  }

  /** Go forward action by action until a watch is met; null where none is up to `step`. */
  #runTo(step: number, watcher: Watcher): Halt | null {
    while (this.#timeline.now < step) {
      this.#timeline.seek(this.#timeline.now + 1);
      const halt = watcher.met();
      if (halt !== null) return halt;
    }
    return null;
  }

  /** Host, VMM and guest after the current step. */
  software(): SoftwareAnswer | null {
    const { actors, now } = this.#timeline;
    if (actors === null) return null;
    return {
      revision: this.#revision,
      objects: actors.objects(now),
      guestLog: actors.guestLog(now),
      refused: actors.refused(now),
      hazards: actors.hazards.filter(({ action }) => action < now),
      ...actors.cost(now),
      before: now === 0 ? null : actors.cost(now - 1),
      prices: actors.prices,
    };
  }

  /** What the actors did up to the current step. */
  journal(from: number, count: number): JournalAnswer {
    const { actors, now } = this.#timeline;
    const kept = actors?.journal(now, from, count) ?? { total: 0, entries: [] };
    return { revision: this.#revision, ...kept };
  }

  streams(from: number, count: number): { total: number; rows: StreamRow[] } {
    const rows = this.#streamRows();
    return { total: rows.length, rows: rows.slice(from, from + count) };
  }

  leaves(sid: number, ssid: number | null): LeafColumns {
    return this.#look((inspect) => inspect.leaves(sid, ssid, this.#revision));
  }

  recorded(): RecordedColumns {
    const { accesses } = this.#document.recorded;
    const reaches = this.#look(() => accesses.map(({ access }) => this.#unit.reach(access)));
    const n = accesses.length;
    const columns = {
      revision: this.#revision,
      count: n,
      sid: new Uint32Array(n),
      iovaLo: new Uint32Array(n),
      iovaHi: new Uint32Array(n),
      write: new Uint8Array(n),
      paLo: new Uint32Array(n),
      paHi: new Uint32Array(n),
      went: new Uint8Array(n),
      agrees: new Uint8Array(n),
    };
    accesses.forEach(({ access, pa }, i) => {
      columns.sid[i] = access.sid;
      columns.iovaLo[i] = low(access.iova);
      columns.iovaHi[i] = high(access.iova);
      columns.write[i] = access.write ? 1 : 0;
      columns.paLo[i] = low(pa ?? 0n);
      columns.paHi[i] = high(pa ?? 0n);
      columns.went[i] = pa === null ? 0 : 1;
      const reach = reaches[i]!;
      const same = reach.end === "ok" ? reach.pa === pa : pa === null;
      columns.agrees[i] = reach.end === "unknown" ? 2 : same ? 1 : 0;
    });
    return columns;
  }

  /** What was recorded on the real thing, then what this session recorded itself, without the first `from`. */
  events(from = 0): EventRecord[] {
    const given = this.#document.recorded.events.slice(from).map(({ words }) => {
      return this.#unit.inspect.record(Uint32Array.from(words.flatMap((word) => [low(word), high(word)])));
    });
    const own = Math.max(0, from - this.#document.recorded.events.length);
    const unit = this.#unit;
    const recorded = unit.records(own).map((words, i): EventRecord => {
      const iommu = unit.posterOf?.(own + i);
      return { ...unit.inspect.record(words), ...(iommu === undefined ? {} : { iommu }) };
    });
    return [...given, ...recorded];
  }

  /** @param before on the machine as the newest action found it: before its transaction filled caches and tables */
  walk(access: Access, before = false): WalkAnswer {
    const { now } = this.#timeline;
    const walk = (): WalkAnswer => this.#look((inspect) => inspect.walk(access, this.#revision));
    return before && now > 0 ? this.#at(now - 1, walk) : walk();
  }

  /** Look at the state after the first `step` actions, and stay where the session is. */
  lookAt<T>(step: number, look: (there: LookedAt) => T): Result<T> {
    const wrong = this.#stepProblem(step);
    if (wrong !== null) return wrong;
    const { arch, devices } = this.#document.machine;
    const there = (inspect: UnitInspection): LookedAt => {
      return { arch, devices, inspect, software: this.software(), digest: this.#machine.digest() };
    };
    return { ok: true, value: this.#at(step, () => this.#look((inspect) => look(there(inspect)))) };
  }

  structure(query: StructureQuery): StructureAnswer {
    const answer = this.#look((inspect) => inspect.structure(query));
    const known = { revision: this.#revision, query, ...answer };
    if (answer.words === null) return { ...known, editedBits: [], writtenBy: null };
    return {
      ...known,
      editedBits: editedBits(this.#machine.memory, this.#timeline, query.pa, answer.words),
      writtenBy: this.writer(query.pa, answer.words.byteLength),
    };
  }

  writer(at: bigint, bytes: number): Writer | null {
    return writerOf(this.#machine.memory, this.#timeline, { at: Number(at), bytes });
  }

  tableMap(sid: number, ssid: number | null, stage: 1 | 2): TableMapColumns | null {
    return this.#look((inspect) => inspect.tableMap(sid, ssid, stage, this.#revision));
  }

  /**
   * Look for memory that is reached in more than one way, a part of the search at a time. It comes to null where the
   * session has changed meanwhile.
   */
  *overlaps(query: OverlapQuery): Generator<number, OverlapAnswer | null> {
    const revision = this.#revision;
    const search = this.#unit.inspect.overlaps(query, this.#streamRows());
    for (;;) {
      const { done, value } = search.next();
      if (done === true) return { revision, ...value };
      yield value;
      if (this.#revision !== revision) return null;
    }
  }

  /** The ways to change tables, the owner's first. */
  planEdit(edit: MapEdit): Result<readonly MapPlan[]> {
    const { machine } = this.#document;
    const { software } = machine;
    const place = `stage ${edit.stage}`;
    const planned = this.#look((inspect) => planMapEdit(inspect, this.#machine.memory, edit));
    const revision = this.#revision;
    if (software !== undefined) {
      const objects = this.#timeline.actors?.objects(this.#timeline.now) ?? [];
      const ways = softwareWays({ ...machine, software }, objects, edit, planned);
      if (ways.length > 0) return { ok: true, value: ways.map((way) => ({ revision, ...way })) };
    }
    if (typeof planned === "string") return problem(place, planned);
    const unheard = planned.actions.some((a) => a.do === "command" && !takesCommands(this.#unit, a.queue));
    if (unheard) return problem(place, "A queue of commands is not enabled.");
    return { ok: true, value: [{ revision, by: "commands", about: "", ...planned }] };
  }

  registers(): { revision: number; rows: readonly RegisterRow[] } {
    return { revision: this.#revision, rows: this.#unit.inspect.registers() };
  }

  queues(): QueuesAnswer {
    const queues = this.#look((inspect) => inspect.queues());
    const { log, now } = this.#timeline;
    const readers = queueReaders(this.#unit, queues, this.#document.machine, log.slice(0, now));
    const commands = queues.map(({ id }) => id).filter((id) => commanded(this.#unit, id) !== null);
    return { revision: this.#revision, queues, commands, readers };
  }

  /** What a command would take out of the caches. */
  invalidation(command: CommandWords): Result<InvalidationAnswer> {
    const fault = commandFault(this.#unit, command);
    if (fault !== null) return problem(command.name, fault);
    if (!takesCommands(this.#unit, command.queue)) return problem(command.name, "Its queue is not enabled.");
    const drops = invalidationOf(this.#machine, command, (look) => this.#timeline.aside(look));
    return { ok: true, value: { revision: this.#revision, ...drops } };
  }

  queueEntries(id: string, from: number, count: number): readonly QueueEntry[] {
    return this.#look((inspect) => inspect.queueEntries(id, from, Math.min(count, MAX_QUEUE_ENTRIES)));
  }

  caches(): { revision: number; caches: readonly CacheView[] } {
    return { revision: this.#revision, caches: this.#look((inspect) => inspect.caches()) };
  }

  memory(at: bigint, length: number): MemoryAnswer {
    return viewMemory(this.#machine.memory, at, length, this.#revision);
  }

  owners(): { revision: number; rows: readonly OwnerRow[]; truncated: boolean } {
    return { revision: this.#revision, ...this.#look((inspect) => sortOwners(inspect.owners())) };
  }

  extents(): { revision: number; rows: readonly ExtentRow[]; truncated: boolean } {
    return {
      revision: this.#revision,
      ...memoryExtents(this.#machine.memory, this.#document.machine.memory.zero),
    };
  }

  /**
   * What would become of each of these actions if it were the next one: tried one by one on a copy, which is brought back
   * after each. For software that means to be booted anew, so that it is for sessions of a few steps.
   */
  trial(actions: readonly Action[]): Result<readonly ActionResult[]> {
    const { now, log } = this.#timeline;
    if (now > MOST_TRIED_STEPS || actions.length > MOST_TRIED) {
      return problem("the copy", `At most ${MOST_TRIED} actions are tried, after at most ${MOST_TRIED_STEPS} steps.`);
    }
    const document = { ...this.#document, actions: log.slice(0, now) };
    const copy = Session.open(document, this.#architecture, this.#software);
    if (!copy.ok) return copy;
    const results: ActionResult[] = [];
    for (const action of actions) {
      copy.value.#timeline.seek(now);
      const wrong = copy.value.#append(action, "action");
      if (wrong !== null) return { ok: false, error: wrong };
      results.push(copy.value.#timeline.doneAt(now)!.result);
    }
    return { ok: true, value: results };
  }

  /** The session cut down to one walk; refused when the cut case would not show the same walk. */
  share(access: Access): Result<SharedCase> {
    const walkDigest = this.walk(access).digest;
    const { now } = this.#timeline;
    try {
      for (const document of cutDown(this.#machine, this.#timeline, access, this.#document, this.#architecture)) {
        const copy = Session.open(document, this.#architecture, this.#software);
        if (copy.ok && copy.value.walk(access).digest === walkDigest)
          return { ok: true, value: { document, walkDigest } };
      }
    } finally {
      this.#timeline.seek(now);
    }
    return problem("this walk", "The memory it touches does not make it alone. Save the session as a file instead.");
  }

  /** Look at the machine as it is: what is looked for in its caches is no use of them. */
  #look<T>(look: (inspect: UnitInspection) => T): T {
    const counts = takeCounts(this.#unit);
    const seen = look(this.#unit.inspect);
    putCounts(this.#unit, counts);
    return seen;
  }

  #stepProblem(step: number): ReturnType<typeof problem> | null {
    const last = this.#timeline.log.length;
    if (Number.isInteger(step) && step >= 0 && step <= last) return null;
    return problem(`step ${step}`, `The session has steps 0 to ${last}.`);
  }

  #at<T>(step: number, look: () => T): T {
    const { now } = this.#timeline;
    this.#timeline.seek(step);
    const seen = look();
    this.#timeline.seek(now);
    return seen;
  }

  #append(action: Action, place: string): Problem | null {
    const wrong = actionProblem(action, this.#unit, this.#document.machine, place);
    if (wrong !== null) return wrong;
    if (this.#timeline.now >= SESSION_LIMITS.actions) {
      const detail = `A session takes ${SESSION_LIMITS.actions} actions at most.`;
      return { title: "This action cannot be done.", place, detail };
    }
    if (this.#timeline.now < this.#timeline.log.length) this.#forgetAhead();
    this.#timeline.append(action);
    this.#revision++;
    return null;
  }

  /** What was counted of the actions after the current step, and the notes to them, go with them. */
  #forgetAhead(): void {
    this.#tally.forget();
    const { notes } = this.#document;
    if (notes === undefined) return;
    this.#document = { ...this.#document, notes: notes.filter(({ step }) => step <= this.#timeline.now) };
  }

  get #unit(): Unit {
    return this.#machine.unit;
  }

  get #eventCount(): number {
    return this.#document.recorded.events.length + this.#unit.recordCount;
  }

  #streamRows(): StreamRow[] {
    if (this.#streams?.revision === this.#revision) return this.#streams.rows;
    const tallied = this.#tally.at(this.#eventCount);
    const rows = this.#look((inspect) => inspect.streams(this.#document.machine.devices, tallied));
    this.#streams = { revision: this.#revision, rows };
    return rows;
  }
}

function problem(place: string, detail: string, title = "That cannot be done."): { ok: false; error: Problem } {
  return { ok: false, error: { title, place, detail } };
}
