/**
 * What a driver reads in event records and page requests, and how it answers those that wait for it.
 * IHI 0070 §3.12.2, §4.5.2, §4.7.1, §7.3, §8.
 */
import { type EventDefinition, eventOf, RESERVED_EVENT } from "../../arch/smmuv3/events.ts";
import { PAGE_REQUEST } from "../../arch/smmuv3/page_request.ts";
import { join } from "../../base/halves.ts";
import { fieldBits, fieldValue } from "../../base/layout.ts";
import { type PageRequest, PageResponse } from "../page_requests.ts";
import { type CommandWords, command } from "./command_queue.ts";

/** An event record, as far as its kind has these fields. */
export interface SmmuEvent {
  /** Undefined for a number that the architecture reserves. */
  readonly definition: EventDefinition | undefined;
  readonly sid: number;
  /** SubstreamID; null without. */
  readonly pasid: number | null;
  /** Input address; null for an event that has none. */
  readonly address: bigint | null;
  readonly read: boolean;
  readonly execute: boolean;
  readonly privileged: boolean;
  /** Tag of the transaction that waits for CMD_RESUME; null where none does. */
  readonly stag: number | null;
  /** The fault is one of stage 2. */
  readonly stage2: boolean;
}

export function readEvent(words: Uint32Array): SmmuEvent {
  const definition = eventOf(words);
  const layout = definition?.layout ?? RESERVED_EVENT;
  const get = (name: string): number => fieldBits(layout, name, words);
  return {
    definition,
    sid: get("StreamID"),
    pasid: get("SSV") === 1 ? get("SubstreamID") : null,
    address: fieldValue(layout, "InputAddr", words),
    read: get("RnW") === 1,
    execute: get("InD") === 1,
    privileged: get("PnU") === 1,
    stag: get("Stall") === 1 ? get("STAG") : null,
    stage2: get("S2") === 1,
  };
}

/** End a stalled transaction: take it up again, or abort it. */
export function resume(sid: number, stag: number, action: "retry" | "abort"): CommandWords {
  return command("CMD_RESUME", { StreamID: sid, STAG: stag, ...(action === "retry" ? { Ac: 1 } : { Ab: 1 }) });
}

/** @returns null for a Stop PASID marker, which asks for nothing and gets no answer */
export function readPageRequest(words: Uint32Array): PageRequest | null {
  const { f } = PAGE_REQUEST;
  const is = (name: "SSV" | "R" | "W" | "X" | "Priv" | "Last"): boolean => f[name].get(words, 0) === 1;
  if (is("SSV") && is("Last") && !is("R") && !is("W")) return null;
  return {
    sid: f.StreamID.get(words, 0),
    pasid: is("SSV") ? f.SubstreamID.get(words, 0) : null,
    address: join(f.Address.addressHi(words, 0), f.Address.addressLo(words, 0)),
    read: is("R"),
    write: is("W"),
    execute: is("X"),
    privileged: is("Priv"),
    group: f.PRGIndex.get(words, 0),
    last: is("Last"),
  };
}

/** What CMD_PRI_RESP calls the answers. */
const RESP = { [PageResponse.Success]: 2, [PageResponse.InvalidRequest]: 1, [PageResponse.Failure]: 0 } as const;

/** Answer a group of page requests, which `last` closed. */
export function respond({ sid, pasid, group }: PageRequest, response: PageResponse): CommandWords {
  const substream = pasid === null ? {} : { SSV: 1, SubstreamID: pasid };
  return command("CMD_PRI_RESP", { StreamID: sid, ...substream, PRGIndex: group, Resp: RESP[response] });
}
