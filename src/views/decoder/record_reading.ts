/**
 * What the decoder page shows of each thing found in a paste: a row for the list, the structure with its bits where
 * the paste holds words, and the access that can be replayed.
 */
import { eventByNumber, RESERVED_EVENT } from "../../arch/smmuv3/events.ts";
import { decodeFields, type FieldValue, type Layout } from "../../base/layout.ts";
import type { DecodeResult } from "../../decode/decode.ts";
import { type DecodedEntry, layoutWords, type Smmuv3EventEntry } from "../../decode/entry.ts";
import { type DecodedStructure, decodeAs, STRUCTURE_KINDS, type StructureKind } from "../../decode/smmuv3/decode_as.ts";
import type { Access } from "../../protocol/machine.ts";
import type { GlyphName } from "../common/Glyph.tsx";

/** Words with their layout. */
export interface ReadStructure {
  readonly layout: Layout;
  readonly words: Uint32Array;
}

/** One thing found in the paste. */
export interface Reading {
  /** First and last line, from 1. */
  readonly lines: readonly [number, number];
  readonly glyph: GlyphName;
  readonly name: string;
  readonly sid: bigint | null;
  readonly address: bigint | null;
  /** A few words on what is odd about it. */
  readonly remark: string;
  readonly sentence: string;
  /** What the entry is, whole: for copying. */
  readonly entry: DecodedEntry | null;
  readonly structure: ReadStructure | null;
  /** Event number, where it is an event of known number. */
  readonly event: number | null;
  readonly access: Access | null;
}

/** Everything found, in order of the text. `readAs` is what bare words are read as, or null for events in them. */
export function readingsOf(result: DecodeResult, readAs: StructureKind | null): Reading[] {
  if (result.dump !== null && readAs !== null) return [dumpReading(result.dump.words, readAs)];
  return result.entries.map(entryReading);
}

/** What bare words can be read as, the likeliest first. */
export function dumpKinds(result: DecodeResult): StructureKind[] {
  const likely = (result.dump?.kinds ?? []).filter(isKind);
  return [...likely, ...STRUCTURE_KINDS.filter((k) => !likely.includes(k))];
}

const isKind = (kind: string): kind is StructureKind => (STRUCTURE_KINDS as readonly string[]).includes(kind);

function dumpReading(words: readonly bigint[], kind: StructureKind): Reading {
  const read = decodeAs(words, kind);
  return {
    lines: [1, 1],
    glyph: read.ok ? "config" : "unknown",
    name: read.ok ? read.layout.name : "Not readable",
    sid: null,
    address: null,
    remark: read.ok ? oddities(read) : "",
    sentence: read.ok ? read.summary : read.message,
    entry: null,
    structure: read.ok ? { layout: read.layout, words: read.words } : null,
    event: null,
    access: null,
  };
}

function oddities(read: DecodedStructure): string {
  const parts: string[] = [];
  if (read.missingWords > 0) parts.push(`${read.missingWords} words missing, read as 0`);
  if (read.reservedSet.length > 0) parts.push("reserved bits set");
  return parts.join(", ");
}

const number = (text: string | null | undefined): bigint | null =>
  text === null || text === undefined || !/^0x[0-9a-f]{1,16}$/i.test(text) ? null : BigInt(text);

function entryReading(entry: DecodedEntry): Reading {
  const base = {
    lines: entry.lines,
    sentence: entry.summary,
    entry,
    sid: null,
    address: null,
    remark: "",
    structure: null,
    event: null,
    access: null,
  };
  switch (entry.type) {
    case "smmuv3-event":
      return { ...base, ...eventReading(entry) };
    case "smmuv3-cmdq": {
      const name = `Command queue error${entry.err_name === null ? "" : ` ${entry.err_name}`}`;
      const remark = entry.command ? `at ${entry.command}` : "";
      return { ...base, glyph: "fault", name, remark, structure: commandStructure(entry.words, entry.cons) };
    }
    case "smmuv3-cmdq-timeout":
      return { ...base, glyph: "fault", name: "Command queue time-out" };
    case "smmuv3-gerror":
      return { ...base, glyph: "fault", name: "Global error", structure: registerStructure("GERROR", entry.active) };
    case "smmuv3-evtq-overflow":
      return { ...base, glyph: "stale", name: "Event queue overflow" };
    case "smmuv3-priq-overflow":
      return { ...base, glyph: "stale", name: "PRI queue overflow" };
    case "suppressed":
      return { ...base, glyph: "missed", name: `${entry.count} messages suppressed` };
    case "qemu-smmuv3-trace":
      return { ...base, glyph: "config", name: `QEMU ${entry.event}` };
    case "refuse":
      return { ...base, glyph: "unknown", name: "Not an IOMMU event", sentence: refusal(entry.what) };
  }
}

function refusal(what: string): string {
  return `This is ${what}${/[.!?]$/.test(what) ? "" : "."}`;
}

function eventReading(entry: Smmuv3EventEntry): Omit<Reading, "lines" | "sentence" | "entry"> {
  const definition = entry.record === null ? undefined : eventByNumber(entry.record);
  const layout = definition?.layout ?? RESERVED_EVENT;
  const words = entry.words === undefined ? null : layoutWords(entry.words, layout.bits);
  return {
    glyph: "fault",
    name: entry.name ?? (entry.event === null ? "Unnamed event" : `Reserved event ${entry.event}`),
    sid: number(entry.sid),
    address: number(entry.input_addr ?? entry.fetch_addr),
    remark: eventRemark(entry),
    structure: words === null ? null : { layout, words },
    event: entry.record,
    access: eventAccess(entry),
  };
}

/** What a reader should know of how the record came, shortest first. */
function eventRemark(entry: Smmuv3EventEntry): string {
  if (entry.text_disagrees) return "the text disagrees with the words";
  if (entry.blanked) return "digits blanked out";
  if (entry.incomplete) return "cut off";
  if (entry.no_words) return "header only";
  if (entry.empty_record) return "all words are 0";
  if (entry.from === "decoded lines only") return "no words";
  if (entry.auto_suppressed) return "more were suppressed";
  if ((entry.set_outside_defined_fields?.length ?? 0) > 0) return "undefined bits set";
  return entry.client ?? "";
}

/** The access that caused an event; address 0 where the record holds none. Null where no stream is known. */
function eventAccess(entry: Smmuv3EventEntry): Access | null {
  const sid = number(entry.sid);
  if (sid === null) return null;
  const ssid = number(entry.ssid);
  return {
    sid: Number(sid),
    ssid: ssid === null ? null : Number(ssid),
    iova: number(entry.input_addr) ?? 0n,
    write: entry.rnw === "write",
    privileged: entry.pnu === "privileged",
    instruction: entry.ind === "instruction",
  };
}

function commandStructure(words: readonly string[] | undefined, cons: string | null): ReadStructure | null {
  if (words === undefined || words.length === 0) return registerStructure("CMDQ_CONS", cons);
  const values = words.map((w) => number(w.startsWith("0x") ? w : `0x${w}`));
  if (values.some((v) => v === null)) return null;
  const read = decodeAs(
    values.filter((v) => v !== null),
    "command",
  );
  return read.ok ? read : null;
}

function registerStructure(name: string, value: string | null): ReadStructure | null {
  const word = number(value);
  if (word === null) return null;
  const read = decodeAs([word], `register:${name}`);
  return read.ok ? read : null;
}

/** The structure with some bits flipped; an event whose number changes is read by the new number's layout. */
export function withFlips(structure: ReadStructure, flips: ReadonlySet<number>): ReadStructure {
  if (flips.size === 0) return structure;
  const words = structure.words.slice();
  for (const bit of flips) words[bit >> 5] = (words[bit >> 5] ?? 0) ^ (1 << (bit & 31));
  const isEvent = structure.layout.bits === 256;
  const layout = isEvent ? (eventByNumber((words[0] ?? 0) & 0xff)?.layout ?? RESERVED_EVENT) : structure.layout;
  return { layout, words };
}

/** A row of the field list: a 64-bit word, or a field in it. */
export type FieldLine =
  | { readonly type: "word"; readonly word: number; readonly value: bigint; readonly digits: number }
  | { readonly type: "field"; readonly field: FieldValue };

/** Words of 64 bits, each with its fields; reserved runs only where they are not zero. */
export function fieldLines({ layout, words }: ReadStructure): FieldLine[] {
  const fields = decodeFields(layout, words);
  return Array.from({ length: Math.ceil(layout.bits / 64) }, (_, word): FieldLine[] => {
    const value = (BigInt(words[2 * word + 1] ?? 0) << 32n) | BigInt(words[2 * word] ?? 0);
    const own = fields.filter(
      ({ declaration: d, value: v }) => d.lo >> 6 === word && (d.form !== "reserved" || v !== 0n),
    );
    const digits = Math.min(64, layout.bits - 64 * word) / 4;
    return [{ type: "word", word, value, digits }, ...own.map((field): FieldLine => ({ type: "field", field }))];
  }).flat();
}
