/**
 * An SMMUv3 event record taken apart by its layout. Arm SMMUv3, IHI 0070 §7.3.
 *
 * Which keys an entry gets follows from the fields that the record's layout declares, so that every event number
 * is treated alike.
 */
import { type EventDefinition, eventByNumber, RESERVED_EVENT } from "../../arch/smmuv3/events.ts";
import type { FieldDeclaration, Layout } from "../../base/layout.ts";
import { hex, hexWide, type Smmuv3EventEntry } from "../entry.ts";
import { type LogWord, wordDigits } from "../words.ts";

/** Keys of an event entry apart from those every entry has. */
export type EventKeys = Omit<Smmuv3EventEntry, "lines" | "summary" | "type">;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const CLASS_NAMES = ["CD", "TT", "IN", null] as const;
const EXPECTED = ["uX", "uW", "uR", "pX", "pW", "pR"] as const;

const declarations = new WeakMap<Layout, ReadonlyMap<string, FieldDeclaration>>();

/** Declarations of a layout by name. */
function byName(layout: Layout): ReadonlyMap<string, FieldDeclaration> {
  let map = declarations.get(layout);
  if (map === undefined) {
    map = new Map(layout.fields.map((d) => [d.name, d]));
    declarations.set(layout, map);
  }
  return map;
}

/** Reads fields of a record of which words may be missing or digits unreadable. */
interface RecordReader {
  readonly layout: Layout;
  readonly declared: (name: string) => boolean;
  /** The field's bits, an address in place; null where they cannot be read, undefined where it is not declared. */
  readonly read: (name: string) => bigint | null | undefined;
}

/** Bits of a declaration, which never straddles a 64-bit word in an event record. */
function bitsOf(d: FieldDeclaration, words: readonly LogWord[]): bigint | null {
  const word = words[d.lo >> 6];
  if (word === undefined) return null;
  const mask = (1n << BigInt(d.hi - d.lo + 1)) - 1n;
  const shift = BigInt(d.lo & 63);
  return ((word.known >> shift) & mask) === mask ? (word.value >> shift) & mask : null;
}

function recordReader(layout: Layout, words: readonly LogWord[]): RecordReader {
  const fields = byName(layout);
  return {
    layout,
    declared: (name) => fields.has(name),
    read: (name) => {
      const d = fields.get(name);
      if (d === undefined) return undefined;
      const raw = bitsOf(d, words);
      return raw !== null && d.form === "address" ? raw << BigInt(d.lo & 63) : raw;
    },
  };
}

/** Number of the record: bits [7:0] of its first word; null where they cannot be read. */
export function recordNumber(words: readonly LogWord[]): number | null {
  const first = words[0];
  if (first === undefined || (first.known & 0xffn) !== 0xffn) return null;
  return Number(first.value & 0xffn);
}

const flag = (v: bigint | null | undefined): boolean | null => (v === null || v === undefined ? null : v === 1n);
const text = (v: bigint | null | undefined): string | null => (v === null || v === undefined ? null : hex(v));
const pick = <T>(v: bigint | null | undefined, zero: T, one: T): T | null => {
  const f = flag(v);
  return f === null ? null : f ? one : zero;
};

/** Set bits that the record does not define, as "bit N", or "word N" where a whole word is not defined. */
function outside(r: RecordReader, def: EventDefinition | undefined, words: readonly LogWord[]): string[] {
  if (def === undefined) return [];
  const out: string[] = [];
  for (const d of r.layout.fields) {
    if (d.form !== "reserved" || def.unplaced?.runs.some(([hi, lo]) => hi === d.hi && lo === d.lo)) continue;
    const word = words[d.lo >> 6];
    if (word === undefined) continue;
    const mask = ((1n << BigInt(d.hi - d.lo + 1)) - 1n) << BigInt(d.lo & 63);
    const set = word.value & word.known & mask;
    if (set === 0n) continue;
    if (d.hi - d.lo === 63) out.push(`word ${d.lo >> 6}`);
    else for (let i = d.lo; i <= d.hi; i++) if ((set >> BigInt(i & 63)) & 1n) out.push(`bit ${i}`);
  }
  return out;
}

/** Everything but the identity of the record. */
function accessKeys(r: RecordReader): Partial<Mutable<EventKeys>> {
  const keys: Partial<Mutable<EventKeys>> = {};
  const stall = r.read("Stall");
  if (stall !== undefined) {
    const stag = r.read("STAG");
    keys.stall = flag(stall);
    keys.stag = stall === 1n ? text(stag) : null;
    if (stall === 0n && stag) keys.stag_field_unused = hex(stag);
  }
  if (r.declared("RnW")) keys.rnw = pick(r.read("RnW"), "write", "read");
  if (r.declared("InD")) keys.ind = pick(r.read("InD"), "data", "instruction");
  if (r.declared("PnU")) keys.pnu = pick(r.read("PnU"), "unprivileged", "privileged");
  if (r.declared("S2")) keys.s2 = flag(r.read("S2"));
  const cls = r.read("CLASS");
  if (cls !== undefined) keys.class = cls === null ? null : CLASS_NAMES[Number(cls)]!;
  if (r.declared("InputAddr")) keys.input_addr = text(r.read("InputAddr"));
  const ipa = r.read("IPA");
  if (ipa !== undefined) {
    keys.ipa = keys.s2 === true ? text(ipa) : null;
    if (keys.s2 === false && ipa) keys.ipa_field_unknown = hex(ipa);
  }
  if (r.declared("FetchAddr")) keys.fetch_addr = text(r.read("FetchAddr"));
  if (r.declared("Reason")) keys.reason = text(r.read("Reason"));
  if (r.declared("GPCF")) keys.gpcf = flag(r.read("GPCF"));
  if (r.declared("TTRnW")) keys.ttrnw = keys.class === "TT" ? pick(r.read("TTRnW"), "write", "read") : null;
  const span = r.read("Span");
  if (span !== undefined) {
    keys.span_bytes = span === null ? null : hex(span * 4096n);
    keys.expected_access = r.read("pR") === null ? null : EXPECTED.filter((n) => r.read(n) === 1n);
  }
  return keys;
}

/** Event number, name and stream. */
function identityKeys(r: RecordReader, number: number | null, def: EventDefinition | undefined): Mutable<EventKeys> {
  const ssv = r.read("SSV");
  const ssid = r.read("SubstreamID");
  // C_BAD_SUBSTREAMID has no valid flag: its SubstreamID always holds, §7.3.9.
  const ssidHolds = ssid !== undefined && (ssv === undefined || ssv === 1n);
  const keys: Mutable<EventKeys> = {
    event: number === null ? null : hexWide(number, 2),
    name: def?.name ?? null,
    record: number,
    sid: text(r.read("StreamID")),
    ssv: flag(ssv),
    ssid: ssidHolds ? text(ssid) : null,
  };
  if (ssv === 0n && ssid) keys.ssid_field_unknown = hex(ssid);
  return keys;
}

/**
 * Take a record apart. `words` are its 64-bit words, lowest first: fewer than four give an entry marked
 * `incomplete`, none one marked `no_words`. `header` is the number a log line announced; it is used where the words
 * do not tell.
 */
export function decodeEventRecord(words: readonly LogWord[], header: number | null = null): EventKeys {
  const number = recordNumber(words) ?? header;
  const def = number === null ? undefined : eventByNumber(number);
  const r = recordReader(def?.layout ?? RESERVED_EVENT, words);
  const keys: Mutable<EventKeys> = { ...identityKeys(r, number, def), ...accessKeys(r) };
  const set = outside(r, def, words);
  if (set.length > 0) keys.set_outside_defined_fields = set;
  if (words.length > 0) keys.words = words.map(wordDigits);
  if (words.length < 4) keys.incomplete = true;
  if (words.length === 0) keys.no_words = true;
  if (words.length === 4 && words.every((w) => w.value === 0n && w.known === (1n << 64n) - 1n))
    keys.empty_record = true;
  if (words.some((w) => w.known !== (1n << 64n) - 1n)) keys.blanked = true;
  const inWords = recordNumber(words);
  if (header !== null && inWords !== null && inWords !== header) keys.text_disagrees = true;
  return keys;
}
