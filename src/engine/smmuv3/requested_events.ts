/**
 * Events that lie in the make of an SMMU or of its surroundings, so that this model never finds them by itself: a
 * transaction may be asked to meet one (IHI 0070 §7.3.2, §7.3.17, §7.3.18).
 */
import { R } from "../../arch/smmuv3/reasons.ts";
import { Event } from "./event_record.ts";
import { End, EventClass, type Translation } from "./translation.ts";

/** The events that may be asked for. */
export type RequestedEvent = "F_UUT" | "F_TLB_CONFLICT" | "F_CFG_CONFLICT";

const REASONS: Readonly<Record<RequestedEvent, number>> = {
  F_UUT: R.UNSUPPORTED_UPSTREAM,
  F_TLB_CONFLICT: R.TLB_CONFLICT,
  F_CFG_CONFLICT: R.CFG_CONFLICT,
};

/**
 * Make a transaction that has just been translated end with the event: terminated with an abort, and recorded (§3.12).
 * CHOICE(conflict-priority): a conflict comes before any other event, but not where nothing is looked up, because the
 * SMMU is off. An unsupported transaction is refused on arrival, with its attributes as they came in.
 * @param off translation is off
 * @param privileged and `instruction`: the attributes the device sent
 */
export function meetEvent(
  t: Translation,
  name: RequestedEvent,
  off: boolean,
  privileged: boolean,
  instruction: boolean,
): void {
  if (t.end === End.Unknown || (off && name !== "F_UUT")) return;
  const beneath = t.sizeLg2Stage1 === 64 && t.sizeLg2Stage2 !== 64;
  t.fault(Event[name], REASONS[name]);
  t.razwi = false;
  t.stalls = false;
  t.class = EventClass.IN;
  // Where stage 2 alone translates, its TLB is the one; the IPA is then the input address.
  t.stage = beneath ? 2 : 1;
  t.ipaHi = beneath ? t.iovaHi : 0;
  t.ipaLo = beneath ? t.iovaLo : 0;
  if (name !== "F_UUT") return;
  t.privileged = privileged;
  t.instruction = instruction;
}
