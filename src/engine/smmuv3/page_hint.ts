/**
 * E_PAGE_REQUEST: a device's hint that it will soon access some pages (IHI 0070 §3.12.4.1, §7.3.19). Nobody answers it.
 */
import { eventByName } from "../../arch/smmuv3/events.ts";
import type { FieldAccess } from "../../base/layout.ts";
import { EVENT_WORDS } from "./event_record.ts";

/** What the device expects to access: `r`, `w` and `x` for the privileged and the unprivileged. */
export interface PageHint {
  readonly sid: number;
  /** null: without SubstreamID. */
  readonly ssid: number | null;
  /** Start of the range; bits [11:0] are ignored. */
  readonly hi: number;
  readonly lo: number;
  /** Pages of 4 KiB, 1 to 255. */
  readonly pages: number;
  readonly privileged: { readonly r: boolean; readonly w: boolean; readonly x: boolean };
  readonly unprivileged: { readonly r: boolean; readonly w: boolean; readonly x: boolean };
}

const EVENT = eventByName("E_PAGE_REQUEST")!;

/** Write the record of a hint into `words[at..at + 7]`. */
export function encodePageHint(hint: PageHint, words: Uint32Array, at: number): void {
  words.fill(0, at, at + EVENT_WORDS);
  const access = EVENT.layout.f as Readonly<Record<string, FieldAccess>>;
  const set = (name: string, lo: number, hi = 0): void => access[name]!.set(words, at, lo, hi);
  const bit = (on: boolean): number => (on ? 1 : 0);
  set("EventNumber", EVENT.number);
  set("SSV", bit(hint.ssid !== null));
  set("SubstreamID", hint.ssid ?? 0);
  set("StreamID", hint.sid);
  set("pR", bit(hint.privileged.r));
  set("pW", bit(hint.privileged.w));
  set("pX", bit(hint.privileged.x));
  set("uR", bit(hint.unprivileged.r));
  set("uW", bit(hint.unprivileged.w));
  set("uX", bit(hint.unprivileged.x));
  set("Span", hint.pages);
  set("InputAddr", ((hint.lo >>> 12) | (hint.hi << 20)) >>> 0, hint.hi >>> 12);
}
