/**
 * Interrupt remapping: what becomes of a write into 0xFEEx_xxxx (VT-d §5.1, §9.10 to §9.12).
 *
 * UNMODELLED: interrupt controllers. A remapped interrupt is an answer; a posted one is in its descriptor in memory, and
 * its notification an answer.
 */
import {
  IRTE_POSTED,
  IRTE_REMAPPED,
  POSTED_INTERRUPT_DESCRIPTOR,
  REMAPPABLE_ADDRESS,
  REMAPPABLE_DATA,
} from "../../arch/vtd/irte.ts";
import { R, REASONS } from "../../arch/vtd/reasons.ts";
import type { FieldAccess, Layout } from "../../base/layout.ts";
import { MemoryStatus, type PhysicalMemory } from "../memory/physical_memory.ts";
import { functionMask } from "./maintenance.ts";
import type { Offers } from "./registers.ts";

/** An interrupt as the unit sends it on. */
interface DeliveredInterrupt {
  readonly vector: number;
  /** APIC id, or set of them in logical mode. */
  readonly destination: number;
  readonly logical: boolean;
  /** Code of IRTE.DLM. */
  readonly deliveryMode: number;
  readonly level: boolean;
}

/** What became of an interrupt request. */
export type InterruptResult =
  /** Sent on as it came: remapping is off, or the compatibility format may pass. */
  | { readonly kind: "unchanged" }
  | { readonly kind: "remapped"; readonly index: number; readonly interrupt: DeliveredInterrupt }
  /** Noted in the posted-interrupt descriptor; `notification` is null where none is due. */
  | { readonly kind: "posted"; readonly index: number; readonly notification: DeliveredInterrupt | null }
  /** `reason` is an index of REASONS; `record`: FPD does not suppress the record. */
  | { readonly kind: "blocked"; readonly index: number; readonly reason: number; readonly record: boolean }
  /** It depends on memory that the session does not hold. */
  | { readonly kind: "unknown"; readonly hi: number; readonly lo: number };

/** What SIRTP, IRE and CFI put into force. */
export interface InterruptState {
  readonly enabled: boolean;
  /** GSTS.CFIS. */
  readonly compatibilityPasses: boolean;
  readonly tableHi: number;
  readonly tableLo: number;
  /** log2 of the number of entries. */
  readonly sizeLg2: number;
  readonly extended: boolean;
}

/** Interrupt entries as they were read. */
export interface InterruptCache {
  /** Copy a cached entry into four words. @returns false where it is not cached */
  recallInterrupt(index: number, into: Int32Array): boolean;
  keepInterrupt(index: number, words: Int32Array): void;
}

const ENTRY_LG2 = 4;
const POSTED_LINES = 5;
const SVT_NONE = 0;
const SVT_REQUESTER = 1;
const SVT_BUS = 2;

/** xAPIC destinations: bits [47:40] of an entry (§9.10). */
const XAPIC_MASK = 0xff00;

export class InterruptRemapping {
  readonly #memory: PhysicalMemory;
  readonly #offers: Offers;
  readonly #cache: InterruptCache | null;
  readonly #entry = new Int32Array(4);
  readonly #posted = new Int32Array(2 * POSTED_LINES);

  constructor(memory: PhysicalMemory, offers: Offers, cache: InterruptCache | null) {
    this.#memory = memory;
    this.#offers = offers;
    this.#cache = cache;
  }

  /**
   * Decide what becomes of a write of `data` to 0xFEEx_xxxx.
   * @param post make the updates of posted interrupts; otherwise only look
   */
  request(state: InterruptState, sid: number, address: number, data: number, post: boolean): InterruptResult {
    if (!state.enabled) return { kind: "unchanged" };
    const { f } = REMAPPABLE_ADDRESS;
    const [a, d] = [[address], [data]];
    if (f.FORMAT.get(a, 0) === 0) {
      const passes = this.#offers.asQemu || (state.compatibilityPasses && !state.extended);
      return passes ? { kind: "unchanged" } : blocked(0, R.IR_COMPATIBILITY);
    }
    const handle = (f.HANDLE_15.get(a, 0) << 15) | f.HANDLE_14_0.get(a, 0);
    const withSubhandle = f.SHV.get(a, 0) !== 0;
    const index = handle + (withSubhandle ? REMAPPABLE_DATA.f.SUBHANDLE.get(d, 0) : 0);
    if (withSubhandle && REMAPPABLE_DATA.f._31_16.get(d, 0) !== 0) return blocked(index, R.IR_REQUEST_RESERVED);
    if (index >= 2 ** state.sizeLg2) return blocked(index, R.IR_INDEX);
    return this.#remap(state, sid, index, post);
  }

  #remap(state: InterruptState, sid: number, index: number, post: boolean): InterruptResult {
    const failed = this.#readEntry(state, index, post);
    if (failed !== null) return failed;
    const entry = this.#entry;
    const f = IRTE_REMAPPED.f;
    const record = f.FPD.get(entry, 0) === 0;
    if (f.P.get(entry, 0) === 0) return blocked(index, R.IR_NOT_PRESENT, record);
    const posted = f.IM.get(entry, 0) !== 0;
    if ((posted && !this.#offers.pi) || this.#hasReserved(posted, state.extended)) {
      return blocked(index, R.IR_ENTRY_RESERVED, record);
    }
    if (!isFrom(entry, sid)) return blocked(index, R.IR_SOURCE, record);
    if (posted) return this.#post(index, state.extended, record, post);
    return {
      kind: "remapped",
      index,
      interrupt: {
        vector: f.V.get(entry, 0),
        destination: destination(f.DST.get(entry, 0), state.extended),
        logical: f.DM.get(entry, 0) !== 0,
        deliveryMode: f.DLM.get(entry, 0),
        level: f.TM.get(entry, 0) !== 0,
      },
    };
  }

  /** Bring an entry into {@link #entry}, from the cache or from memory. @returns why it could not be, or null */
  #readEntry(state: InterruptState, index: number, keeps: boolean): InterruptResult | null {
    const entry = this.#entry;
    if (this.#cache?.recallInterrupt(index, entry) ?? false) return null;
    const lo = (state.tableLo >>> 0) + index * (1 << ENTRY_LG2);
    const hi = state.tableHi + (lo > 0xffffffff ? 1 : 0);
    const status = this.#fetch(entry, hi, lo >>> 0);
    if (status === MemoryStatus.Unknown) return { kind: "unknown", hi, lo: lo >>> 0 };
    if (status !== MemoryStatus.Ok) return blocked(index, R.IR_ACCESS);
    // With caching mode an entry that is not present is cached too (§6.1).
    const worthwhile = this.#offers.cm || IRTE_REMAPPED.f.P.get(entry, 0) !== 0;
    if (keeps && worthwhile) this.#cache?.keepInterrupt(index, entry);
    return null;
  }

  #hasReserved(posted: boolean, extended: boolean): boolean {
    const reserved = posted ? POSTED_RESERVED : REMAPPED_RESERVED;
    if (reserved.some((mask, i) => (this.#entry[i]! & mask) !== 0)) return true;
    return !posted && !extended && (this.#entry[1]! & ~XAPIC_MASK) !== 0;
  }

  /** Note a vector in a posted-interrupt descriptor (§5.2.3). */
  #post(index: number, extended: boolean, record: boolean, make: boolean): InterruptResult {
    const entry = this.#entry;
    const hi = IRTE_POSTED.f.PDAH.get(entry, 0);
    const lo = IRTE_POSTED.f.PDAL.get(entry, 0) * 64;
    const pid = this.#posted;
    const status = this.#fetch(pid, hi, lo);
    if (status === MemoryStatus.Unknown) return { kind: "unknown", hi, lo };
    if (status !== MemoryStatus.Ok) return blocked(index, R.IR_POSTED_ACCESS, record);
    if (PID_RESERVED.some((mask, i) => (pid[i]! & mask) !== 0)) return blocked(index, R.IR_POSTED_RESERVED, record);
    const { f } = POSTED_INTERRUPT_DESCRIPTOR;
    const vector = IRTE_POSTED.f.VV.get(entry, 0);
    pid[vector >>> 5]! |= 1 << (vector & 31);
    const urgent = IRTE_POSTED.f.URG.get(entry, 0) !== 0;
    const notify = f.ON.get(pid, 0) === 0 && (urgent || f.SN.get(pid, 0) === 0);
    if (notify) f.ON.set(pid, 0, 1);
    if (make) this.#store(pid, hi, lo);
    const notification: DeliveredInterrupt | null = notify
      ? {
          vector: f.NV.get(pid, 0),
          destination: destination(f.NDST.get(pid, 0), extended),
          logical: false,
          deliveryMode: 0,
          level: false,
        }
      : null;
    return { kind: "posted", index, notification };
  }

  #fetch(into: Int32Array, hi: number, lo: number): MemoryStatus {
    for (let i = 0; i < into.length; i += 2) {
      const status = this.#memory.read64(hi, lo + 4 * i);
      if (status !== MemoryStatus.Ok) return status;
      into[i] = this.#memory.lo;
      into[i + 1] = this.#memory.hi;
    }
    return MemoryStatus.Ok;
  }

  #store(words: Int32Array, hi: number, lo: number): void {
    for (let i = 0; i < words.length; i += 2) this.#memory.write64(hi, lo + 4 * i, words[i + 1]!, words[i]!);
  }
}

function blocked(index: number, reason: number, record = true): InterruptResult {
  return { kind: "blocked", index, reason, record: record || !REASONS[reason]!.qualified };
}

/** Whether an entry takes interrupts of a requester (SVT, SQ, SID; §9.10). A reserved SVT takes none. */
function isFrom(entry: Int32Array, sid: number): boolean {
  const { f } = IRTE_REMAPPED;
  const own = f.SID.get(entry, 0);
  const mask = functionMask(f.SQ.get(entry, 0));
  switch (f.SVT.get(entry, 0)) {
    case SVT_NONE:
      return true;
    case SVT_REQUESTER:
      return (own & mask) === (sid & mask);
    case SVT_BUS:
      return sid >>> 8 >= own >>> 8 && sid >>> 8 <= (own & 0xff);
    default:
      return false;
  }
}

const destination = (field: number, extended: boolean): number => (extended ? field : (field & XAPIC_MASK) >>> 8);

/** Reserved bits of the first `words` words of a structure. */
function reservedOf(layout: Layout, words: number): Uint32Array {
  const masks = new Uint32Array(layout.bits / 32);
  for (const { name, form } of layout.fields) {
    if (form === "reserved") {
      (layout.f as Readonly<Record<string, FieldAccess>>)[name]!.set(masks, 0, 0xffffffff, 0xffffffff);
    }
  }
  return masks.subarray(0, words);
}

const REMAPPED_RESERVED = reservedOf(IRTE_REMAPPED, 4);
const POSTED_RESERVED = reservedOf(IRTE_POSTED, 4);
const PID_RESERVED = reservedOf(POSTED_INTERRUPT_DESCRIPTOR, 2 * POSTED_LINES);
