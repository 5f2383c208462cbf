/** How a translation by an AMD IOMMU ended, and what its event records say, as a page and a player get it. */
import { EVENT_WORDS, eventOf, IO_PAGE_FAULT } from "../../../arch/amdvi/events.ts";
import { join } from "../../../base/halves.ts";
import { fieldBits, fieldValue, type Layout } from "../../../base/layout.ts";
import { encodeEvent } from "../../../engine/amdvi/event_record.ts";
import type { Translation } from "../../../engine/amdvi/translation.ts";
import { End } from "../../../engine/common/request.ts";
import type { EventRecord, Outcome } from "../../../protocol/engine.ts";
import type { Access } from "../../../protocol/machine.ts";
import { unknownOutcome } from "../../inspect/walk_answer.ts";

/** Records whose address is one that a device used, and that say which way the access went. */
const OF_REQUESTS = new Set(["ILLEGAL_DEV_TABLE_ENTRY", "IO_PAGE_FAULT"]);

/** Where every record has its code. */
const EVENT_CODE = IO_PAGE_FAULT.layout.f.EventCode;

/** An event record as a view gets it; missing words are zero. */
export function eventRecord(given: Uint32Array): EventRecord {
  const words = new Uint32Array(EVENT_WORDS);
  words.set(given.subarray(0, EVENT_WORDS));
  const number = EVENT_CODE.get(words, 0);
  const definition = eventOf(words);
  const name = definition?.name ?? `event 0x${number.toString(16)}`;
  const id = definition === undefined ? null : fieldValue(definition.layout, "DeviceID", words);
  const sid = id === null ? null : Number(id);
  const told = definition !== undefined && sid !== null && OF_REQUESTS.has(name);
  return { number, name, words, sid, access: told ? accessOf(sid, definition.layout, words) : null };
}

/** The request a record tells of; null for interrupts. */
function accessOf(sid: number, layout: Layout, words: Uint32Array): Access | null {
  const bits = (field: string): number => fieldBits(layout, field, words);
  const is = (field: string): boolean => bits(field) === 1;
  if (is("I")) return null;
  const gn = is("GN");
  return {
    sid,
    // A record has its low bits in one of two fields.
    ssid: gn ? 0x10000 * bits("PASID_19_16") + bits("DomainID_PASID") + bits("PASID_15_0") : null,
    iova: fieldValue(layout, "Address", words) ?? 0n,
    write: is("RW"),
    privileged: gn && !is("US"),
    instruction: gn && is("NX"),
  };
}

/** The outcome of a translation, with the record it makes. */
export function outcomeOf(t: Translation): Outcome {
  switch (t.end) {
    case End.Interrupt:
      return { type: "interrupt", what: "A write into 0xFEEx_xxxx: it goes to interrupt remapping (48882 §2.2.5)." };
    case End.Ok:
      return {
        type: "ok",
        pa: join(t.paHi, t.paLo),
        permissions: t.permissions1 & t.permissions2,
        sizeLg2: Math.min(t.sizeLg2Stage1, t.sizeLg2Stage2),
        bypass: t.passed,
      };
    case End.Fault: {
      if (!t.record) return { type: "abort", reason: t.reason };
      const words = new Uint32Array(EVENT_WORDS);
      encodeEvent(t, words, 0);
      return { type: "fault", event: eventRecord(words), reason: t.reason };
    }
    case End.Unknown:
      return unknownOutcome(t.fetchHi, t.fetchLo);
  }
}
