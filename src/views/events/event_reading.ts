/**
 * What an event record says: its fields, the access that caused it, a sentence, and how it differs from another one.
 */

import type { ArchitectureFacts } from "../../arch/architecture_facts.ts";
import { join } from "../../base/halves.ts";
import { type AddressAccess, decodeFields, type FieldAccess, type FieldValue, type Layout } from "../../base/layout.ts";
import type { EventRecord } from "../../protocol/engine.ts";
import type { Access } from "../../protocol/machine.ts";

/** The record's layout; reserved numbers have one in which only the number means anything. */
export function eventLayout(facts: ArchitectureFacts, event: EventRecord): Layout {
  return facts.recordOf(event.words).layout;
}

/** Where the specification describes the record. */
export function eventSection(facts: ArchitectureFacts, event: EventRecord): string {
  return facts.recordOf(event.words).section;
}

/** The record's 64-bit words, lowest first. */
export function eventWords(event: EventRecord): bigint[] {
  return Array.from({ length: event.words.length >> 1 }, (_, i) => i).map(
    (i) => (BigInt(event.words[2 * i + 1]!) << 32n) | BigInt(event.words[2 * i]!),
  );
}

/** The record as text to paste: a word of 16 digits on each line. */
export function eventHex(event: EventRecord): string {
  return eventWords(event)
    .map((w) => `0x${w.toString(16).padStart(16, "0")}`)
    .join("\n");
}

/** A field's value by name, or null where this record has no such field; an address in place. */
export function eventField(facts: ArchitectureFacts, event: EventRecord, name: string): bigint | null {
  const access = (eventLayout(facts, event).f as Readonly<Record<string, FieldAccess | AddressAccess>>)[name];
  if (access === undefined) return null;
  const { words } = event;
  return "addressLo" in access
    ? join(access.addressHi(words, 0), access.addressLo(words, 0))
    : (BigInt(access.getHi(words, 0)) << 32n) | BigInt(access.get(words, 0));
}

/** Names of the fields that records of these kinds have, reserved ones aside. */
export function eventFieldNames(facts: ArchitectureFacts, events: readonly EventRecord[]): string[] {
  const kinds = new Map<number, EventRecord>();
  for (const event of events) if (!kinds.has(event.number)) kinds.set(event.number, event);
  const names = [...kinds.values()].flatMap((e) => eventLayout(facts, e).fields.filter((f) => f.form !== "reserved"));
  return [...new Set(names.map((f) => f.name))];
}

/** A sentence in plain words: who wanted what. */
export function eventSentence(facts: ArchitectureFacts, event: EventRecord): string {
  const { access, sid } = event;
  const hex = (value: number | bigint): string => `0x${value.toString(16)}`;
  if (access === null) return sid === null ? `${event.name}.` : `${event.name} for ${facts.requester} ${hex(sid)}.`;
  const context = access.ssid === null ? "" : `, ${facts.context} ${hex(access.ssid)},`;
  const who = `${access.privileged ? "privileged " : ""}${facts.requester} ${hex(access.sid)}${context}`;
  const did = access.instruction ? "fetched an instruction at" : access.write ? "wrote to" : "read from";
  return `${event.name}: ${who} ${did} ${hex(access.iova)}.`;
}

/** Fields that a row shows in columns of their own, by the names that the architectures have for them. */
const IN_COLUMNS = new Set(
  ["EventNumber", "StreamID", "SubstreamID", "SSV", "InputAddr", "RnW"].concat(
    ["EventCode", "DeviceID", "PASID", "Address", "RW"],
    ["F", "FR", "SID", "PV", "PP", "FI", "T", "T1", "T2", "EXE"],
  ),
);

/** The record's other fields that are set, such as `S2 1`, `CLASS 0b10`: what tells two events of a kind apart. */
export function eventNotes(facts: ArchitectureFacts, event: EventRecord): readonly FieldValue[] {
  return decodeFields(eventLayout(facts, event), event.words).filter(
    ({ declaration: d, value }) => d.form !== "reserved" && value !== 0n && !IN_COLUMNS.has(d.name),
  );
}

/**
 * The access to walk for an event. Events of configuration tell of no transaction: `known` is false and the access is a
 * read of address 0 of their stream. Null where not even the stream is known.
 */
export function eventAccess(event: EventRecord): { readonly access: Access; readonly known: boolean } | null {
  if (event.access !== null) return { access: event.access, known: true };
  if (event.sid === null) return null;
  const access = { sid: event.sid, ssid: null, iova: 0n, write: false, privileged: false, instruction: false };
  return { access, known: false };
}

/** Fields of two records of one number that differ, or null where the numbers differ. */
export function differingFields(
  facts: ArchitectureFacts,
  a: EventRecord,
  b: EventRecord,
): readonly [FieldValue, FieldValue][] | null {
  if (a.number !== b.number) return null;
  const other = decodeFields(eventLayout(facts, b), b.words);
  return decodeFields(eventLayout(facts, a), a.words)
    .map((f, i): [FieldValue, FieldValue] => [f, other[i]!])
    .filter(([x, y]) => x.value !== y.value);
}
