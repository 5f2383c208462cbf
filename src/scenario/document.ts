/**
 * The `scenario/1` document `{v, title, about, machine, steps}` and the session it describes.
 *
 * Reading trusts nothing: any value gives a scenario or a problem that names the key. Writing leaves out what a
 * reader assumes anyway, so that a link stays short.
 */
import type { Result } from "../protocol/engine.ts";
import type {
  Access,
  Action,
  MachineDescription,
  RecordedAccess,
  SessionDocument,
  Transfer,
  View,
} from "../protocol/machine.ts";
import type { SoftwareDescription } from "../protocol/software.ts";
import { formatBytes, formatHex } from "./hex.ts";
import { parseJson } from "./json_text.ts";
import { formatWords } from "./memory_text.ts";
import { DOCUMENT_VERSION, type JsonObject, migrate } from "./migrations.ts";
import { ok } from "./problem.ts";
import { SCENARIO } from "./schema.ts";
import { checked } from "./schema_pieces.ts";

/** A document as it was read: what to look at first is there or null. */
export interface Scenario extends SessionDocument {
  readonly view: View | null;
}

/** Read a parsed JSON value. `name` is what the document is called in a message: a file, or the link. */
export function readScenario(json: unknown, name: string): Result<Scenario> {
  const current = migrate(json, name);
  if (!current.ok) return current;
  const read = checked(SCENARIO, current.value, "This scenario cannot be opened.", name);
  if (!read.ok) return read;
  const { title, about, machine, steps, recorded, view, notes } = read.value;
  return ok({ title, about, machine, actions: steps, recorded, view, ...(notes === undefined ? {} : { notes }) });
}

/** Read the text of a scenario file. */
export function parseScenario(text: string, name: string): Result<Scenario> {
  const json = parseJson(text, name);
  return json.ok ? readScenario(json.value, name) : json;
}

function accessJson(a: Access): JsonObject {
  return {
    sid: a.sid,
    ...(a.ssid === null ? {} : { ssid: a.ssid }),
    iova: formatHex(a.iova),
    ...flags({ write: a.write, privileged: a.privileged, instruction: a.instruction, noSnoop: a.noSnoop === true }),
    ...(a.attributes === undefined
      ? {}
      : { attributes: { mair: formatHex(BigInt(a.attributes.mair)), sh: a.attributes.sh } }),
  };
}

/** Those that are true. */
const flags = (all: Readonly<Record<string, boolean>>): JsonObject =>
  Object.fromEntries(Object.entries(all).filter(([, value]) => value));

function transferJson(t: Transfer): JsonObject {
  return {
    ...accessJson(t),
    ...(t.length === 4 ? {} : { length: t.length }),
    ...(t.data === undefined ? {} : { data: formatBytes(t.data) }),
  };
}

const blockJson = ({ block }: { readonly block?: string }): JsonObject => (block === undefined ? {} : { block });
const queueJson = ({ queue }: { readonly queue?: string }): JsonObject => (queue === undefined ? {} : { queue });

const ofDevice = ({ device, pasid }: { readonly device: number; readonly pasid: number | null }): JsonObject =>
  pasid === null ? { device } : { device, pasid };

function actionJson(action: Action): JsonObject {
  switch (action.do) {
    case "dma":
      return { do: "dma", ...transferJson(action), ...(action.meets === undefined ? {} : { meets: action.meets }) };
    case "translated":
    case "access":
      return { do: action.do, ...transferJson(action) };
    case "translation request":
      return { do: action.do, ...accessJson(action) };
    case "page request": {
      const { do: kind, sid, ssid, address, prgIndex, read, write, execute, privileged, last } = action;
      const pasid = ssid === null ? {} : { ssid };
      const asked = flags({ read, write, execute, privileged, last });
      return { do: kind, sid, ...pasid, address: formatHex(address), prgIndex, ...asked };
    }
    case "write":
      return { do: "write", at: formatHex(action.at), bytes: formatBytes(action.bytes) };
    case "toggle":
      return { do: "toggle", at: formatHex(action.at), bit: action.bit };
    case "command": {
      const fields = Object.entries(action.fields).map(([name, value]) => [name, formatHex(value)]);
      return {
        do: "command",
        name: action.name,
        ...(fields.length === 0 ? {} : { fields: Object.fromEntries(fields) }),
        ...queueJson(action),
      };
    }
    case "consumer":
      return { do: "consumer", what: action.what, ...queueJson(action) };
    case "register":
      return { do: "register", name: action.name, value: formatHex(action.value), ...blockJson(action) };
    case "mmio": {
      const { offset, width, value } = action;
      return { do: "mmio", offset: formatHex(BigInt(offset)), width, value: formatHex(value), ...blockJson(action) };
    }
    case "guest map":
    case "guest bind": {
      const { do: kind, bytes } = action;
      return { do: kind, ...ofDevice(action), iova: formatHex(action.iova), bytes, ...flags({ write: action.write }) };
    }
    case "guest map at": {
      const { do: kind, bytes } = action;
      return { do: kind, ...ofDevice(action), iova: formatHex(action.iova), bytes, to: formatHex(action.to) };
    }
    case "guest unmap":
      return { do: action.do, ...ofDevice(action), iova: formatHex(action.iova), bytes: action.bytes };
    case "guest flush":
    case "guest detach":
      return { do: action.do, ...ofDevice(action) };
    case "guest switch":
      return { do: action.do, to: action.to };
    case "guest partition": {
      const { do: kind, partid, pmg } = action;
      return { do: kind, ...ofDevice(action), partid, ...(pmg === 0 ? {} : { pmg }) };
    }
    case "dirty log":
      return { do: action.do, what: action.what };
    case "vmm":
      return { do: action.do, what: action.what };
    case "vmm msi":
      return { do: action.do, device: formatHex(BigInt(action.device)) };
    case "vmm call": {
      const { call, device, data } = action;
      const fields = Object.fromEntries(Object.entries(action.fields).map(([name, value]) => [name, formatHex(value)]));
      return {
        do: action.do,
        call,
        ...(Object.keys(fields).length === 0 ? {} : { fields }),
        ...(device === undefined ? {} : { device: formatHex(BigInt(device)) }),
        ...(data === undefined ? {} : { data: formatBytes(data) }),
      };
    }
    case "guest faults":
    case "vmids begin anew":
      return { do: action.do };
  }
}

function softwareJson({
  kind,
  era,
  vmid,
  partids,
  sharedStage2,
  door,
  mode,
  amdNesting,
  guestBytes,
  assigned,
  lazy,
  journal,
  mistakes,
}: SoftwareDescription): JsonObject {
  const told = mistakes.length === 0 ? {} : { mistakes: [...mistakes] };
  const given = assigned.length === 0 ? {} : { assigned: assigned.map((d) => ({ ...d })) };
  const how = {
    ...(kind === "kernel" ? { kind } : {}),
    ...(era === undefined ? {} : { era }),
    ...(vmid === undefined ? {} : { vmid }),
    ...(partids === undefined ? {} : { partids: [...partids] }),
    ...(sharedStage2 === undefined ? {} : { sharedStage2 }),
    ...(door === undefined ? {} : { door }),
    ...(mode === undefined ? {} : { mode }),
    ...(amdNesting === undefined ? {} : { amdNesting }),
  };
  const kept = journal === undefined ? {} : { journal };
  return { ...how, guestBytes, ...given, ...flags({ lazy }), ...kept, ...told };
}

function machineJson(m: MachineDescription): JsonObject {
  const { memory } = m;
  const some = (key: "caches" | "options"): JsonObject =>
    Object.keys(m[key] ?? {}).length === 0 ? {} : { [key]: m[key] };
  const { software } = m;
  return {
    arch: m.arch,
    ...(software === undefined ? {} : { software: softwareJson(software) }),
    ...(m.preset === undefined ? {} : { preset: m.preset }),
    registers: Object.fromEntries(Object.entries(m.registers).map(([name, value]) => [name, formatHex(value)])),
    memory: {
      ...(memory.outside === "unknown" ? {} : { outside: memory.outside }),
      ...(memory.zero.length === 0
        ? {}
        : { zero: memory.zero.map(([at, bytes]) => [formatHex(at), formatHex(bytes)]) }),
      words: Object.fromEntries(
        memory.segments.filter((s) => s.bytes.length > 0).map((s) => [formatHex(s.at), formatWords(s.bytes)]),
      ),
    },
    ...(m.devices.length === 0 ? {} : { devices: m.devices }),
    ...some("caches"),
    ...some("options"),
    ...(m.cmdqv === undefined ? {} : { cmdqv: m.cmdqv }),
  };
}

function recordedJson({ access, pa, result, source }: RecordedAccess): JsonObject {
  return {
    ...accessJson(access),
    ...(pa === null ? {} : { pa: formatHex(pa) }),
    ...(result === null ? {} : { result }),
    ...(source === "" ? {} : { source }),
  };
}

/** The JSON value of a document, in its newest form. */
export function writeScenario(d: SessionDocument): JsonObject {
  const { accesses, events } = d.recorded;
  return {
    v: DOCUMENT_VERSION,
    title: d.title,
    ...(d.about === "" ? {} : { about: d.about }),
    machine: machineJson(d.machine),
    ...(d.actions.length === 0 ? {} : { steps: d.actions.map(actionJson) }),
    ...(accesses.length + events.length === 0
      ? {}
      : { recorded: { accesses: accesses.map(recordedJson), events: events.map((e) => e.words.map(formatHex)) } }),
    ...(d.notes === undefined || d.notes.length === 0 ? {} : { notes: d.notes.map((note) => ({ ...note })) }),
    ...(d.view?.access ? { view: { access: accessJson(d.view.access) } } : {}),
  };
}

/** The text of a scenario file: a key a line down to a register and a run of memory. */
export function formatScenario(d: SessionDocument): string {
  return `${JSON.stringify(writeScenario(d), null, 1)}\n`;
}
