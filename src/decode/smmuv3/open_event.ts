/**
 * Events while a log is being read: a header line announces one, words and decoded lines arrive later, with other
 * drivers' lines in between, and any of them may be missing.
 */
import { eventByName, eventByNumber } from "../../arch/smmuv3/events.ts";
import type { Smmuv3EventEntry } from "../entry.ts";
import type { LogWord } from "../words.ts";
import { decodeEventRecord, type EventKeys, recordNumber } from "./event.ts";
import { eventSummary } from "./summary.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** The kernel's first decoded line: "event: NAME client: ... sid: ... ssid: ... iova: ... ipa: ...". */
export interface IdentityText {
  readonly name: string;
  readonly client: string | null;
  readonly sid: bigint | null;
  readonly ssid: bigint | null;
  readonly iova: bigint | null;
  readonly ipa: bigint | null;
  readonly fetchAddr: bigint | null;
}

/** The kernel's second decoded line: privilege, instruction or data, direction, stage, class, stall. */
export interface AccessText {
  readonly privileged: boolean | null;
  readonly instruction: boolean | null;
  readonly read: boolean | null;
  readonly s2: boolean | null;
  readonly class: string | null;
  readonly ttrnw: "read" | "write" | null;
  readonly stall: boolean | null;
  readonly stag: bigint | null;
}

/** An event under construction. */
export interface OpenEvent {
  readonly device: string | null;
  /** Number in the header line; null where there was none. */
  readonly header: number | null;
  readonly words: LogWord[];
  partial: string | null;
  identity: IdentityText | null;
  access: AccessText | null;
  autoSuppressed: boolean;
  first: number;
  last: number;
  /** Index of the last message that belonged to it. */
  at: number;
}

export function openEvent(device: string | null, header: number | null, line: number, at: number): OpenEvent {
  return {
    device,
    header,
    words: [],
    partial: null,
    identity: null,
    access: null,
    autoSuppressed: false,
    first: line,
    last: line,
    at,
  };
}

/** Note that message `at` on source line `line` belongs to the event. */
export function extend(e: OpenEvent, line: number, at: number): void {
  e.first = Math.min(e.first, line);
  e.last = Math.max(e.last, line);
  e.at = at;
}

const lo32 = (w: LogWord | undefined): bigint | null =>
  w === undefined || w.known >> 32n !== 0xffffffffn ? null : w.value >> 32n;

/** Could these decoded lines speak of this event? */
export function agrees(e: OpenEvent, t: IdentityText): boolean {
  const number = recordNumber(e.words) ?? e.header;
  const def = number === null ? undefined : eventByNumber(number);
  const printed = def?.linuxName ?? "UNKNOWN";
  if (t.name !== printed && t.name !== def?.name) return false;
  const sid = lo32(e.words[0]);
  if (sid !== null && t.sid !== null && sid !== t.sid) return false;
  const addr = e.words[2];
  const hasAddress = def?.layout.fields.some((d) => d.name === "InputAddr") ?? false;
  return !(hasAddress && addr !== undefined && t.iova !== null && (addr.value ^ t.iova) & addr.known);
}

const hex = (v: bigint | null): string | null => (v === null ? null : `0x${v.toString(16)}`);
/** The kernel prints 0 for a missing SubstreamID, tag or IPA, so 0 says nothing. */
const orNull = (v: bigint | null): string | null => (v === null || v === 0n ? null : hex(v));

const CLASS_OF: Readonly<Record<string, string>> = {
  "cd fetch": "CD",
  "stage 1 translation table fetch": "TT",
  "input address caused fault": "IN",
};

/** CLASS of the words Linux prints for it; null for others. */
export const classOfText = (text: string): string | null => CLASS_OF[text.trim().toLowerCase()] ?? null;

/** Keys that decoded lines alone give. */
function keysOfText(identity: IdentityText, access: AccessText | null): Mutable<EventKeys> {
  const def = eventByName(identity.name);
  const declared = (name: string) => def?.layout.fields.some((d) => d.name === name) ?? false;
  const hasSsv = declared("SSV");
  const ssid = hasSsv ? orNull(identity.ssid) : null;
  const keys: Mutable<EventKeys> = {
    event: def === undefined ? null : `0x${def.number.toString(16).padStart(2, "0")}`,
    name: def?.name ?? null,
    record: def?.number ?? null,
    sid: hex(identity.sid),
    ssv: ssid === null ? null : true,
    ssid,
    from: "decoded lines only",
  };
  if (declared("InputAddr") || identity.iova !== null) keys.input_addr = hex(identity.iova);
  if (declared("FetchAddr") || identity.fetchAddr !== null) keys.fetch_addr = hex(identity.fetchAddr);
  if (declared("IPA")) keys.ipa = access?.s2 === true ? hex(identity.ipa) : null;
  if (declared("CLASS")) Object.assign(keys, keysOfAccess(access), { ttrnw: access?.ttrnw ?? null });
  return keys;
}

function keysOfAccess(a: AccessText | null): Partial<Mutable<EventKeys>> {
  const choose = <T>(v: boolean | null | undefined, no: T, yes: T): T | null => (v == null ? null : v ? yes : no);
  return {
    rnw: choose(a?.read, "write", "read"),
    ind: choose(a?.instruction, "data", "instruction"),
    pnu: choose(a?.privileged, "unprivileged", "privileged"),
    s2: a?.s2 ?? null,
    class: a?.class ?? null,
    stall: a?.stall ?? null,
    stag: a?.stall === true ? hex(a.stag) : null,
  };
}

/** Words and decoded lines of one event put together; the words win. */
function merge(keys: Mutable<EventKeys>, identity: IdentityText, access: AccessText | null): void {
  const said = keysOfText({ ...identity, name: keys.name ?? identity.name }, access);
  const target = keys as unknown as Record<string, unknown>;
  for (const [k, v] of Object.entries(said)) {
    if (k === "from" || k === "event" || k === "name" || k === "record") continue;
    if (target[k] === undefined || target[k] === null) {
      // The record itself says what it does not define; only what was cut off may be filled in.
      if (keys.incomplete || keys.blanked) target[k] = v;
    } else if (v !== null && v !== target[k]) keys.text_disagrees = true;
  }
}

/** The finished entry. */
export function closeEvent(e: OpenEvent): Smmuv3EventEntry {
  let keys: Mutable<EventKeys>;
  if (e.header === null && e.words.length === 0 && e.identity !== null) keys = keysOfText(e.identity, e.access);
  else {
    keys = decodeEventRecord(e.words, e.header);
    if (e.identity !== null) {
      merge(keys, e.identity, e.access);
      if (e.words.length === 0) {
        keys.from = "decoded lines only";
        delete keys.no_words;
        delete keys.incomplete;
      }
    }
  }
  const client = e.identity?.client;
  if (client) keys.client = client;
  if (e.autoSuppressed) keys.auto_suppressed = true;
  return { type: "smmuv3-event", ...keys, lines: [e.first, e.last], summary: eventSummary(keys) };
}
