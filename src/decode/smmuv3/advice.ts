/**
 * What an entry means and what to look at next: the consequence first, then the cause, then the way out.
 * Facts from Arm SMMUv3, IHI 0070 issue G.b. Sentences have at most 20 words.
 */

import { bdfOf } from "../../arch/requester_id.ts";
import type { DecodedEntry, Smmuv3EventEntry } from "../entry.ts";
import type { Advice, Statement } from "../statement.ts";
import { EVENT_ADVICE, type EventAdvice } from "./event_advice.ts";
import { CERROR_ADVICE, OTHER_ADVICE } from "./queue_advice.ts";

/** Bus:device.function of a StreamID that is a PCIe requester ID; null for wider StreamIDs. */
function requesterOf(sid: string): string | null {
  const n = Number(sid);
  return Number.isInteger(n) && n >= 0 && n <= 0xffff ? bdfOf(n) : null;
}

function who(e: Smmuv3EventEntry): string {
  if (e.client !== undefined) return e.client;
  return e.sid === null ? "A device" : `The device of stream ${e.sid}`;
}

/** Advice that depends on stage and class, for the four translation faults and F_WALK_EABT. */
function forStage(a: EventAdvice, e: Smmuv3EventEntry): readonly Statement[] {
  if (e.s2 === true && e.class === "CD") return a.cdFetch ?? [];
  if (e.s2 === true && e.class === "TT") return a.tableFetch ?? [];
  if (e.s2 === true) return a.stage2 ?? [];
  return e.s2 === false ? (a.stage1 ?? []) : [];
}

function forEvent(e: Smmuv3EventEntry): Advice | null {
  const a = e.name === null ? undefined : EVENT_ADVICE[e.name.startsWith("IMPDEF") ? "IMPDEF" : e.name];
  if (a === undefined) {
    return {
      consequence:
        e.record === null ? "The kernel has no name for this event." : `${e.event} is a reserved event number.`,
      cause: [{ text: "The architecture defines no record with this number.", section: "IHI 0070 §7.3.21" }],
      checks: [{ text: "Read the record again: a torn line may have lost digits.", section: "IHI 0070 §7.3" }],
      notThis: [],
    };
  }
  const stalled: Statement[] =
    e.stall === true
      ? [{ text: `The transaction waits: software owes a CMD_RESUME with STAG ${e.stag}.`, section: "IHI 0070 §4.7.1" }]
      : [];
  const rid = e.sid === null ? null : requesterOf(e.sid);
  const device: Statement[] =
    rid === null || e.client !== undefined
      ? []
      : [{ text: `If StreamIDs are PCIe requester IDs, ${e.sid} is ${rid}.`, section: "IHI 0070 §3.9" }];
  return {
    consequence: a.consequence.replace("{who}", who(e)),
    cause: [...a.cause, ...forStage(a, e), ...stalled],
    checks: [...a.checks, ...device],
    notThis: a.notThis ?? [],
  };
}

/** What an entry means; null where there is nothing to add to its summary. */
export function smmuv3Advice(entry: DecodedEntry): Advice | null {
  switch (entry.type) {
    case "smmuv3-event":
      return forEvent(entry);
    case "smmuv3-cmdq":
      return entry.err === null ? null : (CERROR_ADVICE[entry.err] ?? null);
    default:
      return OTHER_ADVICE[entry.type] ?? null;
  }
}
