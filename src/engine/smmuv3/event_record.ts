/**
 * From a translation that ended in a fault to the 32-byte record the SMMU writes (IHI 0070 §7.3).
 *
 * Which fields a record has is the layout's to say; here stands only where each field's value comes from.
 */
import { eventByName, eventByNumber } from "../../arch/smmuv3/events.ts";
import type { FieldAccess } from "../../base/layout.ts";
import { EventClass, type Translation } from "./translation.ts";

const number = (name: string): number => {
  const event = eventByName(name);
  if (event === undefined) throw new Error(`no event ${name}`);
  return event.number;
};

/** Numbers of the events this model records. */
export const Event = {
  F_UUT: number("F_UUT"),
  C_BAD_STREAMID: number("C_BAD_STREAMID"),
  F_STE_FETCH: number("F_STE_FETCH"),
  C_BAD_STE: number("C_BAD_STE"),
  F_BAD_ATS_TREQ: number("F_BAD_ATS_TREQ"),
  F_STREAM_DISABLED: number("F_STREAM_DISABLED"),
  F_TRANSL_FORBIDDEN: number("F_TRANSL_FORBIDDEN"),
  C_BAD_SUBSTREAMID: number("C_BAD_SUBSTREAMID"),
  F_CD_FETCH: number("F_CD_FETCH"),
  C_BAD_CD: number("C_BAD_CD"),
  F_WALK_EABT: number("F_WALK_EABT"),
  F_TRANSLATION: number("F_TRANSLATION"),
  F_ADDR_SIZE: number("F_ADDR_SIZE"),
  F_ACCESS: number("F_ACCESS"),
  F_PERMISSION: number("F_PERMISSION"),
  F_TLB_CONFLICT: number("F_TLB_CONFLICT"),
  F_CFG_CONFLICT: number("F_CFG_CONFLICT"),
  F_VMS_FETCH: number("F_VMS_FETCH"),
} as const;

/** 32-bit words of a record. */
export const EVENT_WORDS = 8;

type Source = (t: Translation) => readonly [lo: number, hi: number];

const SOURCES: Readonly<Record<string, Source>> = {
  EventNumber: (t) => [t.event, 0],
  StreamID: (t) => [t.sid, 0],
  SSV: (t) => [t.ssv ? 1 : 0, 0],
  SubstreamID: (t) => [t.ssv ? t.ssid : 0, 0],
  InputAddr: (t) => [t.iovaLo, t.iovaHi],
  RnW: (t) => [t.write ? 0 : 1, 0],
  // A write is data, whatever INSTCFG says (§7.3).
  InD: (t) => [t.instruction && !t.write ? 1 : 0, 0],
  PnU: (t) => [t.privileged ? 1 : 0, 0],
  S2: (t) => [t.stage === 2 ? 1 : 0, 0],
  CLASS: (t) => [t.class, 0],
  Stall: (t) => [t.stalls ? 1 : 0, 0],
  STAG: (t) => [t.stalls ? t.stag : 0, 0],
  // The fetch of a stage-1 descriptor is a read, its update a write.
  TTRnW: (t) => [t.class === EventClass.TT && !t.ttWrite ? 1 : 0, 0],
};

/** Fields that hold bits [55:n] of an address, by the address they take it from. */
const ADDRESSES: Readonly<Record<string, Source>> = {
  IPA: (t) => (t.stage === 2 ? [t.ipaLo, t.ipaHi] : [0, 0]),
  FetchAddr: (t) => [t.fetchLo, t.fetchHi],
};

/**
 * Write the record of a faulted translation into `words[at..at + 7]`.
 * Fields that the specification leaves UNKNOWN are written as zero.
 */
export function encodeEvent(t: Translation, words: Uint32Array, at: number): void {
  words.fill(0, at, at + EVENT_WORDS);
  const event = eventByNumber(t.event);
  if (event === undefined) throw new Error(`event ${t.event} has no layout`);
  const access = event.layout.f as Readonly<Record<string, FieldAccess>>;
  for (const { name, lo } of event.layout.fields) {
    const plain = SOURCES[name];
    const place = ADDRESSES[name];
    if (plain !== undefined) access[name]!.set(words, at, ...plain(t));
    else if (place !== undefined) {
      const [addressLo, addressHi] = place(t);
      const shift = lo & 63;
      access[name]!.set(words, at, ((addressLo >>> shift) | (addressHi << (32 - shift))) >>> 0, addressHi >>> shift);
    }
  }
}
