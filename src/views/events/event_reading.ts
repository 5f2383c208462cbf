/**
 * What an event record says: its fields, the access that caused it, a sentence, and how it differs from another one.
 */
import { eventByNumber, RESERVED_EVENT } from "../../arch/smmuv3/events.ts";
import { decodeFields, type FieldValue, type Layout } from "../../base/layout.ts";
import { decodeEventRecord } from "../../decode/smmuv3/event.ts";
import { eventSummary } from "../../decode/smmuv3/summary.ts";
import { knownWord } from "../../decode/words.ts";
import type { EventRecord } from "../../protocol/engine.ts";
import type { Access } from "../../protocol/machine.ts";

/** The record's layout; reserved numbers have one in which only the number means anything. */
export function eventLayout(event: EventRecord): Layout {
  return eventByNumber(event.number)?.layout ?? RESERVED_EVENT;
}

/** Where the specification describes the record. */
export function eventSection(event: EventRecord): string {
  return eventByNumber(event.number)?.section ?? RESERVED_EVENT.section;
}

/** The four 64-bit words, lowest first. */
export function eventWords(event: EventRecord): bigint[] {
  return [0, 1, 2, 3].map((i) => (BigInt(event.words[2 * i + 1]!) << 32n) | BigInt(event.words[2 * i]!));
}

/** The record as text to paste: a word of 16 digits on each line. */
export function eventHex(event: EventRecord): string {
  return eventWords(event)
    .map((w) => `0x${w.toString(16).padStart(16, "0")}`)
    .join("\n");
}

/** A field's value by name, or null where this record has no such field. */
function eventField(event: EventRecord, name: string): bigint | null {
  return decodeFields(eventLayout(event), event.words).find((f) => f.declaration.name === name)?.value ?? null;
}

/** One sentence or two, in plain words. */
export function eventSentence(event: EventRecord): string {
  return eventSummary(decodeEventRecord(eventWords(event).map(knownWord)));
}

/** What a row of the list shows; null where the record has no such field. */
export interface EventFacts {
  readonly sid: bigint | null;
  readonly write: boolean | null;
  readonly s2: boolean | null;
  readonly phase: "CD" | "TT" | "IN" | null;
  readonly input: bigint | null;
  /** IPA of a stage-2 fault, or the address of a failed fetch. */
  readonly second: { readonly space: "IPA" | "PA"; readonly value: bigint } | null;
}

const CLASSES = ["CD", "TT", "IN"] as const;

export function eventFacts(event: EventRecord): EventFacts {
  const get = (name: string): bigint | null => eventField(event, name);
  const s2 = get("S2");
  const phase = get("CLASS");
  const ipa = get("IPA");
  const fetched = get("FetchAddr");
  const rnw = get("RnW");
  return {
    sid: get("StreamID"),
    write: rnw === null ? null : rnw === 0n,
    s2: s2 === null ? null : s2 === 1n,
    phase: phase === null ? null : (CLASSES[Number(phase)] ?? null),
    input: get("InputAddr"),
    second:
      fetched !== null
        ? { space: "PA", value: fetched }
        : ipa !== null && s2 === 1n
          ? { space: "IPA", value: ipa }
          : null,
  };
}

/**
 * The access that caused the event, as far as the record tells. Events of configuration do not hold an address:
 * `known` is false and the access is one to address 0.
 */
export function eventAccess(event: EventRecord): { readonly access: Access; readonly known: boolean } {
  const get = (name: string): bigint | null => eventField(event, name);
  const input = get("InputAddr");
  // C_BAD_SUBSTREAMID has no SSV: its SubstreamID always holds (IHI 0070 §7.3.9).
  const ssid = get("SubstreamID");
  const hasSsid = ssid !== null && (get("SSV") ?? 1n) === 1n;
  const access: Access = {
    sid: Number(get("StreamID") ?? 0n),
    ssid: hasSsid ? Number(ssid) : null,
    iova: input ?? 0n,
    write: get("RnW") === 0n,
    privileged: get("PnU") === 1n,
    instruction: get("InD") === 1n,
  };
  return { access, known: input !== null };
}

/** Fields of two records of one number that differ, or null where the numbers differ. */
export function differingFields(a: EventRecord, b: EventRecord): readonly [FieldValue, FieldValue][] | null {
  if (a.number !== b.number) return null;
  const other = decodeFields(eventLayout(b), b.words);
  return decodeFields(eventLayout(a), a.words)
    .map((f, i): [FieldValue, FieldValue] => [f, other[i]!])
    .filter(([x, y]) => x.value !== y.value);
}
