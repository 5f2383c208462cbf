/**
 * One translation in progress: what was asked, what was decided on the way, how it ended.
 *
 * The object is reused from one transaction to the next, so that translating allocates nothing.
 */
import { R } from "../../arch/smmuv3/reasons.ts";

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

export class Translation {
  // The transaction.
  sid = 0;
  /** SubstreamID, meaningful where {@link ssv}. */
  ssid = 0;
  ssv = false;
  iovaHi = 0;
  iovaLo = 0;
  write = false;
  /** Post-override attributes once the STE is known. */
  privileged = false;
  instruction = false;
  /** One of {@link Want}, once the attributes are known. */
  want: number = Want.Read;

  // The end.
  end: End = End.Ok;
  /** Index into the architecture's reasons. */
  reason = 0;
  /** Event number, for `End.Fault`. */
  event = 0;
  /** Stage of a translation fault, 1 or 2. */
  stage = 0;
  class: EventClass = EventClass.IN;
  ipaHi = 0;
  ipaLo = 0;
  /** Address of a fetch that got no answer, or of memory the session does not hold. */
  fetchHi = 0;
  fetchLo = 0;
  /** Terminated with reads as zero and writes ignored, not with an abort (CD.A == 0). */
  razwi = false;

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

  /** Forget the last transaction's answers. */
  begin(): void {
    this.setWant();
    this.end = End.Ok;
    this.reason = R.NONE;
    this.event = 0;
    this.stage = 0;
    this.class = EventClass.IN;
    this.ipaHi = 0;
    this.ipaLo = 0;
    this.fetchHi = 0;
    this.fetchLo = 0;
    this.razwi = false;
    this.permissions1 = 7;
    this.permissions2 = 7;
    this.sizeLg2Stage1 = 64;
    this.sizeLg2Stage2 = 64;
    this.bypass = false;
  }

  /** Derive what is wanted from the attributes; a write is data whatever they say. */
  setWant(): void {
    this.want = this.write ? Want.Write : this.instruction ? Want.Execute : Want.Read;
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
