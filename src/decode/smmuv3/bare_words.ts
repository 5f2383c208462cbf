/**
 * Which SMMUv3 structure bare words most likely are, and their decoding as event records.
 */
import { eventByNumber } from "../../arch/smmuv3/events.ts";
import type { Smmuv3EventEntry } from "../entry.ts";
import type { HexDump } from "../hex_words.ts";
import { knownWord } from "../words.ts";
import { decodeEventRecord } from "./event.ts";
import { eventSummary } from "./summary.ts";

/** Could these four words be an event record? The number must be defined and bits [10:8] clear, IHI 0070 §7.3. */
function plausibleEvent(words: readonly bigint[]): boolean {
  const [first] = words;
  if (words.length !== 4 || first === undefined) return false;
  const def = eventByNumber(Number(first & 0xffn));
  if (def === undefined || (first & 0x700n) !== 0n) return false;
  // A word that the record does not define at all is zero in a real one.
  return def.layout.fields.every(
    (d) => d.form !== "reserved" || d.hi - d.lo !== 63 || words[d.lo >> 6] === 0n || def.unplaced !== undefined,
  );
}

/**
 * Event records in a dump: all of it in groups of four words, each plausible; empty slots of a queue (all zero)
 * between them are passed over. Null where the dump is something else.
 */
export function eventsInDump(dump: HexDump): Smmuv3EventEntry[] | null {
  if (dump.words.length % 4 !== 0 || (dump.hint !== null && dump.hint !== "event")) return null;
  const out: Smmuv3EventEntry[] = [];
  for (let i = 0; i < dump.words.length; i += 4) {
    const record = dump.words.slice(i, i + 4);
    if (dump.words.length > 4 && record.every((w) => w === 0n)) continue;
    if (!plausibleEvent(record)) return null;
    const keys = decodeEventRecord(record.map(knownWord));
    out.push({
      type: "smmuv3-event",
      ...keys,
      from: "hex words",
      lines: [dump.lines[i]!, dump.lines[i + 3]!],
      summary: eventSummary(keys),
    });
  }
  return out.length === 0 ? null : out;
}

/** Structures the words of a dump may be, the likeliest first, for a "read as" choice. */
export function likelyKinds(dump: HexDump): string[] {
  const { words, hint } = dump;
  const [first = 0n] = words;
  const kinds = new Set<string>(hint === null ? [] : [hint]);
  if (words.length % 4 === 0 && plausibleEvent(words.slice(0, 4))) kinds.add("event");
  if (words.length === 8) {
    // CD.V is bit 31 of its first word, STE.V bit 0 with a Config of 0b1xx or 0b000.
    if ((first >> 31n) & 1n) kinds.add("cd");
    if (first & 1n) kinds.add("ste");
    kinds.add("ste").add("cd");
  }
  if (words.length === 2) kinds.add("command");
  if (words.length === 1) kinds.add("s1-descriptor").add("s2-descriptor").add("l1std").add("l1cd");
  return [...kinds];
}
