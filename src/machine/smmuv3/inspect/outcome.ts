/** How a translation by an SMMUv3 ended, and what its event records say, as a page and a player get it. */
import { eventOf, RESERVED_EVENT } from "../../../arch/smmuv3/events.ts";
import { REASONS } from "../../../arch/smmuv3/reasons.ts";
import { join } from "../../../base/halves.ts";
import type { AddressAccess, FieldAccess } from "../../../base/layout.ts";
import { EVENT_WORDS, encodeEvent } from "../../../engine/smmuv3/event_record.ts";
import { End, type Translation } from "../../../engine/smmuv3/translation.ts";
import type { EventRecord, Outcome } from "../../../protocol/engine.ts";
import type { Access } from "../../../protocol/machine.ts";
import { refusedBy, unknownOutcome } from "../../inspect/walk_answer.ts";
import type { Reach } from "../../unit.ts";

/** An event record as a view gets it; missing words are zero. */
export function eventRecord(given: Uint32Array): EventRecord {
  const words = new Uint32Array(EVENT_WORDS);
  words.set(given.subarray(0, EVENT_WORDS));
  const number = RESERVED_EVENT.f.EventNumber!.get(words, 0);
  const name = eventOf(words)?.name ?? `event 0x${number.toString(16).padStart(2, "0")}`;
  return { number, name, words, sid: words[1]!, access: accessOf(words) };
}

/** The transaction a record tells of, or null where its kind does not say. */
function accessOf(words: Uint32Array): Access | null {
  const layout = eventOf(words)?.layout;
  const f = layout?.f as Readonly<Record<string, FieldAccess | AddressAccess>> | undefined;
  const input = f?.InputAddr;
  if (f === undefined || input === undefined || f.RnW === undefined) return null;
  const bit = (name: string): boolean => f[name]?.get(words, 0) === 1;
  const isAddress = "addressHi" in input;
  const hi = isAddress ? input.addressHi(words, 0) : input.getHi(words, 0);
  const lo = isAddress ? input.addressLo(words, 0) : input.get(words, 0);
  return {
    sid: words[1]!,
    ssid: bit("SSV") ? (f.SubstreamID?.get(words, 0) ?? 0) : null,
    iova: join(hi, lo),
    write: !bit("RnW"),
    privileged: bit("PnU"),
    instruction: bit("InD"),
  };
}

/** The outcome of a translation, with the record it makes. */
export function outcomeOf(t: Translation): Outcome {
  switch (t.end) {
    case End.Ok:
      return {
        type: "ok",
        pa: join(t.paHi, t.paLo),
        permissions: t.permissions1 & t.permissions2,
        sizeLg2: Math.min(t.sizeLg2Stage1, t.sizeLg2Stage2),
        bypass: t.bypass,
      };
    case End.Fault: {
      const words = new Uint32Array(EVENT_WORDS);
      encodeEvent(t, words, 0);
      return { type: t.stalls ? "stalled" : "fault", event: eventRecord(words), reason: t.reason };
    }
    case End.Abort:
      return { type: "abort", reason: t.reason };
    case End.Unknown:
      return unknownOutcome(t.fetchHi, t.fetchLo);
  }
}

/** The same in brief. */
export function reachOf(t: Translation): Reach {
  if (t.end === End.Ok) return { end: "ok", pa: join(t.paHi, t.paLo) };
  if (t.end === End.Unknown) return { end: "unknown", at: join(t.fetchHi, t.fetchLo) };
  return refusedBy(REASONS[t.reason]!);
}
