/**
 * One open session: a machine, its log of actions, and the answers a page asks for.
 *
 * Synchronous and free of any host. Input that cannot be used comes back as a problem; looking changes nothing.
 */
import { registerByName } from "../arch/smmuv3/registers.ts";
import { EVENT_WORDS } from "../engine/smmuv3/event_record.ts";
import { End } from "../engine/smmuv3/translation.ts";
import type {
  EventRecord,
  LeafColumns,
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
} from "../protocol/engine.ts";
import type { Access, Action, SessionDocument } from "../protocol/machine.ts";
import { capabilityRows, notModelled } from "./inspect/capabilities.ts";
import { listLeaves } from "./inspect/leaves.ts";
import { cutDown } from "./inspect/share.ts";
import { listStreams } from "./inspect/streams.ts";
import { inspectStructure } from "./inspect/structure.ts";
import { mapTables } from "./inspect/table_map.ts";
import { eventRecord, inspectWalk } from "./inspect/walk.ts";
import { Machine } from "./machine.ts";
import { Timeline } from "./timeline.ts";

/** Registers that say what the SMMU offers. A case that was cut down leaves out those that are zero, but never these. */
const REQUIRED = ["IDR0", "IDR5"] as const;

/** Most actions a session takes. */
const MAX_ACTIONS = 1 << 20;

export class Session {
  readonly #document: SessionDocument;
  readonly #machine: Machine;
  readonly #timeline: Timeline;
  #revision = 1;
  #streams: { revision: number; rows: StreamRow[] } | null = null;

  private constructor(document: SessionDocument) {
    this.#document = document;
    this.#machine = new Machine(document.machine);
    this.#timeline = new Timeline(this.#machine);
    for (const action of document.actions) this.#timeline.append(action);
  }

  /** Open a document with all its actions applied. */
  static open(document: SessionDocument): Result<Session> {
    const { registers } = document.machine;
    for (const name of REQUIRED) {
      if (registers[name] === undefined && registers[`SMMU_${name}`] === undefined) {
        return problem(`machine.registers.${name}`, MISSING, "This session cannot be opened.");
      }
    }
    const bad = document.actions.findIndex((action) => actionProblem(action) !== null);
    if (bad >= 0) return { ok: false, error: actionProblem(document.actions[bad]!, `steps[${bad}]`)! };
    return { ok: true, value: new Session(document) };
  }

  summary(): SessionSummary {
    const { title, about, recorded, view, machine } = this.#document;
    return {
      revision: this.#revision,
      title,
      about,
      arch: machine.arch,
      actions: this.#timeline.log,
      step: this.#timeline.now,
      digest: this.#machine.digest(),
      capabilities: capabilityRows(this.#machine),
      notModelled: notModelled(this.#machine),
      streams: this.#streamRows().length,
      memory: { bytes: this.#machine.memory.bytes, outside: machine.memory.outside },
      recorded: { accesses: recorded.accesses.length, events: recorded.events.length },
      view: view?.access ?? null,
    };
  }

  /** The document with the actions of now. */
  document(): SessionDocument {
    return { ...this.#document, actions: [...this.#timeline.log] };
  }

  /** Drop the actions after the current step, append one and apply it. */
  apply(action: Action): Result<SessionSummary> {
    const wrong = actionProblem(action);
    if (wrong !== null) return { ok: false, error: wrong };
    if (this.#timeline.now >= MAX_ACTIONS) return problem("actions", `A session takes ${MAX_ACTIONS} actions at most.`);
    this.#timeline.append(action);
    this.#revision++;
    return { ok: true, value: this.summary() };
  }

  /** Go to the state after the first `step` actions. */
  seek(step: number): Result<SessionSummary> {
    const last = this.#timeline.log.length;
    if (!Number.isInteger(step) || step < 0 || step > last) {
      return problem(`step ${step}`, `The session has steps 0 to ${last}.`);
    }
    this.#timeline.seek(step);
    this.#revision++;
    return { ok: true, value: this.summary() };
  }

  streams(from: number, count: number): { total: number; rows: StreamRow[] } {
    const rows = this.#streamRows();
    return { total: rows.length, rows: rows.slice(from, from + count) };
  }

  leaves(sid: number, ssid: number | null): LeafColumns {
    return listLeaves(this.#machine, sid, ssid, this.#revision);
  }

  recorded(): RecordedColumns {
    const { accesses } = this.#document.recorded;
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
      columns.iovaLo[i] = Number(access.iova & 0xffffffffn);
      columns.iovaHi[i] = Number(access.iova >> 32n);
      columns.write[i] = access.write ? 1 : 0;
      columns.paLo[i] = Number((pa ?? 0n) & 0xffffffffn);
      columns.paHi[i] = Number((pa ?? 0n) >> 32n);
      columns.went[i] = pa === null ? 0 : 1;
      const t = this.#machine.translate(access, null);
      const same = pa === null ? t.end !== End.Ok : t.end === End.Ok && pa === join(t.paHi, t.paLo);
      columns.agrees[i] = t.end === End.Unknown ? 2 : same ? 1 : 0;
    });
    return columns;
  }

  /** What was recorded on the real thing, then what this session recorded itself. */
  events(): EventRecord[] {
    const recorded = this.#document.recorded.events.map(({ words }) => {
      const halves = words.flatMap((w) => [Number(w & 0xffffffffn), Number((w >> 32n) & 0xffffffffn)]);
      return eventRecord(Uint32Array.from({ length: EVENT_WORDS }, (_, i) => halves[i] ?? 0));
    });
    const own = this.#machine.events;
    for (let at = 0; at < own.length; at += EVENT_WORDS) recorded.push(eventRecord(own, at));
    return recorded;
  }

  walk(access: Access): WalkAnswer {
    return inspectWalk(this.#machine, access, this.#revision);
  }

  structure(query: StructureQuery): StructureAnswer {
    return inspectStructure(this.#machine, this.#timeline, query, this.#revision);
  }

  tableMap(sid: number, ssid: number | null, stage: 1 | 2): TableMapColumns | null {
    return mapTables(this.#machine, sid, ssid, stage, this.#revision);
  }

  /** The session cut down to one walk; refused when the cut case would not show the same walk. */
  share(access: Access): Result<SharedCase> {
    const document = cutDown(this.#machine, this.#timeline, access, this.#document);
    const walkDigest = this.walk(access).digest;
    const copy = Session.open(document);
    if (!copy.ok) return copy;
    if (copy.value.walk(access).digest !== walkDigest) {
      return problem("this walk", "The memory it touches does not make it alone. Save the session as a file instead.");
    }
    return { ok: true, value: { document, walkDigest } };
  }

  #streamRows(): StreamRow[] {
    if (this.#streams?.revision === this.#revision) return this.#streams.rows;
    const eventsOf = new Map<number, number>();
    for (const { words } of this.events()) eventsOf.set(words[1]!, (eventsOf.get(words[1]!) ?? 0) + 1);
    const rows = listStreams(this.#machine, this.#document.machine.devices, eventsOf);
    this.#streams = { revision: this.#revision, rows };
    return rows;
  }
}

const MISSING = "The register is missing: without it the SMMU offers nothing.";

const join = (hi: number, lo: number): bigint => (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);

function problem(place: string, detail: string, title = "That cannot be done."): { ok: false; error: Problem } {
  return { ok: false, error: { title, place, detail } };
}

/** What is wrong with an action, or null. */
function actionProblem(action: Action, place = "action"): Problem | null {
  const wrong = (detail: string): Problem => ({ title: "This action cannot be done.", place, detail });
  switch (action.do) {
    case "toggle":
      if (action.at % 8n !== 0n || action.at < 0n || action.at >= 1n << 52n) {
        return wrong(`Address 0x${action.at.toString(16)} is not a multiple of 8 below 2^52.`);
      }
      return action.bit >= 0 && action.bit < 64 ? null : wrong(`Bit ${action.bit} is not one of 0 to 63.`);
    case "write":
      if (action.at < 0n || action.at + BigInt(action.bytes.length) > 1n << 52n) {
        return wrong(`Address 0x${action.at.toString(16)} is not below 2^52.`);
      }
      return null;
    case "register":
      return registerByName(action.name) === undefined ? wrong(`There is no register ${action.name}.`) : null;
    case "dma":
      return action.length >= 1 && action.length <= 1 << 20 ? null : wrong("A transaction has 1 byte to 1 MiB.");
  }
}
