/** How a request to a VT-d unit ended, and what its fault records say, as a page and a player get it. */
import { FRCD } from "../../../arch/vtd/fault_record.ts";
import { REASONS } from "../../../arch/vtd/reasons.ts";
import { join } from "../../../base/halves.ts";
import { End } from "../../../engine/common/request.ts";
import { RECORD_WORDS } from "../../../engine/vtd/fault_log.ts";
import type { ProgrammingInterface } from "../../../engine/vtd/programming_interface.ts";
import type { Translation } from "../../../engine/vtd/translation.ts";
import type { EventRecord, Outcome } from "../../../protocol/engine.ts";
import { unknownOutcome } from "../../inspect/walk_answer.ts";

/** Name of a fault by its code: the specification's name of the condition, where one has that code. */
function faultName(code: number): string {
  const condition = REASONS.find((r) => r.code === code && r.condition !== "")?.condition;
  return condition ?? `fault ${code.toString(16).padStart(2, "0")}h`;
}

const FIRST_INTERRUPT_CODE = 0x20;
const LAST_INTERRUPT_CODE = 0x2f;

/** A fault record as a view gets it; missing words are zero. */
export function faultRecord(given: Uint32Array): EventRecord {
  const words = new Uint32Array(RECORD_WORDS);
  words.set(given.subarray(0, RECORD_WORDS));
  const { f } = FRCD;
  const number = f.FR.get(words, 0);
  const sid = f.SID.get(words, 0);
  const pasid = f.PP.get(words, 0) === 1;
  const ofInterrupt = number >= FIRST_INTERRUPT_CODE && number <= LAST_INTERRUPT_CODE;
  const access = {
    sid,
    ssid: pasid ? f.PV.get(words, 0) : null,
    iova: join(f.FI.addressHi(words, 0), f.FI.addressLo(words, 0)),
    write: f.T1.get(words, 0) === 0,
    privileged: pasid && f.PRIV.get(words, 0) === 1,
    instruction: pasid && f.EXE.get(words, 0) === 1,
  };
  return { number, name: faultName(number), words, sid, access: ofInterrupt ? null : access };
}

/** The outcome of a translation, with the record it makes. */
export function outcomeOf(t: Translation, control: ProgrammingInterface): Outcome {
  switch (t.end) {
    case End.Ok:
      return {
        type: "ok",
        pa: join(t.paHi, t.paLo),
        permissions: t.permissions,
        sizeLg2: Math.min(t.sizeLg2First, t.sizeLg2Second),
        bypass: t.sizeLg2First === 64 && t.sizeLg2Second === 64,
      };
    case End.Interrupt:
      return { type: "interrupt", what: "A write into 0xFEEx_xxxx: it goes to interrupt remapping (VT-d §3.14)." };
    case End.Fault: {
      if (!t.record) return { type: "abort", reason: t.reason };
      return { type: "fault", event: faultRecord(control.encodeFault(t).slice()), reason: t.reason };
    }
    case End.Unknown:
      return unknownOutcome(t.fetchHi, t.fetchLo);
  }
}
