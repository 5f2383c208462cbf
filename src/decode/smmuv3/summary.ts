/**
 * One sentence for each kind of entry, in plain words.
 */
import { eventByNumber } from "../../arch/smmuv3/events.ts";
import type { EventKeys } from "./event.ts";

const DEVICE_DID = { read: "read from", write: "wrote to" } as const;

function subject(e: EventKeys): string {
  const stream = e.sid === null ? "A stream" : `Stream ${e.sid}`;
  const pasid = e.ssid === null ? "" : `, substream ${e.ssid}`;
  const client = e.client === undefined ? "" : ` (${e.client})`;
  return `${stream}${pasid}${client}`;
}

/** "read from 0x1000", "accessed 0x1000", or nothing where no address is known. */
function access(e: EventKeys): string {
  if (e.input_addr === undefined || e.input_addr === null) return e.rnw ? ` did a ${e.rnw}` : "";
  return ` ${e.rnw ? DEVICE_DID[e.rnw] : "accessed"} ${e.input_addr}`;
}

const WHILE: Readonly<Record<string, string>> = {
  CD: "while the CD was fetched",
  TT: "while the stage 1 tables were walked",
};

function where(e: EventKeys): string {
  if (e.s2 === undefined || e.s2 === null) return "";
  const during = e.class ? (WHILE[e.class] ?? "") : "";
  const ipa = e.ipa ? ` at IPA ${e.ipa}` : "";
  return `; stage ${e.s2 ? 2 : 1} failed${ipa}${during === "" ? "" : ` ${during}`}`;
}

/** Sentence for an event record. */
export function eventSummary(e: EventKeys): string {
  const def = e.record === null ? undefined : eventByNumber(e.record);
  if (def === undefined) {
    return e.record === null
      ? `${subject(e)}: the kernel printed an event it has no name for, and its number is not in the text.`
      : `Event ${e.event} is a reserved number: the architecture defines nothing in this record.`;
  }
  const said = `${subject(e)}${access(e)}${where(e)}`;
  const stalled = e.stall === true ? " The transaction waits for CMD_RESUME." : "";
  // A record cut off before its stream says nothing beyond its name.
  return `${def.name}: ${said === "A stream" ? "" : `${said}. `}${def.about}${stalled}`;
}
