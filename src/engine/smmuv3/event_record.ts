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

/** Where a field's value comes from: bits [31:0] and what lies above. */
interface Source {
  readonly lo: (t: Translation) => number;
  readonly hi: (t: Translation) => number;
}

const word = (lo: Source["lo"]): Source => ({ lo, hi: () => 0 });
const flag = (is: (t: Translation) => boolean): Source => word((t) => (is(t) ? 1 : 0));

const SOURCES: Readonly<Record<string, Source>> = {
  EventNumber: word((t) => t.event),
  StreamID: word((t) => t.sid),
  SSV: flag((t) => t.ssv),
  SubstreamID: word((t) => (t.ssv ? t.ssid : 0)),
  InputAddr: { lo: (t) => t.iovaLo, hi: (t) => t.iovaHi },
  RnW: flag((t) => !t.write),
  // A write is data, whatever INSTCFG says (§7.3).
  InD: flag((t) => t.instruction && !t.write),
  PnU: flag((t) => t.privileged),
  S2: flag((t) => t.stage === 2),
  CLASS: word((t) => t.class),
  Stall: flag((t) => t.stalls),
  STAG: word((t) => (t.stalls ? t.stag : 0)),
  // The fetch of a stage-1 descriptor is a read, its update a write.
  TTRnW: flag((t) => t.class === EventClass.TT && !t.ttWrite),
};

/** Fields that hold bits [55:n] of an address, by the address they take it from. */
const ADDRESSES: Readonly<Record<string, Source>> = {
  IPA: { lo: (t) => (t.stage === 2 ? t.ipaLo : 0), hi: (t) => (t.stage === 2 ? t.ipaHi : 0) },
  FetchAddr: { lo: (t) => t.fetchLo, hi: (t) => t.fetchHi },
};

/** A field of a record, its source, and the bits that it leaves out below. */
interface Filled extends Source {
  readonly access: FieldAccess;
  readonly shift: number;
}

/** Fields of each event's record that have a source, by its number. */
const FILLED: ReadonlyMap<number, readonly Filled[]> = new Map(
  Object.values(Event).map((event) => {
    const { layout } = eventByNumber(event)!;
    const access = layout.f as Readonly<Record<string, FieldAccess>>;
    const filled = layout.fields.flatMap(({ name, lo }): Filled[] => {
      const [plain, address] = [SOURCES[name], ADDRESSES[name]];
      if (plain !== undefined) return [{ ...plain, access: access[name]!, shift: 0 }];
      return address === undefined ? [] : [{ ...address, access: access[name]!, shift: lo & 63 }];
    });
    return [event, filled];
  }),
);

/**
 * Write the record of a faulted translation into `words[at..at + 7]`.
 * Fields that the specification leaves UNKNOWN are written as zero.
 */
export function encodeEvent(t: Translation, words: Uint32Array, at: number): void {
  words.fill(0, at, at + EVENT_WORDS);
  const filled = FILLED.get(t.event);
  if (filled === undefined) throw new Error(`event ${t.event} has no record`);
  for (const { access, lo, hi, shift } of filled) {
    const [valueLo, valueHi] = [lo(t), hi(t)];
    if (shift === 0) access.set(words, at, valueLo, valueHi);
    else access.set(words, at, ((valueLo >>> shift) | (valueHi << (32 - shift))) >>> 0, valueHi >>> shift);
  }
}
