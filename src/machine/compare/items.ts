/** The nameable things of a state, one by one, for comparing: each with a key by which two states have the same one. */
import { ARCHITECTURES } from "../../arch/architectures.ts";
import type { StructureKind, StructureQuery } from "../../protocol/engine.ts";
import { type CacheView, type DecodedField, MAX_QUEUE_ENTRIES, type QueueIndex } from "../../protocol/inspection.ts";
import type { Access, Arch } from "../../protocol/machine.ts";
import type { SoftwareAnswer } from "../../protocol/software.ts";
import { TRACE, TRACE_WORDS, TraceHit, TraceKind, traceAddress } from "../../protocol/trace.ts";
import { decodedFields } from "../inspect/decoded.ts";
import type { UnitInspection } from "../unit.ts";

/** One thing. Two states have the same one where its key is the same; it is alike where all else is, but for its place. */
export interface Item {
  readonly key: string;
  readonly what: string;
  /** What it comes to, in short. */
  readonly text: string;
  readonly fields: readonly DecodedField[];
  /** All its bits, where some of them may be in no field. */
  readonly bits?: string;
  /** Of structures: where it stands. */
  readonly place?: StructureQuery;
}

/** A context of a stream. */
export interface Context {
  readonly sid: number;
  readonly ssid: number | null;
}

const hex = (value: bigint | number): string => `0x${value.toString(16)}`;

/** Such as "StreamID 0x10, SubstreamID 0x5", in the words of the architecture. */
export function contextText(arch: Arch, { sid, ssid }: Context): string {
  const { requester, context } = ARCHITECTURES[arch];
  return `${requester} ${hex(sid)}${ssid === null ? "" : `, ${context} ${hex(ssid)}`}`;
}

export function registerItems(inspect: UnitInspection): Item[] {
  return inspect.registers().map(({ block, name, value, width, fields }) => ({
    key: `${block} ${name}`,
    what: block === "" ? name : `${name} (${block})`,
    text: `0x${value.toString(16).padStart(2 * width, "0")}`,
    fields,
  }));
}

const KIND_NAMES = new Map<number, string>(Object.entries(TraceKind).map(([name, code]) => [code, name]));
const GRANULE = 12;

/** The structures that a context is configured by, in the order in which a walk reads them. */
function structuresOf(inspect: UnitInspection, { sid, ssid }: Context): StructureQuery[] {
  const access: Access = { sid, ssid, iova: 0n, write: false, privileged: false, instruction: false };
  const { trace, arch } = inspect.walk(access, 0);
  const found: StructureQuery[] = [];
  for (let record = 0; record * TRACE_WORDS < trace.length; record++) {
    const at = record * TRACE_WORDS;
    const read = TRACE.f.access.get(trace, at) > 0 || TRACE.f.hit.get(trace, at) === TraceHit.Config;
    const kind = KIND_NAMES.get(TRACE.f.kind.get(trace, at)) ?? "";
    // Descriptors are compared by what they map.
    if (!read || kind === "Descriptor" || !Object.hasOwn(ARCHITECTURES[arch].structures, kind)) continue;
    const pa = traceAddress("pa", trace, record);
    found.push({ kind: kind as StructureKind, pa, level: 0, granuleLg2: GRANULE, sid });
  }
  return found;
}

/** What each context is configured by. What several contexts are reached through comes with each of them. */
export function structureItems(inspect: UnitInspection, arch: Arch, contexts: readonly Context[]): Item[] {
  return contexts.flatMap((context) => {
    const times = new Map<string, number>();
    return structuresOf(inspect, context).map((place) => {
      const time = (times.get(place.kind) ?? 0) + 1;
      times.set(place.kind, time);
      const key = `${place.kind} ${time} ${context.sid} ${context.ssid ?? ""}`;
      return structureItem(inspect, arch, place, key, contextText(arch, context));
    });
  });
}

function structureItem(inspect: UnitInspection, arch: Arch, place: StructureQuery, key: string, of: string): Item {
  const { words, wide } = inspect.structure(place);
  const at = { key, what: `${place.kind} of ${of}`, text: `at PA ${hex(place.pa)}`, place };
  const facts = ARCHITECTURES[arch].structures[place.kind];
  if (words === null || facts === undefined) return { ...at, fields: [] };
  const layout = facts.layoutOf({ level: 0, granuleLg2: GRANULE, wide }, words);
  return { ...at, fields: decodedFields(layout, words), bits: words.join() };
}

const RIGHTS = ["r", "w", "x"];
export const rightsText = (permissions: number): string =>
  RIGHTS.map((right, bit) => ((permissions >> bit) & 1 ? right : "–")).join("");

/** Entries of caches by what they are found by: where in its cache one lies does not count. */
export function cacheItems(inspect: UnitInspection): Item[] {
  return inspect.caches().flatMap((cache) => {
    const times = new Map<string, number>();
    return cache.entries.map((entry): Item => {
      const what = cachedText(cache, entry);
      const time = (times.get(what) ?? 0) + 1;
      times.set(what, time);
      const output = entry.output === null ? "" : `leads to ${hex(entry.output)}`;
      const rights = entry.permissions === null ? "" : rightsText(entry.permissions);
      const stale = entry.stale === null ? "" : `stale: ${entry.stale.what}`;
      const text = [output, rights, stale].filter((part) => part !== "").join(", ") || "held";
      return { key: `${what} ${time}`, what, text, fields: [] };
    });
  });
}

function cachedText({ name, sid }: CacheView, { tags, input, sizeLg2 }: CacheView["entries"][number]): string {
  const of = sid === null ? name : `${name} of ${hex(sid)}`;
  const range = input === null ? [] : [`${hex(input)}${sizeLg2 === null ? "" : `, 2^${sizeLg2} bytes`}`];
  return [of, ...tags.map((tag) => `${tag.name} ${hex(tag.value)}`), ...range].join(", ");
}

const indexText = ({ register, index, wrap }: QueueIndex): string =>
  `${register} ${hex(index)}${wrap === null ? "" : ` wrap ${wrap}`}`;

/** The ends of each queue, and the slots that anything was written to. */
export function queueItems(inspect: UnitInspection): Item[] {
  return inspect.queues().flatMap((queue) => {
    const { id, title, enabled, producer, consumer, waiting, overflow, error } = queue;
    const state = [
      enabled ? "enabled" : "not enabled",
      indexText(producer),
      indexText(consumer),
      `${waiting} waiting`,
      ...(overflow ? ["records were lost"] : []),
      ...(error === null ? [] : [error]),
    ].join(", ");
    const entries = enabled ? inspect.queueEntries(id, 0, MAX_QUEUE_ENTRIES) : [];
    const written = entries.filter(({ words }) => words?.some((word) => word !== 0) === true);
    return [
      { key: id, what: title, text: state, fields: [] },
      ...written.map(({ index, name, fields, words }) => {
        const key = `${id} ${index}`;
        return { key, what: `${title}, slot ${hex(index)}`, text: name, fields, bits: words!.join() };
      }),
    ];
  });
}

/** Objects of the host's kernel, what is logged and refused, mistakes of the guest's, and how often what was done. */
export function softwareItems(software: SoftwareAnswer | null): Item[] {
  if (software === null) return [];
  const { objects, guestLog, refused, hazards, counts } = software;
  const lines = (what: string, texts: readonly string[]): Item[] =>
    texts.map((text, i) => ({ key: `${what} ${i}`, what: `${what}, ${i + 1}`, text, fields: [] }));
  return [
    ...objects.map(({ id, type, about, users, holds }): Item => {
      const held = holds.length === 0 ? "holds none" : `holds ${holds.join(", ")}`;
      const text = [...(about === "" ? [] : [about]), held, `${users} ${users === 1 ? "user" : "users"}`].join(", ");
      return { key: `${type} ${id}`, what: `${type} ${id}`, text, fields: [] };
    }),
    ...lines("Line of the guest's log", guestLog),
    ...lines("Refused to the VMM", refused),
    ...lines(
      "Wrong order",
      hazards.map(({ text }) => text),
    ),
    ...Object.entries(counts).map(([deed, count]): Item => {
      return { key: `count ${deed}`, what: `How many: ${deed}`, text: count.toLocaleString("en"), fields: [] };
    }),
  ];
}
