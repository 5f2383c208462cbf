/**
 * One translation in progress: what was asked, what was decided on the way, how it ended.
 *
 * The object is reused from one transaction to the next, so that translating allocates nothing.
 */
import { R } from "../../arch/smmuv3/reasons.ts";
import { PendingUpdates } from "./hardware_update.ts";
import { StructurePlace } from "./structure_fetch.ts";

/** How a translation ended. */
export const End = {
  /** It did not end yet, or everything so far is in order. */
  Ok: 0,
  /** Terminated; an event is recorded. */
  Fault: 1,
  /** Terminated; nothing is recorded. */
  Abort: 2,
  /** It needed memory that the session does not hold. */
  Unknown: 3,
} as const;
export type End = (typeof End)[keyof typeof End];

/** CLASS of an event: what the faulting access was for (IHI 0070 §7.3). */
export const EventClass = { CD: 0, TT: 1, IN: 2 } as const;
export type EventClass = (typeof EventClass)[keyof typeof EventClass];

/** Kinds of access, as bits, so that a leaf's permissions are a set of them. */
export const Want = { Read: 1, Write: 2, Execute: 4 } as const;

/** What an access is, as bits of {@link Translation.kind}; data, unprivileged and a read where there is none. */
export const AccessKind = { Write: 1, Instruction: 2, Privileged: 4 } as const;
/** Number of sets of them. */
export const KINDS = 8;

/** What an access of a kind wants, as one bit of {@link Want}; a write is data whatever else its kind says. */
export const wantOf = (kind: number): number =>
  (kind & AccessKind.Write) !== 0 ? Want.Write : (kind & AccessKind.Instruction) !== 0 ? Want.Execute : Want.Read;

/** What becomes of hardware updates of descriptors (IHI 0070 §3.13). */
export const Updates = {
  /** Decided as ever, and shown in a trace, but not made: for somebody who only looks. */
  Show: 0,
  /** Made. */
  Make: 1,
  /** Not needed: descriptors count as up to date (ATOS_ADDR.HTTUI, §9). */
  Inhibit: 2,
} as const;
export type Updates = (typeof Updates)[keyof typeof Updates];

export class Translation {
  // The transaction.
  sid = 0;
  /** SubstreamID, or -1 where there is none: what {@link ssid} and {@link ssv} say together. */
  substream = -1;
  #ssid = 0;
  #ssv = false;
  iovaHi = 0;
  iovaLo = 0;
  /** A set of {@link AccessKind}: post-override attributes once the STE is known. A number, so that hot code need not branch. */
  kind = 0;
  /** A set of {@link Want}, once the attributes are known; an access passes with one of it. */
  want: number = Want.Read;
  updates: Updates = Updates.Show;
  /** Memory type as a MAIR byte and shareability (0 non-, 2 outer, 3 inner), as the device sends them (§13.1.3). */
  inMair = 0xff;
  inSh = 0;
  /** PCIe No_snoop (§13.6.1.1). */
  noSnoop = false;

  // The end.
  end: End = End.Ok;
  /** Index into the architecture's reasons. */
  reason = 0;
  /** Event number, for `End.Fault`. */
  event = 0;
  /** Stage of a translation fault, 1 or 2. */
  stage = 0;
  class: EventClass = EventClass.IN;
  /** The faulting access to a stage-1 descriptor was its update, with class TT. */
  ttWrite = false;
  ipaHi = 0;
  ipaLo = 0;
  /** Address of a fetch that got no answer, or of memory the session does not hold. */
  fetchHi = 0;
  fetchLo = 0;
  /** Terminated with reads as zero and writes ignored, not with an abort (CD.A == 0). */
  razwi = false;
  /** Not terminated: the faulting transaction waits for a command (CD.S, STE.S2S), under this tag (§3.12.2). */
  stalls = false;
  stag = 0;

  // The answer.
  paHi = 0;
  paLo = 0;
  /** Set of {@link Want} that the leaf of each stage allows this requester. */
  permissions1 = 7;
  permissions2 = 7;
  /** log2 of what the leaf of each stage maps, 64 where the stage is off. */
  sizeLg2Stage1 = 64;
  sizeLg2Stage2 = 64;
  /** No stage translated. */
  bypass = false;
  /** The leaf of each stage as it was read, 0 where the stage is off. */
  leaf1Hi = 0;
  leaf1Lo = 0;
  leaf2Hi = 0;
  leaf2Lo = 0;
  /** Stages whose leaf stays writable-clean, so that a write has to walk again: bit 0 stage 1, bit 1 stage 2. */
  clean = 0;
  /** Entry of the TLB that answered, or -1. `Smmuv3.details` fills in the fields above then. */
  tlbEntry = -1;
  /** The same of the walk cache, where the shortest walk answered; the leaves above are there already. */
  walkEntry = -1;
  /** Where the configuration structure read last lies. */
  readonly place = new StructurePlace();
  /** Updates of descriptors that wait for the translation to pass. */
  readonly pending = new PendingUpdates();

  /** SubstreamID, meaningful where {@link ssv}. */
  get ssid(): number {
    return this.#ssid;
  }
  set ssid(ssid: number) {
    this.#ssid = ssid;
    this.substream = this.#ssv ? ssid : -1;
  }
  get ssv(): boolean {
    return this.#ssv;
  }
  set ssv(ssv: boolean) {
    this.#ssv = ssv;
    this.substream = ssv ? this.#ssid : -1;
  }
  get write(): boolean {
    return (this.kind & AccessKind.Write) !== 0;
  }
  set write(on: boolean) {
    this.#setKind(AccessKind.Write, on);
  }
  get instruction(): boolean {
    return (this.kind & AccessKind.Instruction) !== 0;
  }
  set instruction(on: boolean) {
    this.#setKind(AccessKind.Instruction, on);
  }
  get privileged(): boolean {
    return (this.kind & AccessKind.Privileged) !== 0;
  }
  set privileged(on: boolean) {
    this.#setKind(AccessKind.Privileged, on);
  }

  #setKind(bit: number, on: boolean): void {
    this.kind = on ? this.kind | bit : this.kind & ~bit;
  }

  /** Forget the last transaction's answers. */
  begin(): void {
    this.setWant();
    this.end = End.Ok;
    this.reason = R.NONE;
    this.event = 0;
    this.stage = 0;
    this.class = EventClass.IN;
    this.ttWrite = false;
    this.ipaHi = 0;
    this.ipaLo = 0;
    this.fetchHi = 0;
    this.fetchLo = 0;
    this.razwi = false;
    this.stalls = false;
    this.stag = 0;
    this.permissions1 = 7;
    this.permissions2 = 7;
    this.sizeLg2Stage1 = 64;
    this.sizeLg2Stage2 = 64;
    this.bypass = false;
    this.leaf1Hi = 0;
    this.leaf1Lo = 0;
    this.leaf2Hi = 0;
    this.leaf2Lo = 0;
    this.clean = 0;
    this.tlbEntry = -1;
    this.walkEntry = -1;
    this.pending.count = 0;
  }

  /** Derive what is wanted from the attributes. */
  setWant(): void {
    this.want = wantOf(this.kind);
  }

  /** End with an event. @returns false, for the caller to return */
  fault(event: number, reason: number): false {
    this.end = End.Fault;
    this.event = event;
    this.reason = reason;
    return false;
  }

  /** End without an event. @returns false */
  abort(reason: number): false {
    this.end = End.Abort;
    this.reason = reason;
    return false;
  }

  /** End for want of memory. @returns false */
  unknown(hi: number, lo: number): false {
    this.end = End.Unknown;
    this.fetchHi = hi;
    this.fetchLo = lo;
    return false;
  }
}
