/** How a translation by an AMD IOMMU ended, and what its event records say, as a page and a player get it. */
import { EVENT_WORDS, eventOf, IO_PAGE_FAULT } from "../../../arch/amdvi/events.ts";
import { join } from "../../../base/halves.ts";
import { decodeFields } from "../../../base/layout.ts";
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
  const fields = definition === undefined ? [] : decodeFields(definition.layout, words);
  const values = new Map(fields.map((f) => [f.declaration.name, f.value]));
  const sid = values.get("DeviceID");
  const access = sid === undefined || !OF_REQUESTS.has(name) ? null : accessOf(Number(sid), values);
  return { number, name, words, sid: sid === undefined ? null : Number(sid), access };
}

/** The request a record tells of; null for interrupts. */
function accessOf(sid: number, values: ReadonlyMap<string, bigint>): Access | null {
  if (values.get("I") === 1n) return null;
  const gn = values.get("GN") === 1n;
  const low = values.get("DomainID_PASID") ?? values.get("PASID_15_0") ?? 0n;
  const pasid = Number(((values.get("PASID_19_16") ?? 0n) << 16n) | low);
  return {
    sid,
    ssid: gn ? pasid : null,
    iova: values.get("Address") ?? 0n,
    write: values.get("RW") === 1n,
    privileged: gn && values.get("US") === 0n,
    instruction: gn && values.get("NX") === 1n,
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
